import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { dropExpired } from '../../../src/scheduler/retention-store.ts';
import type { TestTenant } from '../../support/api.ts';
import {
  aBrowser,
  apps,
  type ConnectBench,
  openConnectBench,
  publicUrl,
  redirectUrl,
  told,
} from '../../support/connecting.ts';
import type { MetaPage } from '../../support/meta.ts';

let bench: ConnectBench;
let tenant: TestTenant;
let page: MetaPage;
let ada: string;

beforeAll(async () => {
  bench = await openConnectBench();
  tenant = await bench.api.createTenant();
  page = await bench.meta.page({ name: 'The Bakery' });
  ada = await bench.person([page.id]);
});
afterAll(() => bench.close());

const someTime: unknown = expect.stringMatching(/^\d{4}-.*Z$/);
const someId: unknown = expect.stringMatching(/^[0-9a-f-]{36}$/);
const offered = z.array(z.object({ id: z.string(), name: z.string().nullable() }));

const agree = { page_ids: 'all' };

describe('a person who consents', () => {
  it('comes back with the Pages to choose from, and the one that is chosen is connected', async () => {
    const query = await bench.connect(tenant, { user_id: ada, ...agree });
    expect(Object.fromEntries(query)).toEqual({
      own: 'a b',
      fb_connected: 'true',
      fb_connection: someId,
      fb_pages: JSON.stringify([{ id: page.id, name: 'The Bakery' }]),
    });
    const connection_id = query.get('fb_connection');
    const before = await bench.api.call('GET', `/v1/connections/${connection_id}`, {
      token: tenant.readKey,
    });
    expect(before.body).toEqual({
      id: connection_id,
      provider: 'facebook',
      expires_at: someTime,
      accounts: [
        {
          account_id: page.id,
          name: 'The Bakery',
          usable: true,
          reason: null,
          integration_id: null,
        },
      ],
    });
    const made = await bench.select(tenant, { connection_id, account_id: page.id });
    expect(made.status).toBe(201);
    expect(made.headers['location']).toBe(`/v1/integrations/${made.body.id}`);
    expect(made.body).toMatchObject({
      provider: 'facebook',
      external_account_id: page.id,
      name: 'The Bakery',
      status: 'active',
      connected_at: someTime,
      token_expires_at: null,
      data_access_expires_at: someTime,
      missing_scopes: [],
      app: 'shared',
      login: 'facebook',
      calls: { limit: 200, resets_at: someTime },
    });
    expect(made.body['scopes']).toContain('pages_manage_posts');
    const again = await bench.select(tenant, { connection_id, account_id: page.id });
    expect(again).toMatchObject({ status: 200, body: { id: made.body.id } });
    const after = await bench.api.call('GET', `/v1/connections/${connection_id}`, {
      token: tenant.key,
    });
    expect(after.body['accounts']).toMatchObject([{ integration_id: made.body.id }]);
  });

  it('is kept behind the integration, with the moments at which its token is looked at again', async () => {
    const [row] = await bench.api.db.query<Record<string, unknown>>({
      text: `SELECT i.user_id, i.app_id, l.user_id AS login_user, l.expires_at > now() + interval '50 days' AS lasts,
               l.renew_at BETWEEN now() + interval '44 days' AND now() + interval '56 days' AS renews,
               i.proof_at BETWEEN now() + interval '17 hours' AND now() + interval '31 hours' AS is_proven, i.renew_at
             FROM social_publisher.integrations i JOIN social_publisher.logins l ON l.id = i.login_id
             WHERE i.external_account_id = $1`,
      values: [page.id],
    });
    expect(row).toMatchObject({
      app_id: '',
      lasts: true,
      renews: true,
      is_proven: true,
      renew_at: null,
    });
    expect(row?.['user_id']).toBe(row?.['login_user']);
    expect(row?.['user_id']).toBeTruthy();
  });

  it('may show 60 Pages of a portfolio, and each that is chosen is one integration of one consent', async () => {
    const other = await bench.api.createTenant();
    const pages = await Promise.all(
      Array.from({ length: 60 }, (_, at) =>
        bench.meta.page({ name: `Shop ${at}`, portfolio: true }),
      ),
    );
    const ids = pages.map(({ id }) => id);
    const agent = await bench.person(ids);
    await bench.meta.control('POST', 'businesses', {
      name: 'Agency',
      user_ids: [agent],
      owned_page_ids: ids,
    });
    const query = await bench.connect(other, { user_id: agent, ...agree, business_ids: 'all' });
    const shown = offered.parse(JSON.parse(query.get('fb_pages') ?? ''));
    expect(shown.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(query.has('fb_pages_total')).toBe(false);
    const connection_id = query.get('fb_connection');
    for (const { id } of shown.slice(40, 42)) {
      expect((await bench.select(other, { connection_id, account_id: id })).status).toBe(201);
    }
    const [logins] = await bench.api.db.query<{ count: number }>({
      text: `SELECT count(DISTINCT login_id)::int AS count FROM social_publisher.integrations WHERE tenant_id = $1`,
      values: [other.id],
    });
    expect(logins).toEqual({ count: 1 });
  });

  it('with more than 75 Pages is told how many there are', async () => {
    const pages = await Promise.all(Array.from({ length: 80 }, () => bench.meta.page()));
    const agent = await bench.person(pages.map(({ id }) => id));
    const query = await bench.connect(tenant, { user_id: agent, ...agree });
    expect(offered.parse(JSON.parse(query.get('fb_pages') ?? ''))).toHaveLength(75);
    expect(query.get('fb_pages_total')).toBe('80');
    const { body } = await bench.api.call('GET', `/v1/connections/${query.get('fb_connection')}`, {
      token: tenant.key,
    });
    expect(body['accounts']).toHaveLength(80);
  });
});

describe('an account that could not publish', () => {
  it.each([
    ['a scope unticked', { decline_scopes: ['pages_manage_posts'] }, {}, 'scope_missing'],
    ['no task', {}, { tasks: ['ANALYZE'] }, 'task_missing'],
  ])(
    'is listed behind the others with its reason, and refused: %s',
    async (_what, choice, roles, code) => {
      const poor = await bench.meta.page({ name: 'Poor' });
      const bob = await bench.person([poor.id], roles);
      const query = await bench.connect(tenant, { user_id: bob, ...agree, ...choice });
      expect(query.get('fb_connected')).toBe('true');
      const connection_id = query.get('fb_connection');
      const { body } = await bench.api.call('GET', `/v1/connections/${connection_id}`, {
        token: tenant.key,
      });
      expect(body['accounts']).toMatchObject([
        { account_id: poor.id, usable: false, reason: { code, who: 'tenant_admin' } },
      ]);
      const refused = await bench.select(tenant, { connection_id, account_id: poor.id });
      expect(refused).toMatchObject({
        status: 422,
        body: { code: 'account_not_usable', errors: [{ path: 'account_id', rule: code }] },
      });
    },
  );
});

async function errorOf(back: string, browser = aBrowser()): Promise<string | null> {
  return told(await bench.visit(browser, back)).get('fb_error');
}

describe('the address that the person returns to', () => {
  it('is told that the person said no, once', async () => {
    const browser = aBrowser();
    const back = await bench.consent(browser, await bench.begin(tenant), {
      user_id: ada,
      deny: true,
    });
    expect(await errorOf(back, { cookies: new Map(browser.cookies) })).toBe('authorization_denied');
    expect(await errorOf(back, browser)).toBe('session_expired');
  });

  it('is told nothing the second time, and nothing is connected by it', async () => {
    const browser = aBrowser();
    const back = await bench.consent(browser, await bench.begin(tenant), {
      user_id: ada,
      ...agree,
    });
    const replay = { cookies: new Map(browser.cookies) };
    expect(told(await bench.visit(browser, back)).get('fb_connected')).toBe('true');
    expect(await errorOf(back, replay)).toBe('session_expired');
  });

  it('of two returns at once one is too late', async () => {
    const browser = aBrowser();
    const back = await bench.consent(browser, await bench.begin(tenant), {
      user_id: ada,
      ...agree,
    });
    const copies = [1, 2, 3].map(() => ({ cookies: new Map(browser.cookies) }));
    const answers = await Promise.all(copies.map((copy) => bench.visit(copy, back)));
    const errors = answers.map((answer) => told(answer).get('fb_error'));
    expect(errors.filter((error) => error === null)).toHaveLength(1);
    expect(errors.filter((error) => error === 'session_expired')).toHaveLength(2);
  });

  it('is told session_expired of another browser, and the one that started may still return', async () => {
    const browser = aBrowser();
    const back = await bench.consent(browser, await bench.begin(tenant), {
      user_id: ada,
      ...agree,
    });
    expect(await errorOf(back)).toBe('session_expired');
    expect(told(await bench.visit(browser, back)).get('fb_connected')).toBe('true');
  });

  it('only the browser that went last through the start may return', async () => {
    const [first, second] = [aBrowser(), aBrowser()];
    const start = await bench.begin(tenant);
    const back = await bench.consent(first, start, { user_id: ada, ...agree });
    await bench.visit(second, start);
    expect(await errorOf(back, first)).toBe('session_expired');
    expect(told(await bench.visit(second, back)).get('fb_connected')).toBe('true');
  });

  it('is told when the 15 minutes are over, at the start and at the end', async () => {
    const browser = aBrowser();
    const start = await bench.begin(tenant);
    const back = await bench.consent(browser, start, { user_id: ada, ...agree });
    await bench.api.db.query({
      text: `UPDATE social_publisher.connect_states SET expires_at = clock_timestamp() WHERE used_at IS NULL`,
    });
    expect(await errorOf(back, browser)).toBe('session_expired');
    expect(await errorOf(start, aBrowser())).toBe('session_expired');
  });

  it('is told that the code is missing', async () => {
    const browser = aBrowser();
    const back = new URL(await bench.consent(browser, await bench.begin(tenant), { user_id: ada }));
    const { searchParams } = back;
    searchParams.delete('code');
    expect(await errorOf(back.href, browser)).toBe('missing_params');
  });

  it('is told that Meta gave no token', async () => {
    const browser = aBrowser();
    const back = new URL(await bench.consent(browser, await bench.begin(tenant), { user_id: ada }));
    back.searchParams.set('code', 'AQnot-a-code');
    expect(await errorOf(back.href, browser)).toBe('token_exchange_failed');
  });

  it('is told the same, and Meta is not asked, after too many refusals in an hour', async () => {
    const owner = await bench.api.createTenant();
    const { id } = await bench.meta.page();
    const user_id = await bench.person([id]);
    const refused = await bench.connect(owner, { user_id, page_ids: 'all' });
    expect(refused.get('fb_connected')).toBe('true');
    const book = (calls: number) =>
      bench.api.db.query({
        text: `INSERT INTO social_publisher.call_usage (budget_key, minute, calls)
               VALUES ('connect:' || $1, date_trunc('minute', now()), $2)
               ON CONFLICT (budget_key, minute) DO UPDATE SET calls = EXCLUDED.calls`,
        values: [owner.id, calls],
      });
    const browser = aBrowser();
    const bad = new URL(
      await bench.consent(browser, await bench.begin(owner), { user_id, page_ids: 'all' }),
    );
    bad.searchParams.set('code', 'AQused');
    await book(59);
    expect(told(await bench.visit(browser, bad.href)).get('fb_error')).toBe(
      'token_exchange_failed',
    );
    const before = (await bench.meta.requests()).length;
    const late = await bench.connect(owner, { user_id, page_ids: 'all' });
    expect(late.get('fb_error')).toBe('token_exchange_failed');
    const asked = (await bench.meta.requests()).slice(before);
    expect(asked.filter(({ path }) => path.includes('access_token'))).toEqual([]);
  });

  it('is told that there is no Page at all', async () => {
    const nobody = await bench.person([]);
    const query = await bench.connect(tenant, { user_id: nobody, ...agree });
    expect(Object.fromEntries(query)).toEqual({ own: 'a b', fb_error: 'no_pages' });
  });

  it('is told that the app is gone', async () => {
    const owner = await bench.api.createTenant();
    const path = '/v1/apps/facebook';
    const body = { app_id: apps.own.id, app_secret: apps.own.secret };
    await bench.api.call('PUT', path, { token: owner.key, body });
    const browser = aBrowser();
    const start = await bench.begin(owner);
    const back = await bench.consent(browser, start, { user_id: ada, ...agree });
    await bench.api.call('DELETE', path, { token: owner.key });
    expect(await errorOf(back, browser)).toBe('invalid_config');
    expect(await errorOf(await bench.begin(owner, { app: 'shared' }), aBrowser())).toBeNull();
  });

  it('is told of our own failures', async () => {
    const browser = aBrowser();
    const back = await bench.consent(browser, await bench.begin(tenant), {
      user_id: ada,
      ...agree,
    });
    const rename = (from: string, to: string) =>
      bench.api.db.query({ text: `ALTER TABLE social_publisher.${from} RENAME TO ${to}` });
    await rename('connections', 'gone');
    try {
      expect(await errorOf(back, browser)).toBe('internal_error');
    } finally {
      await rename('gone', 'connections');
    }
    expect(bench.api.logged.join('')).toContain('connecting failed on our side');
  });

  it('is nowhere for a state that nobody made, and for none', async () => {
    const callback = `${publicUrl}/v1/connect/facebook/callback`;
    for (const [query, error] of [
      ['', 'missing_params'],
      ['?code=x', 'missing_params'],
      ['?code=x&state=unknown', 'session_expired'],
      ['?error=access_denied&state=unknown', 'session_expired'],
    ]) {
      const answer = await bench.visit(aBrowser(), `${callback}${query}`);
      expect(answer.status).toBe(400);
      expect(answer.headers['content-type']).toContain('text/html');
      expect(answer.text).toContain(error);
    }
    const start = await bench.visit(aBrowser(), `${publicUrl}/v1/connect/facebook/start?state=x`);
    expect(start).toMatchObject({ status: 400 });
    expect(start.text).toContain('session_expired');
  });
});

describe('the start', () => {
  it('sets a cookie that only the way back sees, and sends no referrer', async () => {
    const answer = await bench.visit(aBrowser(), await bench.begin(tenant));
    expect(answer.status).toBe(303);
    const cookie = String(answer.headers['set-cookie']);
    expect(cookie).toMatch(
      /^connect_\w+=[\w-]{43}; Max-Age=900; Path=\/v1\/connect; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
    });
    const dialog = new URL(String(answer.headers.location));
    expect(dialog.searchParams.get('client_id')).toBe(apps.facebook.id);
    expect(dialog.searchParams.get('redirect_uri')).toBe(
      `${publicUrl}/v1/connect/facebook/callback`,
    );
  });

  it.each([
    'http://calendar.test/back',
    'ftp://calendar.test/back',
    'https://user@calendar.test/',
    'https://calendar.test/#part',
    'https://calendar.test/#',
    'javascript:alert(1)',
    '/back',
    '',
    'https://calendar.test/a b',
    'http://localhost.evil.test/',
  ])('refuses to lead back to %s', async (redirect_url) => {
    const answer = await bench.api.call('POST', '/v1/connect/facebook', {
      token: tenant.key,
      body: { redirect_url },
    });
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'redirect_url_invalid', errors: [{ path: 'redirect_url' }] },
    });
  });

  it.each(['http://localhost:4000/x', 'http://127.0.0.1/x?y=1', 'https://calendar.test'])(
    'leads back to %s',
    async (redirect_url) => {
      const body = { redirect_url };
      const answer = await bench.api.call('POST', '/v1/connect/facebook', {
        token: tenant.key,
        body,
      });
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ expires_at: someTime });
    },
  );

  it('is made so often in an hour by a tenant, and links with it, that they fill nothing', async () => {
    const owner = await bench.api.createTenant();
    await bench.begin(owner);
    await bench.api.db.query({
      text: `UPDATE social_publisher.call_usage SET calls = 1999 WHERE budget_key = 'start:' || $1`,
      values: [owner.id],
    });
    const start = () =>
      bench.api.call('POST', '/v1/connect/facebook', {
        token: owner.key,
        body: { redirect_url: 'https://calendar.test' },
      });
    const link = () => bench.api.call('POST', '/v1/connect-links', { token: owner.key, body: {} });
    expect([(await start()).status, (await start()).status, (await link()).status]).toEqual([
      200, 429, 429,
    ]);
  });

  it('takes the scopes that have a use, and refuses others, logins and networks that are not there', async () => {
    const start = (body: object, provider = 'facebook') =>
      bench.api.call('POST', `/v1/connect/${provider}`, {
        token: tenant.key,
        body: { redirect_url: redirectUrl, ...body },
      });
    const asked = await bench.visit(
      aBrowser(),
      await bench.begin(tenant, { scopes: ['leads_retrieval'] }),
    );
    expect(new URL(String(asked.headers.location)).searchParams.get('scope')).toContain(
      'leads_retrieval',
    );
    expect(await start({ scopes: ['publish_to_groups'] })).toMatchObject({
      status: 422,
      body: { code: 'invalid', errors: [{ path: 'scopes', rule: 'scope_known' }] },
    });
    expect(await start({ login: 'instagram' })).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'login', rule: 'login_known' }] },
    });
    expect(await start({ app: 'own' })).toMatchObject({
      status: 409,
      body: { code: 'invalid_config' },
    });
    expect((await start({}, 'friendster')).status).toBe(404);
    expect((await start({ redirect_url: undefined })).status).toBe(400);
  });
});

describe('another tenant', () => {
  it('gets nothing of a connection or a choice', async () => {
    const query = await bench.connect(tenant, { user_id: ada, ...agree });
    const connection_id = query.get('fb_connection');
    const other = await bench.api.createTenant();
    const read = await bench.api.call('GET', `/v1/connections/${connection_id}`, {
      token: other.key,
    });
    expect(read).toMatchObject({ status: 404, body: { code: 'no_pending_connection' } });
    expect(await bench.select(other, { connection_id, account_id: page.id })).toMatchObject({
      status: 404,
      body: { code: 'no_pending_connection' },
    });
    expect(await bench.select(tenant, { connection_id, account_id: '999' })).toMatchObject({
      status: 404,
      body: { code: 'account_not_found' },
    });
  });

  it('gets nothing of a connection whose time is over', async () => {
    const query = await bench.connect(tenant, { user_id: ada, ...agree });
    const connection_id = query.get('fb_connection');
    await bench.api.db.query({
      text: `UPDATE social_publisher.connections SET expires_at = clock_timestamp()`,
    });
    expect(await bench.select(tenant, { connection_id, account_id: page.id })).toMatchObject({
      status: 404,
      body: { code: 'no_pending_connection' },
    });
  });
});

it('what is over is dropped, and a state of today still knows its way back', async () => {
  const browser = aBrowser();
  const start = await bench.begin(tenant);
  const back = await bench.consent(browser, start, { user_id: ada, ...agree });
  await bench.connect(tenant, { user_id: ada, ...agree });
  const age = (table: string, by: string) =>
    bench.api.db.query({
      text: `UPDATE social_publisher.${table} SET expires_at = clock_timestamp() - interval '${by}'`,
    });
  const count = async (table: string) =>
    (await bench.api.db.query({ text: `SELECT FROM social_publisher.${table}` })).length;
  await age('connections', '1 second');
  await age('connect_states', '23 hours');
  await dropExpired(bench.api.db);
  expect(await count('connections')).toBe(0);
  expect(await errorOf(back, browser)).toBe('session_expired');
  await age('connect_states', '25 hours');
  await dropExpired(bench.api.db);
  expect(await count('connect_states')).toBe(0);
  expect((await bench.visit(browser, back)).status).toBe(400);
});

describe('connecting again', () => {
  it('keeps the id and the old token until the new one has proven itself', async () => {
    const shop = await bench.meta.page();
    const eve = await bench.person([shop.id]);
    const connect = async () => {
      const query = await bench.connect(tenant, { user_id: eve, ...agree });
      return { connection_id: query.get('fb_connection'), account_id: shop.id };
    };
    const first = await bench.select(tenant, await connect());
    const sealed = async () => {
      const [row] = await bench.api.db.query<{ sealed_token: string; status: string }>({
        text: `SELECT sealed_token, status FROM social_publisher.integrations WHERE id = $1`,
        values: [first.body.id],
      });
      return row;
    };
    const before = await sealed();
    const choice = await connect();
    await bench.meta.control('PATCH', 'tokens', { page_id: shop.id, state: 'expired' });
    expect(await bench.select(tenant, choice)).toMatchObject({
      status: 422,
      body: { code: 'token_rejected' },
    });
    expect(await sealed()).toEqual(before);
    const again = await bench.select(tenant, await connect());
    expect(again).toMatchObject({ status: 200, body: { id: first.body.id, status: 'active' } });
    expect((await sealed())?.sealed_token).not.toBe(before?.sealed_token);
  });
});

it('tells no token, code or secret in a line, an address or an answer', async () => {
  const query = await bench.connect(tenant, { user_id: ada, ...agree });
  const tokens = z
    .object({ data: z.array(z.looseObject({ access_token: z.string() })) })
    .parse(await bench.meta.control('GET', 'tokens')).data;
  const secrets = [
    ...tokens.map(({ access_token: token }) => token),
    ...Object.values(apps).map(({ secret }) => secret),
  ];
  const connection = await bench.api.call('GET', `/v1/connections/${query.get('fb_connection')}`, {
    token: tenant.key,
  });
  const list = await bench.api.call('GET', '/v1/integrations', { token: tenant.key });
  const said = [query.toString(), connection.text, list.text, ...bench.api.logged].join('\n');
  expect(secrets.length).toBeGreaterThan(5);
  for (const secret of secrets) expect(said).not.toContain(secret);
  expect(bench.api.logged.join('')).not.toMatch(/code=|state=|AQ[\w-]{40}/);
});
