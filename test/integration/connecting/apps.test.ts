import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { TestTenant } from '../../support/api.ts';
import { operatorToken } from '../../support/api.ts';
import {
  aBrowser,
  apps,
  type ConnectBench,
  openConnectBench,
  publicUrl,
} from '../../support/connecting.ts';
import { openTerminal } from '../cli/terminal.ts';

let bench: ConnectBench;
beforeAll(async () => {
  bench = await openConnectBench({ env: { ENCRYPTION_KEYS: oldKey } });
});
afterAll(() => bench.close());

const keyOf = (id: string, letter: string) =>
  `${id}:${Buffer.from(`${letter}Qx7!pLw2@mZr9#sTv4$uYb6%cNd8^eF`.slice(0, 32)).toString('base64')}`;
const oldKey = keyOf('old', 'o');
const newKey = keyOf('new', 'n');

const idView = z.looseObject({ id: z.string() });
const tokenView = z.looseObject({ access_token: z.string() });
const someNumber: unknown = expect.any(Number);
const path = '/v1/apps/facebook';
const own = { app_id: apps.own.id, app_secret: apps.own.secret };

function put(tenant: TestTenant, body: object) {
  return bench.api.call('PUT', path, { token: tenant.key, body });
}

async function connectPage(tenant: TestTenant) {
  const page = await bench.meta.page();
  const user_id = await bench.person([page.id]);
  const query = await bench.connect(tenant, { user_id, page_ids: 'all' });
  const choice = { connection_id: query.get('fb_connection'), account_id: page.id };
  return { page, user_id, made: await bench.select(tenant, choice) };
}

const clientOf = async (tenant: TestTenant, body: object = {}) => {
  const answer = await bench.visit(aBrowser(), await bench.begin(tenant, body));
  return new URL(String(answer.headers.location)).searchParams.get('client_id');
};

describe("a tenant's own app", () => {
  it('is shown without its secret, keeps what is not sent, and begins anew under another id', async () => {
    const tenant = await bench.api.createTenant();
    expect((await bench.api.call('GET', path, { token: tenant.key })).status).toBe(404);
    const saved = await put(tenant, { ...own, config_id: '77' });
    expect(saved).toMatchObject({
      status: 200,
      body: {
        provider: 'facebook',
        app_id: apps.own.id,
        has_secret: true,
        config_id: '77',
        redirect_uri: `${publicUrl}/v1/connect/facebook/callback`,
      },
    });
    expect(saved.text).not.toContain(apps.own.secret);
    expect((await put(tenant, { app_id: apps.own.id })).body).toMatchObject({
      has_secret: true,
      config_id: '77',
    });
    expect((await put(tenant, { app_id: apps.own.id, config_id: null })).body).toMatchObject({
      has_secret: true,
      config_id: null,
    });
    expect((await put(tenant, { app_id: '9090' })).body).toMatchObject({
      app_id: '9090',
      has_secret: false,
    });
    const answer = await bench.api.call('GET', path, { token: tenant.readKey });
    expect(answer.body).toMatchObject({ app_id: '9090', has_secret: false });
    expect(bench.api.logged.join('')).not.toContain(apps.own.secret);
  });

  it.each([
    { app_id: 'abc' },
    { app_secret: 'x' },
    { app_id: '1', app_secret: 'a b' },
    { app_id: '1', x: 1 },
  ])('is not made of %j', async (body) => {
    const tenant = await bench.api.createTenant();
    expect([400, 422]).toContain((await put(tenant, body)).status);
    expect((await bench.api.call('GET', path, { token: tenant.key })).status).toBe(404);
  });

  it('is the one that people consent to, unless the shared one is asked for', async () => {
    const tenant = await bench.api.createTenant();
    await put(tenant, own);
    expect(await clientOf(tenant)).toBe(apps.own.id);
    expect(await clientOf(tenant, { app: 'shared' })).toBe(apps.facebook.id);
    const other = await bench.api.createTenant();
    expect(await clientOf(other)).toBe(apps.facebook.id);
  });

  it("and the operator's asks by its configuration where it has one", async () => {
    const business = await openConnectBench({ env: { META_CONFIG_ID: '88' } });
    try {
      const tenant = await business.api.createTenant();
      const { headers } = await business.visit(aBrowser(), await business.begin(tenant));
      const { searchParams } = new URL(String(headers.location));
      expect(searchParams.get('config_id')).toBe('88');
      expect(searchParams.has('scope')).toBe(false);
    } finally {
      await business.close();
    }
  });

  it('without its secret is no usable app', async () => {
    const tenant = await bench.api.createTenant();
    await put(tenant, { app_id: apps.own.id });
    const body = { redirect_url: 'https://calendar.test' };
    expect(
      await bench.api.call('POST', '/v1/connect/facebook', { token: tenant.key, body }),
    ).toMatchObject({ status: 409, body: { code: 'invalid_config' } });
  });

  it('stays as long as integrations rest on it, replaced or not', async () => {
    const tenant = await bench.api.createTenant();
    await put(tenant, own);
    const { made, page } = await connectPage(tenant);
    expect(made).toMatchObject({ status: 201, body: { app: 'own', status: 'active' } });
    expect(await bench.api.call('DELETE', path, { token: tenant.key })).toMatchObject({
      status: 409,
      body: { code: 'app_in_use' },
    });
    await put(tenant, { app_id: '9090', app_secret: 'another-secret' });
    const proof = await bench.api.call('POST', `/v1/integrations/${made.body.id}/refresh`, {
      token: tenant.key,
    });
    expect(proof).toMatchObject({
      status: 200,
      body: { status: 'active', external_account_id: page.id },
    });
    expect((await bench.api.call('DELETE', path, { token: tenant.key })).status).toBe(204);
    expect((await bench.api.call('GET', path, { token: tenant.key })).status).toBe(404);
  });

  it('is gone once nothing rests on it', async () => {
    const tenant = await bench.api.createTenant();
    await put(tenant, own);
    const { made } = await connectPage(tenant);
    const one = `/v1/integrations/${made.body.id}`;
    expect((await bench.api.call('DELETE', one, { token: tenant.key })).status).toBe(204);
    expect((await bench.api.call('DELETE', path, { token: tenant.key })).status).toBe(204);
    expect((await bench.api.call('DELETE', path, { token: tenant.key })).status).toBe(404);
  });

  it('that was replaced stays for a few changes only, where nothing rests on it', async () => {
    const tenant = await bench.api.createTenant();
    await put(tenant, own);
    const { made } = await connectPage(tenant);
    expect(made.status).toBe(201);
    for (let n = 0; n < 9; n += 1)
      await put(tenant, { app_id: `${900 + n}`, app_secret: 'secret' });
    const kept = await bench.api.db.query<{ app_id: string }>({
      text: `SELECT app_id FROM social_publisher.apps WHERE tenant_id = $1 ORDER BY app_id`,
      values: [tenant.id],
    });
    const names = ['903', '904', '905', '906', '907', '908', own.app_id];
    expect(kept.map(({ app_id }) => app_id).toSorted()).toEqual(names.toSorted());
  });

  it('saved by many requests at once is one', async () => {
    const tenant = await bench.api.createTenant();
    const ids = ['1', '2', '3', '4', '5', '6'];
    const answers = await Promise.all(ids.map((app_id) => put(tenant, { app_id })));
    expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 200));
    const current = await bench.api.db.query({
      text: `SELECT app_id FROM social_publisher.apps WHERE tenant_id = $1 AND is_current`,
      values: [tenant.id],
    });
    expect(current).toHaveLength(1);
  });
});

function environment(keys: string) {
  return { DATABASE_URL: bench.api.url, ADMIN_TOKEN: operatorToken, ENCRYPTION_KEYS: keys };
}

async function isHeld(id: unknown): Promise<boolean | undefined> {
  const [row] = await bench.api.db.query<{ held: boolean }>({
    text: `SELECT coalesce(held_until > now(), false) AS held FROM social_publisher.integrations WHERE id = $1`,
    values: [id],
  });
  return row?.held;
}

function refresh(tenant: TestTenant, id: unknown) {
  return bench.api.call('POST', `/v1/integrations/${String(id)}/refresh`, { token: tenant.key });
}

/** By hand, of an app under an id that is another's. */
async function connectAs(appId: string) {
  const tenant = await bench.api.createTenant();
  await put(tenant, { app_id: appId, app_secret: apps.own.secret });
  const { id } = await bench.meta.page({ app_id: apps.own.id });
  const { access_token } = tokenView.parse(
    await bench.meta.control('POST', 'tokens', { page_id: id, app_id: apps.own.id }),
  );
  const body = { provider: 'facebook', external_account_id: id, access_token };
  const { body: made } = await bench.api.call('POST', '/v1/integrations', {
    token: tenant.key,
    body,
  });
  return { tenant, id: made.id };
}

describe('what one tenant says or runs into', () => {
  it("of the operator's app, under its id, holds nobody else's accounts", async () => {
    const { made } = await connectPage(await bench.api.createTenant());
    const stranger = await connectAs(apps.facebook.id);
    await refresh(stranger.tenant, stranger.id);
    expect(await isHeld(stranger.id)).toBe(true);
    expect(await isHeld(made.body.id)).toBe(false);
  });

  it("of another tenant's app, under its id, holds nobody else's accounts", async () => {
    const owner = await bench.api.createTenant();
    await put(owner, own);
    const { made } = await connectPage(owner);
    const stranger = await connectAs(apps.own.id);
    const limit = { kind: 'error', code: 4, http_status: 400 };
    await bench.meta.control('POST', 'faults', { match: { path: '/me' }, ...limit });
    await refresh(stranger.tenant, stranger.id);
    expect(await isHeld(stranger.id)).toBe(true);
    expect(await isHeld(made.body.id)).toBe(false);
  });

  it('of an Instagram login whose app nobody can tell holds nobody else’s accounts', async () => {
    const { made } = await connectPage(await bench.api.createTenant());
    const owner = await bench.api.createTenant();
    const provider = 'instagram';
    const user_id = idView.parse(
      await bench.meta.control('POST', 'instagram_accounts', { username: 'limited' }),
    ).id;
    const id = (await bench.connect(owner, { user_id }, { provider })).get('ig_integration');
    const limit = { kind: 'error', code: 4, http_status: 400 };
    await bench.meta.control('POST', 'faults', {
      match: { path: '/instagram-graph/me' },
      ...limit,
    });
    await refresh(owner, id);
    expect(await isHeld(id)).toBe(true);
    expect(await isHeld(made.body.id)).toBe(false);
  });
});

describe('the keys', () => {
  it('that seal an app, a login or a connection are counted, and rotated where they last', async () => {
    const tenant = await bench.api.createTenant();
    await put(tenant, own);
    const { made } = await connectPage(tenant);
    expect(made.status).toBe(201);
    const both = openTerminal(environment(`${newKey},${oldKey}`));
    const before = (await both(['keys', 'status', '--json'])).json();
    expect(before).toMatchObject([
      { key_id: 'new', logins: 0, apps: 0, connections: 0 },
      {
        key_id: 'old',
        logins: someNumber,
        apps: someNumber,
        connections: someNumber,
      },
    ]);
    const alone = await openTerminal(environment(newKey))(['keys', 'status']);
    expect(alone.code).toBe(1);
    expect((await both(['keys', 'rotate'])).code).toBe(0);
    const after = (await both(['keys', 'status', '--json'])).json();
    expect(after).toMatchObject([
      { key_id: 'new' },
      { key_id: 'old', integrations: 0, logins: 0, apps: 0 },
    ]);
    const sealed = await bench.api.db.query<{ sealed: string }>({
      text: `SELECT sealed_token AS sealed FROM social_publisher.logins
              UNION ALL SELECT sealed_secret FROM social_publisher.apps WHERE sealed_secret IS NOT NULL`,
    });
    expect(sealed.length).toBeGreaterThan(2);
    for (const row of sealed) expect(row.sealed).toMatch(/^v1\.new\./);
  });
});
