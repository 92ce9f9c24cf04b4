import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { learn } from '../../../src/integrations/store.ts';
import { createLogger } from '../../../src/log.ts';
import { createProviders } from '../../../src/providers/index.ts';
import { type ApiAnswer, createTestApi, type TestApi, type TestTenant } from '../../support/api.ts';
import { type Meta, type MetaPage, startMeta } from '../../support/meta.ts';

let meta: Meta;
let api: TestApi;
let tenant: TestTenant;
let page: MetaPage;
const someTime: unknown = expect.stringMatching(/^\d{4}-.*Z$/);

beforeAll(async () => {
  meta = await startMeta();
  const logger = createLogger({ level: 'silent' });
  const settings = { baseUrl: meta.url, version: 'v26.0', timeoutMs: 2_000, logger };
  api = await createTestApi({ providers: createProviders(settings) });
  tenant = await api.createTenant();
  page = await meta.page({ name: 'The Bakery' });
});
afterAll(async () => {
  await api.close();
  await meta.close();
});

const path = '/v1/integrations';

function connect(body: object, token = tenant.key): Promise<ApiAnswer> {
  return api.call('POST', path, { token, body: { provider: 'facebook', ...body } });
}

function connectPage({ id, token }: MetaPage, more: object = {}): Promise<ApiAnswer> {
  return connect({ external_account_id: id, access_token: token, ...more });
}

async function sealedToken(id: string): Promise<string | null | undefined> {
  const [row] = await api.db.query<{ sealed_token: string | null }>({
    text: 'SELECT sealed_token FROM social_publisher.integrations WHERE id = $1',
    values: [id],
  });
  return row?.sealed_token;
}

async function countIntegrations(): Promise<number> {
  return (await api.db.query<object>({ text: 'SELECT 1 FROM social_publisher.integrations' }))
    .length;
}

const tokenView = z.looseObject({ access_token: z.string() });

async function newToken(options: object): Promise<string> {
  return tokenView.parse(await meta.control('POST', 'tokens', options)).access_token;
}

describe('an account', () => {
  it('is connected once its token is proven, and its token is sealed for it alone', async () => {
    const made = await connectPage(page);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      provider: 'facebook',
      external_account_id: page.id,
      name: 'The Bakery',
      status: 'active',
      advice: null,
      error: null,
      verified_at: someTime,
    });
    expect(made.text).not.toContain(page.token);
    const sealed = await sealedToken(made.body.id);
    expect(sealed).not.toContain(page.token);
    const own = { tenantId: tenant.id, integrationId: made.body.id };
    expect(api.services.vault.open(sealed ?? '', own).reveal()).toBe(page.token);
    const read = await api.call('GET', `${path}/${made.body.id}`, { token: tenant.readKey });
    expect(read.body).toEqual(made.body);
  });

  it('tells what its network was seen to do for it, and what is unknown', async () => {
    const { body } = await connectPage(await meta.page());
    const unknown = { value: 'unknown', seen_at: null };
    expect(body['capabilities']).toMatchObject({ lists_drafts: unknown, photo_reuse: unknown });
    await learn(api.db, body.id, { lists_drafts: 'yes', photo_reuse: 'yes' });
    await learn(api.db, body.id, { photo_reuse: 'no' });
    const read = await api.call('GET', `${path}/${body.id}`, { token: tenant.readKey });
    expect(read.body['capabilities']).toMatchObject({
      lists_drafts: { value: 'yes', seen_at: someTime },
      lists_scheduled: unknown,
      photo_reuse: { value: 'no', seen_at: someTime },
    });
  });

  it('connected again keeps its id, gets the new token and is healthy again', async () => {
    const known = await meta.page();
    const first = await connectPage(known, { name: 'Our own name' });
    await api.db.query({
      text: `UPDATE social_publisher.integrations SET status = 'needs_reconnect', error = '{}' WHERE id = $1`,
      values: [first.body.id],
    });
    const token = await newToken({ page_id: known.id });
    const second = await connectPage({ id: known.id, token });
    expect(second.status).toBe(200);
    expect(second.body).toMatchObject({
      id: first.body.id,
      status: 'active',
      error: null,
      advice: null,
    });
    const own = { tenantId: tenant.id, integrationId: first.body.id };
    const sealed = await sealedToken(first.body.id);
    expect(api.services.vault.open(sealed ?? '', own).reveal()).toBe(token);
  });

  it('connected by many requests at once is one integration', async () => {
    const crowd = await meta.page();
    const answers = await Promise.all(Array.from({ length: 6 }, () => connectPage(crowd)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  });

  it('connected again has its approved posts planned again', async () => {
    const planned = await meta.page();
    const { body } = await connectPage(planned);
    await api.db.query({
      text: `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message)
             VALUES ($1, $2, 'approved', 'Hello')`,
      values: [tenant.id, body.id],
    });
    await api.db.query({
      text: `UPDATE social_publisher.social_posts SET internal_write = true, next_run_at = '2030-01-01Z'
             WHERE integration_id = $1`,
      values: [body.id],
    });
    await connectPage(planned);
    const [post] = await api.db.query<{ next_run_at: Date | null }>({
      text: 'SELECT next_run_at FROM social_publisher.social_posts WHERE integration_id = $1',
      values: [body.id],
    });
    expect(post?.next_run_at).toBeNull();
  });

  it('costs its account the calls of its proof', async () => {
    const counted = await meta.page();
    const before = (await meta.requests()).length;
    await connectPage(counted);
    const made = (await meta.requests()).length - before;
    const [used] = await api.db.query<{ calls: number }>({
      text: 'SELECT calls FROM social_publisher.call_usage WHERE budget_key = $1',
      values: [`facebook::${counted.id}`],
    });
    expect(made).toBeGreaterThan(1);
    expect(used?.calls).toBe(made);
  });
});

async function usedBy(key: string): Promise<number> {
  const [row] = await api.db.query<{ calls: number }>({
    text: `SELECT coalesce(sum(calls), 0)::int AS calls FROM social_publisher.call_usage WHERE budget_key = $1`,
    values: [key],
  });
  return row?.calls ?? 0;
}

describe('connections that fail', () => {
  it('cost the tenant that sent them, and not the account that they named', async () => {
    const victim = await meta.page();
    await connectPage(victim);
    const used = await usedBy(`facebook::${victim.id}`);
    const calls = (await meta.requests()).length;
    const hostile = await api.createTenant();
    const answers: ApiAnswer[] = [];
    for (let round = 0; round < 7; round += 1) {
      const atOnce = Array.from({ length: 30 }, (_, index) =>
        connect(
          { external_account_id: victim.id, access_token: `EAAbogus${round}x${index}` },
          hostile.key,
        ),
      );
      answers.push(...(await Promise.all(atOnce)));
    }
    expect(await usedBy(`facebook::${victim.id}`)).toBe(used);
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(60);
    const limited = answers.filter(({ status }) => status === 429);
    expect(limited).toHaveLength(150);
    expect(limited[0]?.body).toMatchObject({
      code: 'too_many_requests',
      detail: '60 connections of this tenant failed within an hour.',
    });
    expect(Number(limited[0]?.headers['retry-after'])).toBeGreaterThan(3_000);
    expect((await meta.requests()).length - calls).toBe(60);
    expect((await connectPage(victim)).status).toBe(200);
  });

  it('count whatever came instead of a proof, and those that succeed do not', async () => {
    const own = await meta.page();
    const owner = await api.createTenant();
    const send = (token: string) =>
      connect({ external_account_id: own.id, access_token: token }, owner.key);
    await meta.control('POST', 'faults', {
      kind: 'error',
      code: 4,
      times: 1,
      match: { token: own.token },
    });
    expect((await send(own.token)).status).toBe(429);
    expect((await send(await newToken({ type: 'user', page_ids: [own.id] }))).status).toBe(422);
    expect(await usedBy(`connect:${owner.id}`)).toBe(2);
    expect(await usedBy(`facebook::${own.id}`)).toBe(0);
    expect((await send(own.token)).status).toBe(201);
    expect(await usedBy(`connect:${owner.id}`)).toBe(2);
  });

  it('never go beyond the hour of an account that the tenant proved to be its own', async () => {
    const own = await meta.page();
    const { body } = await connectPage(own);
    await api.db.query({
      text: `UPDATE social_publisher.call_usage SET calls = 200 WHERE budget_key = $1`,
      values: [`facebook::${own.id}`],
    });
    const before = (await meta.requests()).length;
    const refused = await connectPage(own);
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_requests' } });
    expect((await meta.requests()).length).toBe(before);
    const read = await api.call('GET', `${path}/${body.id}`, { token: tenant.key });
    expect(read.body['status']).toBe('active');
  });
});

async function attempt(body: object) {
  const before = await countIntegrations();
  const answer = await connect(body);
  return { answer, saved: (await countIntegrations()) - before };
}

describe('nothing is saved', () => {
  it.each(['expired', 'revoked', 'password_changed'])('of a token that is %s', async (state) => {
    const dead = await meta.page();
    await meta.control('PATCH', 'tokens', { page_id: dead.id, state });
    const body = { external_account_id: dead.id, access_token: dead.token };
    const { answer, saved } = await attempt(body);
    expect({ saved, code: answer.body.code }).toEqual({ saved: 0, code: 'token_rejected' });
    expect(answer.status).toBe(422);
    expect(answer.body.errors[0]?.path).toBe('access_token');
    expect(answer.text).not.toContain(dead.token);
  });

  it('of a token that Meta does not know', async () => {
    const body = { external_account_id: page.id, access_token: 'EAAnobodyknowsthistoken' };
    const { answer, saved } = await attempt(body);
    expect(answer).toMatchObject({ status: 422, body: { code: 'token_rejected' } });
    expect(saved).toBe(0);
  });

  it('of a token of a person', async () => {
    const token = await newToken({ type: 'user', page_ids: [page.id] });
    const body = { external_account_id: page.id, access_token: token };
    const { answer, saved } = await attempt(body);
    expect(answer).toMatchObject({ status: 422, body: { code: 'token_is_user_token' } });
    expect(saved).toBe(0);
  });

  it('of a token without its permissions', async () => {
    const token = await newToken({ page_id: page.id, scopes: ['public_profile'] });
    const body = { external_account_id: page.id, access_token: token };
    const { answer, saved } = await attempt(body);
    expect(answer).toMatchObject({ status: 422, body: { code: 'permission_missing' } });
    expect(saved).toBe(0);
  });

  it.each(['reset', 'html_502', 'code_2', 'truncated'])(
    'while Meta answers with %s',
    async (kind) => {
      const away = await meta.page();
      await meta.control('POST', 'faults', { kind, times: 1, match: { token: away.token } });
      const body = { external_account_id: away.id, access_token: away.token };
      const { answer, saved } = await attempt(body);
      expect(answer).toMatchObject({ status: 503, body: { code: 'provider_unreachable' } });
      expect(saved).toBe(0);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    },
  );

  it('of a network that is not ours', async () => {
    const body = { provider: 'friendster', external_account_id: '1', access_token: 'x' };
    const { answer, saved } = await attempt(body);
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'unknown_provider', errors: [{ path: 'provider', rule: 'provider_known' }] },
    });
    expect(answer.body['detail']).toContain('facebook');
    expect(saved).toBe(0);
  });

  it.each([
    [{}, 400],
    [{ external_account_id: 123, access_token: 'x' }, 400],
    [{ external_account_id: '1/../me', access_token: 'x' }, 422],
    [{ external_account_id: '', access_token: 'x' }, 422],
    [{ external_account_id: '1', access_token: '' }, 422],
    [{ external_account_id: '1', access_token: 'line\r\nX-Injected: 1' }, 422],
    [{ external_account_id: '1', access_token: 'x'.repeat(5_000) }, 422],
    [{ external_account_id: '1', access_token: 'x', token: 'y' }, 400],
  ])('of %j', async (body, status) => {
    expect((await connect(body)).status).toBe(status);
  });

  it('says nothing of the token that came with a bad request', async () => {
    const answer = await connect({ external_account_id: '1', access_token: 'EAAsecret secret' });
    expect(answer.text).not.toContain('EAAsecret');
    expect(api.logged.join('')).not.toContain('EAAsecret');
  });
});

describe('disconnecting', () => {
  it('forgets the token, may be repeated, and connecting again brings it back', async () => {
    const gone = await meta.page();
    const { body } = await connectPage(gone);
    const one = `${path}/${body.id}`;
    expect((await api.call('DELETE', one, { token: tenant.key })).status).toBe(204);
    expect((await api.call('DELETE', one, { token: tenant.key })).status).toBe(204);
    expect(await sealedToken(body.id)).toBeNull();
    const read = await api.call('GET', one, { token: tenant.key });
    expect(read.body).toMatchObject({ status: 'disconnected' });
    expect(read.body['advice']).toContain('Connect the account again');
    const back = await connectPage(gone);
    expect(back).toMatchObject({ status: 200, body: { id: body.id, status: 'active' } });
  });
});

describe('another tenant', () => {
  it('neither sees nor disconnects an integration, and may connect the same account', async () => {
    const shared = await meta.page();
    const { body } = await connectPage(shared);
    const other = await api.createTenant();
    const one = `${path}/${body.id}`;
    expect((await api.call('GET', one, { token: other.key })).status).toBe(404);
    expect((await api.call('DELETE', one, { token: other.key })).status).toBe(404);
    expect((await api.call('GET', path, { token: other.key })).body.data).toEqual([]);
    const theirs = await api.call('POST', path, {
      token: other.key,
      body: {
        provider: 'facebook',
        external_account_id: shared.id,
        access_token: shared.token,
      },
    });
    expect(theirs.status).toBe(201);
    expect(theirs.body.id).not.toBe(body.id);
  });
});

describe('the list', () => {
  it('comes newest first, a page at a time', async () => {
    const owner = await api.createTenant();
    const ids: string[] = [];
    for (let made = 0; made < 3; made += 1) {
      const { id, token } = await meta.page();
      const body = { provider: 'facebook', external_account_id: id, access_token: token };
      ids.unshift((await api.call('POST', path, { token: owner.key, body })).body.id);
    }
    const one = await api.call('GET', `${path}?limit=2`, { token: owner.key });
    const next = `${path}?limit=2&cursor=${one.body.next_cursor}`;
    const two = await api.call('GET', next, { token: owner.key });
    expect([...one.body.data, ...two.body.data].map(({ id }) => id)).toEqual(ids);
    expect(two.body.next_cursor).toBeNull();
  });
});
