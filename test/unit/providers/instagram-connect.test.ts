import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../../src/providers/account.ts';
import type { Grant } from '../../../src/providers/connecting.ts';
import { Secret } from '../../../src/secret.ts';
import { failureOf } from './sandbox-page.ts';
import { error, startScriptedMeta } from './scripted-meta.ts';

const app = { appId: '5151', appSecret: new Secret('planted-ig-secret'), configId: null };
const redirectUri = 'https://publisher.example.com/v1/connect/instagram/callback';
const id = '17841400000000001';

let meta: Awaited<ReturnType<typeof startScriptedMeta>>;
beforeAll(async () => {
  meta = await startScriptedMeta();
});
afterAll(() => meta.close());

function login(name: 'instagram' | 'facebook') {
  const { connect, ...seen } = meta.connect('instagram');
  const found = connect.logins.find((one) => one.name === name);
  if (found === undefined) throw new Error('no such login');
  return { connect, login: found, ...seen };
}

const self = (more: object = {}) => ({
  id: '9876543210',
  user_id: id,
  username: 'bakery',
  name: 'Bakery',
  account_type: 'BUSINESS',
  ...more,
});
const grant: Grant = {
  token: new Secret('IGAALasting'),
  userId: null,
  expiresAt: null,
  dataAccessExpiresAt: null,
  scopes: ['instagram_business_basic', 'instagram_business_content_publish'],
};

describe("Instagram's own login", () => {
  it('has a dialog of its own', () => {
    const url = new URL(
      login('instagram').login.authorizeUrl(app, { state: 's', redirectUri, scopes: ['a', 'b'] }),
    );
    expect(url.pathname).toBe('/instagram/oauth/authorize');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: '5151',
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'a,b',
      state: 's',
      force_reauth: 'true',
    });
  });

  const flat = {
    access_token: 'IGAAShort',
    user_id: 9876543210,
    permissions: ['instagram_business_basic', 'instagram_business_content_publish'],
  };
  it.each([
    ['flat', flat, self()],
    [
      'in a list',
      {
        data: [
          {
            access_token: 'IGAAShort',
            user_id: '9876543210',
            permissions: 'instagram_business_basic, instagram_business_content_publish',
          },
        ],
      },
      { data: [self()] },
    ],
  ])('exchanges a code answered %s', async (_shape, answer, me) => {
    meta.answer({
      'POST /instagram-api/oauth/access_token': answer,
      'GET /instagram-graph/access_token': { access_token: 'IGAALasting', expires_in: 5183944 },
      'GET /instagram-graph/me': me,
    });
    const { login: instagram, context, paths, told } = login('instagram');
    const from = meta.requests.length;
    const given = await instagram.exchange(app, { code: 'AQplanted-code#_', redirectUri }, context);
    expect(given.token.reveal()).toBe('IGAALasting');
    expect(given).toMatchObject({ userId: '9876543210', scopes: flat.permissions });
    expect(given.expiresAt?.getTime()).toBeGreaterThan(Date.now() + 59 * 86_400_000);
    const [code, lasting] = meta.requests.slice(from);
    expect(code?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(Object.fromEntries(new URLSearchParams(code?.body))).toEqual({
      client_id: '5151',
      client_secret: 'planted-ig-secret',
      grant_type: 'authorization_code',
      redirect_uri: redirectUri,
      code: 'AQplanted-code',
    });
    expect(lasting?.url).toContain('grant_type=ig_exchange_token');
    expect(paths()).toEqual([
      'POST /instagram-api/oauth/access_token',
      'GET /instagram-graph/access_token',
      'GET /instagram-graph/v26.0/me',
    ]);
    expect(told(given)).not.toMatch(/planted|IGAA/);
  });

  it('tells of a refused code in whichever form', async () => {
    meta.answer({
      'POST /instagram-api/oauth/access_token': [
        400,
        {
          error_type: 'OAuthException',
          code: 400,
          error_message: 'Matching code AQplanted-code was not found or was already used',
        },
      ],
    });
    const { login: instagram, context, told } = login('instagram');
    const answer = { code: 'AQplanted-code', redirectUri };
    const failure = await failureOf(instagram.exchange(app, answer, context));
    expect(failure.record.message).toContain('was already used');
    expect(told(failure)).not.toContain('planted');
  });

  it('is the account itself', async () => {
    meta.answer({ 'GET /instagram-graph/me': self() });
    const { login: instagram, context } = login('instagram');
    expect(await instagram.accounts(app, grant, context)).toMatchObject([
      { externalAccountId: id, username: 'bakery', name: 'Bakery', reason: null },
    ]);
  });

  it.each([
    ['account_not_professional', { account_type: 'PERSONAL' }, grant.scopes],
    ['scope_missing', {}, ['instagram_business_basic']],
  ])('says %s of one that cannot be used', async (code, more, scopes) => {
    meta.answer({ 'GET /instagram-graph/me': self(more) });
    const { login: instagram, context } = login('instagram');
    const [account] = await instagram.accounts(app, { ...grant, scopes }, context);
    expect(account?.reason?.code).toBe(code);
  });

  it('renews its token, and knows when it is over', async () => {
    meta.answer({
      'GET /instagram-graph/refresh_access_token': (query) =>
        query.get('access_token') === 'IGAALasting'
          ? { access_token: 'IGAANext', expires_in: 5183944, permissions: 'a,b' }
          : [400, error(190, { error_subcode: 463 })],
    });
    const { login: instagram, context } = login('instagram');
    const renewed = await instagram.renew(app, grant.token, context);
    expect(renewed.token.reveal()).toBe('IGAANext');
    const { record } = await failureOf(instagram.renew(app, new Secret('IGAAOld'), context));
    expect(record).toMatchObject({ class: 'reauth', key: 'token_expired' });
  });

  const account: Account = {
    externalAccountId: id,
    token: grant.token,
    login: 'instagram',
    appId: '5151',
    appSecret: new Secret('planted-ig-secret'),
  };

  it('is proven on its own host, without the proof that only the other one knows', async () => {
    meta.answer({ 'GET /instagram-graph/me': self() });
    const { connect, context } = login('instagram');
    expect(await connect.verify(account, context)).toMatchObject({
      externalAccountId: id,
      username: 'bakery',
      facts: { error: null, userId: '9876543210', expiresAt: 'unknown', scopes: null },
    });
    expect(meta.requests.at(-1)?.url).not.toContain('appsecret_proof');
    expect(meta.requests.at(-1)?.headers.authorization).toBe('Bearer IGAALasting');
  });

  it.each([
    ['token_is_user_token', self({ user_id: '17841400000000002' })],
    ['account_not_professional', self({ account_type: 'PERSONAL' })],
    ['token_expired', [400, error(190, { error_subcode: 463 })]],
  ])('is refused: %s', async (key, me) => {
    meta.answer({ 'GET /instagram-graph/me': me });
    const { connect, context } = login('instagram');
    expect((await failureOf(connect.verify(account, context))).record.key).toBe(key);
  });

  it.each([
    ['dead', [400, error(190, { error_subcode: 460 })], { error: { key: 'password_changed' } }],
    ['alive', self(), { error: null, expiresAt: 'unknown' }],
  ])('is looked at: %s', async (_what, me, expected) => {
    meta.answer({ 'GET /instagram-graph/me': me });
    const { connect, context } = login('instagram');
    expect(await connect.inspect(account, context)).toMatchObject(expected);
  });

  it.each([
    ['the app has made too many calls', [400, error(4)]],
    ['the app is refused', [400, error(5)]],
  ])('is not taken for dead when %s', async (_what, me) => {
    meta.answer({ 'GET /instagram-graph/me': me });
    const { connect, context } = login('instagram');
    expect(await connect.inspect(account, context)).toBeNull();
  });
});

const linked = (more: object = {}) => ({
  data: {
    app_id: '4242',
    is_valid: true,
    expires_at: 0,
    scopes: ['instagram_basic', 'instagram_content_publish'],
    ...more,
  },
});

describe('an Instagram account of a Page', () => {
  const scopes = [
    'instagram_basic',
    'instagram_content_publish',
    'pages_show_list',
    'pages_read_engagement',
  ];

  it("comes with the Page's token; Pages without one are left out", async () => {
    meta.answer({
      'GET /debug_token': linked({
        scopes,
        granular_scopes: [
          { scope: 'instagram_basic', target_ids: [id] },
          { scope: 'pages_show_list', target_ids: ['1', '2'] },
        ],
      }),
      'GET /me/accounts': {
        data: [
          {
            id: '1',
            access_token: 'EAA1',
            tasks: ['CREATE_CONTENT'],
            instagram_business_account: { id, username: 'bakery' },
          },
          { id: '2', access_token: 'EAA2' },
        ],
      },
    });
    const { login: facebook, context } = login('facebook');
    const accounts = await facebook.accounts(app, { ...grant, scopes }, context);
    expect(accounts).toMatchObject([
      { externalAccountId: id, username: 'bakery', seen: { creates_content: 'yes' }, reason: null },
    ]);
    expect(accounts[0]?.token?.reveal()).toBe('EAA1');
  });

  const account: Account = {
    externalAccountId: id,
    token: new Secret('EAA1'),
    appId: '4242',
    appSecret: new Secret('planted-app-secret'),
  };

  it('is proven by reading it and by what Meta knows of the token', async () => {
    meta.answer({ [`GET /${id}`]: { id, username: 'bakery' }, 'GET /debug_token': linked() });
    const { connect, context, calls } = login('facebook');
    expect(await connect.verify(account, context)).toMatchObject({
      externalAccountId: id,
      username: 'bakery',
      facts: { expiresAt: 'never' },
    });
    expect(calls).toHaveLength(connect.verifyCalls);
  });

  it('may be granted by the id of its Page', async () => {
    const granular = [{ scope: 'instagram_basic', target_ids: ['1'] }];
    const ofPage = (profile: string) => linked({ profile_id: profile, granular_scopes: granular });
    const { connect, context } = login('facebook');
    meta.answer({ [`GET /${id}`]: { id }, 'GET /debug_token': ofPage('1') });
    expect(await connect.verify(account, context)).toMatchObject({ externalAccountId: id });
    meta.answer({ [`GET /${id}`]: { id }, 'GET /debug_token': ofPage('2') });
    const { record } = await failureOf(connect.verify(account, context));
    expect(record.key).toBe('scope_other_accounts');
  });
});
