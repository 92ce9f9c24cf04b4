import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Grant } from '../../../src/providers/connecting.ts';
import { Secret } from '../../../src/secret.ts';
import { failureOf } from './sandbox-page.ts';
import { error, paramsOf, startScriptedMeta } from './scripted-meta.ts';

const app = { appId: '4242', appSecret: new Secret('planted-app-secret'), configId: null };
const redirectUri = 'https://publisher.example.com/v1/connect/facebook/callback?a=b%20c';
const longToken = 'EAALongLivedTokenOfThePerson';
const inDays = (days: number) => Math.floor(Date.now() / 1000) + days * 86_400;

let meta: Awaited<ReturnType<typeof startScriptedMeta>>;
beforeAll(async () => {
  meta = await startScriptedMeta();
});
afterAll(() => meta.close());

function login(name = 'facebook') {
  const { connect, ...seen } = meta.connect(name);
  const found = connect.logins.find((one) => one.name === 'facebook');
  if (found === undefined) throw new Error(`${name} has no Facebook Login`);
  return { login: found, ...seen };
}

const userToken = (more: object = {}) => ({
  data: {
    app_id: '4242',
    type: 'USER',
    is_valid: true,
    user_id: '1000001',
    expires_at: inDays(60),
    data_access_expires_at: inDays(90),
    issued_at: inDays(0),
    scopes: ['pages_show_list', 'pages_manage_posts', 'pages_read_engagement'],
    ...more,
  },
});
const grantOf = (more: Partial<Grant> = {}): Grant => ({
  token: new Secret(longToken),
  userId: '1000001',
  expiresAt: null,
  dataAccessExpiresAt: null,
  scopes: ['pages_show_list', 'pages_manage_posts', 'pages_read_engagement', 'business_management'],
  ...more,
});

describe("Facebook's dialog", () => {
  const request = { state: 's+1/2', redirectUri, scopes: ['pages_show_list', 'read_insights'] };

  it('is asked for the scopes, and again for what was declined before', () => {
    const url = new URL(login().login.authorizeUrl(app, request));
    expect(url.origin + url.pathname).toBe('https://www.facebook.com/v26.0/dialog/oauth');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: '4242',
      redirect_uri: redirectUri,
      state: 's+1/2',
      response_type: 'code',
      auth_type: 'rerequest',
      scope: 'pages_show_list,read_insights',
    });
  });

  it('knows the scopes itself where the app has a configuration', () => {
    const url = new URL(login().login.authorizeUrl({ ...app, configId: '99' }, request));
    expect(url.searchParams.get('config_id')).toBe('99');
    expect(url.searchParams.get('override_default_response_type')).toBe('true');
    expect(url.searchParams.has('scope')).toBe(false);
  });
});

describe('exchanging a code', () => {
  it('takes the long-lived token, and what the person left ticked', async () => {
    meta.answer({
      'POST /oauth/access_token': (query) =>
        query.has('code')
          ? { access_token: 'EAAShort', token_type: 'bearer', expires_in: 5400 }
          : { access_token: longToken, token_type: 'bearer', expires_in: 5183944 },
      'GET /debug_token': userToken(),
      'GET /me/permissions': {
        data: [
          { permission: 'pages_show_list', status: 'granted' },
          { permission: 'read_insights', status: 'declined' },
        ],
      },
    });
    const { login: facebook, context, paths, told } = login();
    const from = meta.requests.length;
    const answer = { code: 'AQplanted-code#_=_', redirectUri };
    const grant = await facebook.exchange(app, answer, context);
    expect(grant.token.reveal()).toBe(longToken);
    expect(grant).toMatchObject({ userId: '1000001', scopes: ['pages_show_list'] });
    expect(grant.expiresAt?.getTime()).toBeGreaterThan(inDays(59) * 1000);
    expect(grant.dataAccessExpiresAt?.getTime()).toBeGreaterThan(inDays(89) * 1000);
    const [first, , second] = meta.requests.slice(from).map((request) => ({
      query: paramsOf(request),
      url: request.url,
      headers: request.headers,
    }));
    expect(first?.url).toBe('/v26.0/oauth/access_token');
    expect(Object.fromEntries(first?.query ?? [])).toEqual({
      client_id: '4242',
      client_secret: 'planted-app-secret',
      redirect_uri: redirectUri,
      code: 'AQplanted-code',
    });
    expect(first?.headers.authorization).toBeUndefined();
    expect(Object.fromEntries(second?.query ?? [])).toMatchObject({
      grant_type: 'fb_exchange_token',
      fb_exchange_token: 'EAAShort',
    });
    expect(paths()[0]).toBe('POST /v26.0/oauth/access_token');
    for (const secret of ['planted-code', 'planted-app-secret', 'EAAShort', longToken]) {
      expect(told(grant)).not.toContain(secret);
    }
  });

  it('leaves the token of a system user as it is: it does not end', async () => {
    meta.answer({
      'POST /oauth/access_token': (query) =>
        query.has('code') ? { access_token: 'EAASystem' } : [400, error(100)],
      'GET /debug_token': userToken({
        type: 'SYSTEM_USER',
        expires_at: 0,
        data_access_expires_at: 0,
      }),
    });
    const { login: facebook, context, paths } = login();
    const grant = await facebook.exchange(
      { ...app, configId: '99' },
      { code: 'c', redirectUri },
      context,
    );
    expect(grant.token.reveal()).toBe('EAASystem');
    expect(grant).toMatchObject({ expiresAt: null, dataAccessExpiresAt: null });
    expect(grant.scopes).toContain('pages_manage_posts');
    expect(paths()).toEqual(['POST /v26.0/oauth/access_token', 'GET /v26.0/debug_token']);
  });

  it('goes by the documented method where the other one is not known', async () => {
    meta.answer({
      'GET /oauth/access_token': { access_token: 'EAASystem' },
      'GET /debug_token': userToken({ type: 'SYSTEM_USER', expires_at: 0 }),
    });
    const { login: facebook, context, paths } = login();
    const grant = await facebook.exchange(app, { code: 'c', redirectUri }, context);
    expect(grant.token.reveal()).toBe('EAASystem');
    expect(paths().slice(0, 2)).toEqual([
      'POST /v26.0/oauth/access_token',
      'GET /v26.0/oauth/access_token',
    ]);
  });

  it('tells of a refused code without the code, the secret or the address', async () => {
    const code = 'AQthe-planted-code';
    meta.answer({
      'POST /oauth/access_token': [
        400,
        error(100, {
          error_subcode: 36009,
          message: `This authorization code has been used: ${code} planted-app-secret`,
        }),
      ],
    });
    const { login: facebook, context, told } = login();
    const failure = await failureOf(facebook.exchange(app, { code, redirectUri }, context));
    expect(failure.record).toMatchObject({ class: 'invalid', key: 'login_code_refused' });
    expect(told(failure)).not.toMatch(/planted-(app-secret|code)/);
  });

  it('says nothing of a token that came in an answer which cannot be read', async () => {
    meta.answer({ 'POST /oauth/access_token': { accessToken: 'x', quoted: 'AQthe-planted-code' } });
    const { login: facebook, context, told } = login();
    const answer = { code: 'AQthe-planted-code', redirectUri };
    const failure = await failureOf(facebook.exchange(app, answer, context));
    expect(failure.record.key).toBe('provider_unreadable');
    expect(told(failure)).not.toContain('planted-code');
  });
});

const granular = (ids: readonly string[]) =>
  ['pages_manage_posts', 'pages_read_engagement', 'pages_show_list'].map((scope) => ({
    scope,
    target_ids: ids,
  }));
const page = (id: string, more: object = {}) => ({ id, name: `Page ${id}`, ...more });

describe('the accounts of a consent', () => {
  it('are the union of every list and of what was ticked, each once', async () => {
    meta.answer({
      'GET /debug_token': userToken({ granular_scopes: granular(['1', '2', '3', '4', '5']) }),
      'GET /me/accounts': (query) =>
        query.get('after') === 'two'
          ? { data: [page('2', { access_token: 'EAA2', tasks: ['ANALYZE'] })], paging: {} }
          : {
              data: [page('1', { access_token: 'EAA1', tasks: ['CREATE_CONTENT'] }), { id: {} }],
              paging: { cursors: { after: 'two' }, next: 'http://169.254.169.254/?access_token=x' },
            },
      'GET /me/businesses': { data: [{ id: '70', name: 'Ours' }] },
      'GET /70/owned_pages': {
        data: [
          page('1', { access_token: 'EAA1b' }),
          page('3', { access_token: 'EAA3' }),
          page('4'),
        ],
      },
      'GET /70/client_pages': [403, error(200)],
      'GET /4': { id: 4, name: 'Page 4', access_token: 'EAA4' },
      'GET /5': [400, error(100, { error_subcode: 33, type: 'GraphMethodException' })],
    });
    const { login: facebook, context, told } = login();
    const accounts = await facebook.accounts(app, grantOf(), context);
    expect(
      accounts.map(({ externalAccountId: id, token, tasks, seen, reason }) => [
        id,
        token?.reveal(),
        tasks?.join() ?? null,
        seen.creates_content,
        reason?.code,
      ]),
    ).toEqual([
      ['1', 'EAA1', 'CREATE_CONTENT', 'yes', undefined],
      ['2', 'EAA2', 'ANALYZE', undefined, 'task_missing'],
      ['3', 'EAA3', null, undefined, undefined],
      ['4', 'EAA4', null, undefined, undefined],
    ]);
    expect(told(accounts)).not.toMatch(/EAA[1-4]/);
  });

  it('are not asked of businesses where nobody may', async () => {
    meta.answer({
      'GET /debug_token': userToken(),
      'GET /me/accounts': { data: [{ id: '1', name: 'A', tasks: ['CREATE_CONTENT'] }] },
    });
    const { login: facebook, context, paths } = login();
    const scopes = ['pages_show_list', 'pages_manage_posts', 'pages_read_engagement'];
    const [only] = await facebook.accounts(app, grantOf({ scopes }), context);
    expect(only).toMatchObject({ token: null, reason: { code: 'no_token', who: 'tenant_admin' } });
    expect(paths()).toEqual(['GET /v26.0/debug_token', 'GET /v26.0/me/accounts']);
  });

  it.each([
    ['scope_missing', { scopes: ['pages_show_list', 'pages_read_engagement'] }, []],
    ['scope_other_accounts', {}, [{ scope: 'pages_manage_posts', target_ids: ['7', 8] }]],
  ])('say %s, and of which permission', async (code, grant, some) => {
    meta.answer({
      'GET /debug_token': userToken({ granular_scopes: some }),
      'GET /me/accounts': {
        data: [{ id: '1', access_token: 'EAA1', tasks: ['PROFILE_PLUS_CREATE_CONTENT'] }],
      },
      'GET /me/businesses': { data: [] },
    });
    const { login: facebook, context } = login();
    const accounts = await facebook.accounts(app, grantOf(grant), context);
    const reason = accounts.find(({ externalAccountId }) => externalAccountId === '1')?.reason;
    expect(reason?.code).toBe(code);
    expect(reason?.text).toContain('pages_manage_posts');
  });

  it.each([
    [
      'our secret is refused',
      [400, error(100, { type: 'GraphMethodException' })],
      'app_secret_wrong',
    ],
    ['the token is dead', [400, error(190, { error_subcode: 460 })], 'password_changed'],
    ['the app has made too many calls', [403, error(4)], 'app_limit'],
  ])('are no list at all when %s', async (_what, answer, key) => {
    meta.answer({ 'GET /debug_token': userToken(), 'GET /me/accounts': answer });
    const { login: facebook, context } = login();
    const { record } = await failureOf(facebook.accounts(app, grantOf(), context));
    expect(record.key).toBe(key);
  });

  it('are not asked for with a token that Meta calls dead', async () => {
    const dead = { is_valid: false, error: { code: 190, subcode: 458, message: 'm' } };
    meta.answer({ 'GET /debug_token': userToken(dead) });
    const { login: facebook, context, paths } = login();
    const { record } = await failureOf(facebook.accounts(app, grantOf(), context));
    expect(record.key).toBe('app_removed');
    expect(paths()).toHaveLength(1);
  });

  it('are no list at all while Meta does not answer', async () => {
    meta.answer({
      'GET /debug_token': userToken(),
      'GET /me/accounts': { data: [{ id: '1', access_token: 'EAA1' }] },
      'GET /me/businesses': [500, error(2, { is_transient: true })],
    });
    const { login: facebook, context } = login();
    const { record } = await failureOf(facebook.accounts(app, grantOf(), context));
    expect(record.class).toBe('retry');
  });
});

describe('a consent that is there', () => {
  it('is prolonged', async () => {
    meta.answer({
      'POST /oauth/access_token': { access_token: 'EAANewer', expires_in: '5183944' },
      'GET /debug_token': [400, error(190)],
    });
    const { login: facebook, context } = login();
    const renewed = await facebook.renew(app, new Secret(longToken), context);
    expect(renewed.token.reveal()).toBe('EAANewer');
    // Meta would not tell of it: its own span counts.
    expect(renewed.expiresAt?.getTime()).toBeGreaterThan(inDays(59) * 1000);
  });

  it('is over when Meta says so', async () => {
    meta.answer({ 'POST /oauth/access_token': [400, error(190, { error_subcode: 463 })] });
    const { login: facebook, context } = login();
    const { record } = await failureOf(facebook.renew(app, new Secret(longToken), context));
    expect(record).toMatchObject({ class: 'reauth', key: 'token_expired' });
  });

  it('is taken back by the person that it is of', async () => {
    meta.answer({ 'DELETE /1000001/permissions': { success: true } });
    const { login: facebook, context, paths } = login();
    await facebook.revoke?.(app, grantOf(), context);
    expect(paths()).toEqual(['DELETE /v26.0/1000001/permissions']);
    meta.answer({ 'DELETE /1000001/permissions': { success: false } });
    await failureOf(facebook.revoke?.(app, grantOf(), context) ?? Promise.resolve());
  });

  it('shows what belongs to each business', async () => {
    meta.answer({
      'GET /me/businesses': { data: [{ id: '70', name: 'Ours' }, { id: '71' }] },
      'GET /70/owned_pages': { data: [{ id: '1', name: 'A' }] },
      'GET /70/client_pages': { data: [{ id: '2', name: 'B' }, { id: '1' }] },
      'GET /70/owned_ad_accounts': { data: [{ id: 'act_5', account_id: '5', name: 'Ads' }] },
      'GET /70/client_ad_accounts': [403, error(200)],
    });
    const { login: facebook, context } = login();
    expect(await facebook.businesses?.(app, grantOf(), context)).toEqual([
      {
        id: '70',
        name: 'Ours',
        pages: [
          { id: '1', name: 'A', relation: 'owned' },
          { id: '2', name: 'B', relation: 'client' },
        ],
        adAccounts: [{ id: '5', name: 'Ads', relation: 'owned' }],
      },
      { id: '71', name: null, pages: [], adAccounts: [] },
    ]);
  });
});
