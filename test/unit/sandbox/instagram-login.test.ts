import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  app,
  instagramApp,
  instagramDialog,
  instagramScopes,
  like,
  redirectUri,
  useLogin,
} from './login-client.ts';
import { day, useSandbox } from './sandbox-client.ts';

const sandbox = useSandbox();
const { send, control, as, advance } = sandbox;
const { consent, codeOf, instagramExchange, onInstagram, debug } = useLogin(sandbox);

const bakery = '17841400000000001';
beforeEach(async () => {
  await control('POST', 'apps', instagramApp);
  await control('POST', 'instagram_accounts', { id: bakery, username: 'bakery' });
});
const agree = (given: object = {}) => codeOf(given, instagramDialog());
async function shortToken(): Promise<string> {
  return (await instagramExchange({ code: await agree() })).body.access_token;
}
const lengthen = (token: string, client_secret = instagramApp.secret) =>
  onInstagram('access_token', {
    grant_type: 'ig_exchange_token',
    client_secret,
    access_token: token,
  });
const longToken = async () => (await lengthen(await shortToken())).body.access_token;
const refresh = (token: string) =>
  onInstagram('refresh_access_token', { grant_type: 'ig_refresh_token', access_token: token });
const me = (token: string, fields = 'user_id,username') =>
  onInstagram('v26.0/me', { fields, access_token: token });

describe('the dialog of Instagram', () => {
  test('asks an Instagram account, and ends its redirects in its own way', async () => {
    const { text } = await send('GET', instagramDialog());
    expect(text).toContain('bakery');
    for (const name of instagramScopes.split(','))
      expect(text).toContain(`value="${name}" checked`);
    const redirect = await consent({}, instagramDialog());
    expect(redirect.href).toMatch(/\?from=meta&code=AQ[^&]+&state=s%2F1#_$/);
    const denied = await consent({ deny: true }, instagramDialog());
    expect(denied.searchParams.get('error_reason')).toBe('user_denied');
    expect(denied.searchParams.get('state')).toBe('s/1');
  });

  test.each([
    ['an app of Facebook', { client_id: app.id }, 'Invalid platform app'],
    ['permissions of Facebook Login', { scope: 'instagram_basic' }, 'Invalid Scopes'],
    ['dead names', { scope: 'business_basic' }, 'Invalid Scopes'],
    ['no scope', { scope: '' }, 'Invalid scope'],
  ])('refuses %s', async (_what, params, text) => {
    await control('POST', 'apps', app);
    const answer = await send('GET', instagramDialog(params));
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(text);
  });
});

describe('a code of Instagram', () => {
  test('is taken from a form body only, once, for an hour', async () => {
    const code = await agree();
    const used = 'Matching code was not found or was already used';
    const inQuery = await send('POST', `/instagram-api/oauth/access_token?code=${code}`, {
      body: new URLSearchParams({
        client_id: instagramApp.id,
        client_secret: instagramApp.secret,
        grant_type: 'authorization_code',
        redirect_uri: redirectUri,
      }),
    });
    expect(inQuery.body.error_message).toBe(used);
    expect((await instagramExchange({ code: `${code}#_` })).body.error_message).toBe(used);
    const json = await send('POST', '/instagram-api/oauth/access_token', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ client_id: instagramApp.id, code }),
    });
    expect(json.body.error_message).toBe('Invalid platform app');
    expect((await instagramExchange({ code, client_secret: 'x' })).status).toBe(400);
    expect((await instagramExchange({ code, redirect_uri: 'http://localhost:3000/' })).status).toBe(
      400,
    );
    const { status, body } = await instagramExchange({ code });
    expect([status, body]).toEqual([
      200,
      {
        access_token: like(/^IGAA/),
        user_id: like(/^2\d{16}$/),
        permissions: instagramScopes.split(','),
      },
    ]);
    const again = await instagramExchange({ code });
    expect([again.status, again.body]).toEqual([
      400,
      { error_type: 'OAuthException', code: 400, error_message: used },
    ]);
    const late = await agree();
    await advance(3_600_000);
    expect((await instagramExchange({ code: late })).body.error_message).toBe(used);
  });

  test('is answered as a list, and with a bare number, where the weather says so', async () => {
    await control('PATCH', 'weather', {
      instagram_token_shape: 'data',
      instagram_user_id: 'number',
    });
    const { text } = await instagramExchange({ code: await agree() });
    expect(text).toMatch(
      /^\{"data":\[\{"access_token":"IGAA\w+","user_id":2\d{16},"permissions":"instagram_business_basic,/,
    );
  });
});

describe('tokens of Instagram', () => {
  test('are good on their own host only', async () => {
    const token = await shortToken();
    expect((await me(token)).status).toBe(200);
    expect((await as(token).get('me')).body.error.code).toBe(190);
    const page = await sandbox.aPage();
    expect((await me(page.token)).body.error.code).toBe(190);
  });

  test('tell the id for paths as user_id, and another one as id', async () => {
    const token = await longToken();
    const { body } = await me(token, 'id,user_id,username,name,account_type,media_count');
    expect(body).toEqual({
      id: like(/^2\d{16}$/),
      user_id: bakery,
      username: 'bakery',
      name: 'bakery',
      account_type: 'BUSINESS',
      media_count: 0,
    });
    for (const id of [bakery, body.id]) {
      expect((await onInstagram(`v26.0/${id}`, { access_token: token })).status).toBe(200);
    }
    await control('PATCH', 'weather', { instagram_me_shape: 'data' });
    expect((await me(token)).body.data).toMatchObject([{ user_id: bakery }]);
  });

  test('live an hour, then 60 days, and 60 more by a refresh after a day', async () => {
    const short = await shortToken();
    expect((await lengthen(short, 'wrong')).body.error.code).toBe(1);
    const { body } = await lengthen(short);
    expect(body).toMatchObject({ token_type: 'bearer', expires_in: 5_183_944 });
    expect((await lengthen(body.access_token)).status).toBe(400);
    await advance(3_600_000);
    expect((await me(short)).body.error.error_subcode).toBe(463);
    expect((await refresh(body.access_token)).status).toBe(400);
    await advance(day * 1000);
    const fresh = await refresh(body.access_token);
    expect(fresh.body).toMatchObject({ expires_in: 5_183_944, permissions: instagramScopes });
    await advance(59 * day * 1000);
    expect((await refresh(body.access_token)).body.error.error_subcode).toBe(463);
    expect((await me(fresh.body.access_token)).status).toBe(200);
  });

  test('cannot be read or refreshed without the basic permission', async () => {
    const code = await agree({ decline_scopes: ['instagram_business_basic'] });
    const { access_token: short } = (await instagramExchange({ code })).body;
    expect((await me(short)).body.error.code).toBe(10);
    const { access_token: long } = (await lengthen(short)).body;
    await advance(2 * day * 1000);
    expect((await refresh(long)).body.error.code).toBe(10);
  });

  test('end with the password of the account', async () => {
    const token = await longToken();
    await control('PATCH', `instagram_accounts/${bakery}`, { password_changed: true });
    expect((await me(token)).body.error.error_subcode).toBe(460);
  });

  test('are known to debug_token, or not, by the weather', async () => {
    const token = await longToken();
    expect(await debug(token, instagramApp)).toMatchObject({ app_id: '88', is_valid: true });
    await control('PATCH', 'weather', { debug_instagram: false });
    expect(await debug(token, instagramApp)).toMatchObject({ is_valid: false });
  });
});

/** What a listener on loopback gets, and answers. */
async function callback(given: object, status: number, answer: string) {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => bodies.push(chunk.toString()));
    request.on('end', () => response.writeHead(status).end(answer));
  }).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const url = `http://127.0.0.1:${port}/meta`;
    const told = await control('POST', 'callbacks', { kind: 'deauthorize', url, ...given });
    return { told, form: new URLSearchParams(bodies.join('')) };
  } finally {
    server.close();
  }
}

describe('callbacks', () => {
  test('carry the id that the app knows, signed with its secret', async () => {
    const token = await longToken();
    const { id } = (await me(token, 'id')).body;
    const { told, form } = await callback({ user_id: bakery, app_id: '88' }, 200, '');
    const signed = form.get('signed_request') ?? '';
    expect(told).toMatchObject({ signed_request: signed, status: 200, problem: null });
    const [signature, payload = ''] = signed.split('.');
    expect(signature).toBe(createHmac('sha256', 'hush').update(payload).digest('base64url'));
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      algorithm: 'HMAC-SHA256',
      user_id: id,
    });
    const byScoped = await callback({ user_id: id, app_id: '88', secret: 'other' }, 400, 'no');
    const [forged, claims = ''] = byScoped.told.signed_request.split('.');
    expect(forged).toBe(createHmac('sha256', 'other').update(claims).digest('base64url'));
    expect(Buffer.from(claims, 'base64url').toString()).toContain(id);
    expect(byScoped.told.problem).toContain('400');
  });

  test.each([
    ['{"url":"https://example.org/status?id=1","confirmation_code":"1"}', null],
    ['{"confirmation_code":"1"}', expect.stringContaining('confirmation_code')],
    ['deleted', expect.stringContaining('confirmation_code')],
  ])('of a data deletion answered with %s', async (answer, expected) => {
    const given = { kind: 'data_deletion', user_id: bakery, app_id: '88' };
    expect((await callback(given, 200, answer)).told.problem).toEqual(expected);
  });

  test('go to loopback only', async () => {
    const given = { kind: 'deauthorize', user_id: bakery, app_id: '88' };
    for (const url of [
      'http://example.org/x',
      'http://127.0.0.1.example.org/',
      'http://127.0.0.1@example.org/',
    ]) {
      await expect(control('POST', 'callbacks', { ...given, url })).rejects.toThrow('loopback');
    }
  });
});
