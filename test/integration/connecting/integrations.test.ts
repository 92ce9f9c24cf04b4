import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { TestTenant } from '../../support/api.ts';
import { apps, type ConnectBench, openConnectBench } from '../../support/connecting.ts';

let bench: ConnectBench;
let tenant: TestTenant;
beforeAll(async () => {
  bench = await openConnectBench();
  tenant = await bench.api.createTenant();
});
afterAll(() => bench.close());

const someTime: unknown = expect.stringMatching(/^\d{4}-.*Z$/);
const tokenView = z.looseObject({ access_token: z.string() });

async function newToken(options: object): Promise<string> {
  return tokenView.parse(await bench.meta.control('POST', 'tokens', options)).access_token;
}

/** By hand. */
function hand(body: object, owner = tenant) {
  return bench.api.call('POST', '/v1/integrations', {
    token: owner.key,
    body: { provider: 'facebook', ...body },
  });
}

const sharedApp = { app_id: apps.facebook.id };

async function aPage(app: object = sharedApp) {
  const { id } = await bench.meta.page();
  return { id, token: await newToken({ page_id: id, ...app }) };
}

/** By the dialog. */
async function connectPages(user_id: string, ids: readonly string[], owner = tenant) {
  const query = await bench.connect(owner, { user_id, page_ids: 'all' });
  const connection_id = query.get('fb_connection');
  const made = [];
  for (const account_id of ids) made.push(await bench.select(owner, { connection_id, account_id }));
  return made.map(({ body }) => body.id);
}

function drop(id: string | undefined, owner = tenant) {
  return bench.api.call('DELETE', `/v1/integrations/${id}`, { token: owner.key });
}

async function consents(userId: string): Promise<number> {
  const users = z
    .object({
      data: z.array(
        z.looseObject({
          id: z.string(),
          grants: z.array(z.object({ granted: z.array(z.string()) }).loose()),
        }),
      ),
    })
    .parse(await bench.meta.control('GET', 'users')).data;
  const grants = users.find(({ id }) => id === userId)?.grants ?? [];
  return grants.filter(({ granted }) => granted.length > 0).length;
}

function send(page: { id: string; token: string }, by: TestTenant) {
  return hand({ external_account_id: page.id, access_token: page.token }, by);
}

describe('a token by hand', () => {
  it('tells what is known of it', async () => {
    const page = await aPage();
    const made = await hand({ external_account_id: page.id, access_token: page.token });
    expect(made).toMatchObject({
      status: 201,
      body: {
        app: 'shared',
        token_expires_at: null,
        data_access_expires_at: someTime,
        connected_at: someTime,
        calls: { limit: 200, resets_at: someTime },
      },
    });
    expect(made.body['scopes']).toContain('pages_manage_posts');
    expect(made.body['missing_scopes']).not.toContain('pages_manage_posts');
  });

  it('that ends by time is refused with the way to another, or taken with its end shown', async () => {
    const { id } = await bench.meta.page();
    const end = new Date(Date.now() + 3_600_000);
    const access_token = await newToken({
      page_id: id,
      ...sharedApp,
      expires_at: end.toISOString(),
    });
    const refused = await hand({ external_account_id: id, access_token });
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'token_expires', errors: [{ path: 'access_token' }] },
    });
    expect(refused.body['detail']).toContain('/v1/connect/facebook');
    const taken = await hand({ external_account_id: id, access_token, accept_expiring: true });
    expect(taken.status).toBe(201);
    expect(
      Math.abs(Date.parse(String(taken.body['token_expires_at'])) - end.getTime()),
    ).toBeLessThan(2_000);
  });

  it('is not taken unproven while the app has no calls left to ask about it', async () => {
    const page = await aPage();
    const limit = { kind: 'error', code: 4, http_status: 400 };
    await bench.meta.control('POST', 'faults', { match: { path: '/debug_token' }, ...limit });
    expect((await send(page, tenant)).status).toBe(429);
    expect((await send(page, tenant)).status).toBe(201);
  });

  it("is of the tenant's own app, of the operator's, or of one that nobody named", async () => {
    const owner = await bench.api.createTenant();
    const body = { app_id: apps.own.id, app_secret: apps.own.secret };
    await bench.api.call('PUT', '/v1/apps/facebook', { token: owner.key, body });
    const [own, shared] = [await aPage({ app_id: apps.own.id }), await aPage()];
    const strange = await aPage({ app_id: '1010101010101010' });
    expect(await send(own, owner)).toMatchObject({ status: 201, body: { app: 'own' } });
    expect(await send(shared, owner)).toMatchObject({ status: 201, body: { app: 'shared' } });
    for (const page of [own, strange]) {
      expect(await send(page, tenant)).toMatchObject({
        status: 422,
        body: { code: 'token_of_another_app', errors: [{ path: 'access_token' }] },
      });
    }
  });

  it('says what is wrong with the id of the account', async () => {
    const answer = await hand({ external_account_id: 'my-page', access_token: 'EAAtoken' });
    expect(answer).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'external_account_id' }] },
    });
  });

  it('without a permission is told so', async () => {
    const { id } = await bench.meta.page();
    const access_token = await newToken({ page_id: id, ...sharedApp, scopes: ['pages_show_list'] });
    expect(await hand({ external_account_id: id, access_token })).toMatchObject({
      status: 422,
      body: { code: 'permission_missing' },
    });
  });
});

describe('disconnecting', () => {
  it('takes the consent back with the last account that rests on it, and not before', async () => {
    const pages = [await bench.meta.page(), await bench.meta.page()];
    const ids = pages.map(({ id }) => id);
    const ada = await bench.person(ids);
    const [first, second] = await connectPages(ada, ids);
    // What she could still choose rests on the consent too.
    await bench.api.db.query({ text: 'DELETE FROM social_publisher.connections' });
    expect((await drop(first)).status).toBe(204);
    expect(await consents(ada)).toBe(1);
    expect((await drop(second)).status).toBe(204);
    expect(await consents(ada)).toBe(0);
    const left = await bench.api.db.query({
      text: `SELECT FROM social_publisher.logins WHERE tenant_id = $1`,
      values: [tenant.id],
    });
    expect(left).toEqual([]);
  });

  it('leaves the consent that another tenant rests on, or a choice that is still open', async () => {
    const { id } = await bench.meta.page();
    const bob = await bench.person([id]);
    const other = await bench.api.createTenant();
    const [ours] = await connectPages(bob, [id]);
    const [theirs] = await connectPages(bob, [id], other);
    await bench.api.db.query({ text: 'DELETE FROM social_publisher.connections' });
    expect((await drop(ours)).status).toBe(204);
    expect(await consents(bob)).toBe(1);
    await bench.connect(tenant, { user_id: bob, page_ids: 'all' });
    expect((await drop(theirs, other)).status).toBe(204);
    expect(await consents(bob)).toBe(1);
  });

  it('works while Meta is away', async () => {
    const { id } = await bench.meta.page();
    const eve = await bench.person([id]);
    const [made] = await connectPages(eve, [id]);
    await bench.api.db.query({ text: 'DELETE FROM social_publisher.connections' });
    await bench.meta.control('POST', 'faults', { kind: 'reset', times: 50 });
    try {
      expect((await drop(made)).status).toBe(204);
    } finally {
      await bench.meta.control('DELETE', 'faults');
    }
    expect(bench.api.logged.join('')).toContain('consent not taken back');
  });
});

function refresh(id: string | undefined, owner = tenant) {
  return bench.api.call('POST', `/v1/integrations/${id}/refresh`, { token: owner.key });
}

describe('proving now', () => {
  it('shows what the token may do now', async () => {
    const page = await aPage();
    const { body } = await hand({ external_account_id: page.id, access_token: page.token });
    await bench.meta.control('PATCH', 'tokens', {
      page_id: page.id,
      remove_scopes: ['read_insights'],
    });
    const answer = await refresh(body.id);
    expect(answer).toMatchObject({ status: 200, body: { status: 'active' } });
    expect(answer.body['scopes']).not.toContain('read_insights');
  });

  it('finds a dead token dead, and one that lives again alive', async () => {
    const page = await aPage();
    const { body } = await hand({ external_account_id: page.id, access_token: page.token });
    await bench.meta.control('PATCH', 'tokens', { page_id: page.id, state: 'password_changed' });
    expect(await refresh(body.id)).toMatchObject({
      status: 200,
      body: { status: 'needs_reconnect', error: { class: 'reauth' } },
    });
    await bench.meta.control('PATCH', 'tokens', { page_id: page.id, state: 'valid' });
    expect(await refresh(body.id)).toMatchObject({
      status: 200,
      body: { status: 'active', error: null },
    });
  });

  it('of what is disconnected is its reading, of another tenant nothing', async () => {
    const page = await aPage();
    const { body } = await hand({ external_account_id: page.id, access_token: page.token });
    await drop(body.id);
    expect(await refresh(body.id)).toMatchObject({ status: 200, body: { status: 'disconnected' } });
    expect((await refresh(body.id, await bench.api.createTenant())).status).toBe(404);
  });

  it('says that Meta did not answer, and leaves the integration as it is', async () => {
    const page = await aPage();
    const { body } = await hand({ external_account_id: page.id, access_token: page.token });
    await bench.meta.control('POST', 'faults', {
      kind: 'html_502',
      times: 1,
      match: { token: page.token },
    });
    expect(await refresh(body.id)).toMatchObject({
      status: 503,
      body: { code: 'provider_unreachable' },
    });
    const read = await bench.api.call('GET', `/v1/integrations/${body.id}`, { token: tenant.key });
    expect(read.body['status']).toBe('active');
  });
});

function businesses(id: string | undefined, owner = tenant) {
  return bench.api.call('GET', `/v1/integrations/${id}/businesses`, { token: owner.key });
}

describe('businesses', () => {
  it('come with their Pages, for whoever connected by the dialog', async () => {
    const pages = [
      await bench.meta.page({ name: 'Own' }),
      await bench.meta.page({ name: "Client's" }),
    ];
    const [own = '', client = ''] = pages.map(({ id }) => id);
    const agent = await bench.person([own, client]);
    await bench.meta.control('POST', 'businesses', {
      name: 'Agency',
      user_ids: [agent],
      owned_page_ids: [own],
      client_page_ids: [client],
    });
    const [id] = await connectPages(agent, [own]);
    const answer = await businesses(id);
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body.data).toMatchObject([
      {
        name: 'Agency',
        pages: [
          { id: own, name: 'Own', relation: 'owned' },
          { id: client, name: "Client's", relation: 'client' },
        ],
        ad_accounts: [],
      },
    ]);
    expect((await businesses(id, await bench.api.createTenant())).status).toBe(404);
  });

  it('cost the person calls, of which an hour has so many', async () => {
    const owner = await bench.api.createTenant();
    const page = await bench.meta.page();
    const user_id = await bench.person([page.id]);
    const [id] = await connectPages(user_id, [page.id], owner);
    const read = () =>
      bench.api.call('GET', `/v1/integrations/${id}/businesses`, { token: owner.key });
    expect((await read()).status).toBe(200);
    const spent = await bench.api.db.query({
      text: `UPDATE social_publisher.call_usage SET calls = 200 WHERE budget_key LIKE 'person:' || $1 || ':%' RETURNING calls`,
      values: [owner.id],
    });
    expect(spent).toHaveLength(1);
    expect((await read()).status).toBe(429);
  });

  it('need a person: a token by hand has none', async () => {
    const page = await aPage();
    const { body } = await hand({ external_account_id: page.id, access_token: page.token });
    expect(await businesses(body.id)).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });
});

it('an integration that nothing is published through takes no post', async () => {
  const [row] = await bench.api.db.query<{ id: string }>({
    text: `INSERT INTO social_publisher.integrations (tenant_id, provider, external_account_id)
           VALUES ($1, 'meta_ads', '123') RETURNING id`,
    values: [tenant.id],
  });
  for (const status of ['draft', 'approved']) {
    const body = { integration_id: row?.id, message: 'Hello', status };
    expect(await bench.api.call('POST', '/v1/posts', { token: tenant.key, body })).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'integration_id', rule: 'provider_supported' }] },
    });
  }
  const page = await aPage();
  const made = await hand({ external_account_id: page.id, access_token: page.token });
  const body = { integration_id: made.body.id, message: 'Hello' };
  const post = await bench.api.call('POST', '/v1/posts', { token: tenant.key, body });
  const moved = await bench.api.call('PATCH', `/v1/posts/${post.body.id}`, {
    token: tenant.key,
    body: { integration_id: row?.id },
  });
  expect(moved).toMatchObject({ status: 422, body: { errors: [{ rule: 'provider_supported' }] } });
});
