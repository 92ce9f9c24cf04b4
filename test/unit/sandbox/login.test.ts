import { beforeEach, describe, expect, test } from 'vitest';
import {
  app,
  dialog,
  instagramApp,
  like,
  pageScopes,
  query,
  redirectUri,
  useLogin,
} from './login-client.ts';
import { day, minute, useSandbox } from './sandbox-client.ts';

const sandbox = useSandbox();
const { send, control, as, aPage, advance, now } = sandbox;
const { consent, codeOf, exchange, exchangeCode, prolong, longToken, debug } = useLogin(sandbox);

const anna = '501';
const ben = '502';
beforeEach(async () => {
  await control('POST', 'apps', app);
  await control('POST', 'users', { id: anna, name: 'Anna <b>' });
  await control('POST', 'users', { id: ben, name: 'Ben' });
  await aPage({ id: '111', name: 'Bakery', user_id: anna });
  await aPage({ id: '222', name: 'Café', user_id: anna });
});
const accounts = async (token: string, fields = 'id,access_token') =>
  (await as(token).get('me/accounts', { fields })).body.data;
const problem = async (path: string) => {
  const { status, text } = await send('GET', path);
  return { status, text: /role="alert"[^>]*>([^<]*)/.exec(text)?.[1] };
};

describe('the dialog', () => {
  test('asks the first person for every scope and every Page, and sends the browser back', async () => {
    const { status, text } = await send('GET', dialog());
    expect(status).toBe(200);
    expect(text).toContain('Calendar asks for access');
    expect(text).toContain('Anna &#60;b&#62;');
    for (const name of [...pageScopes.split(','), '111', '222']) {
      expect(text).toMatch(new RegExp(`value="${name}" checked`));
    }
    const action = /<form method="post" action="([^"]+)"/.exec(text)?.[1] ?? '';
    const form = new URLSearchParams([
      ['user_id', anna],
      ['allow', 'pages_show_list'],
      ['allow', 'pages_read_engagement'],
      ['page', '222'],
      ['action', 'continue'],
    ]);
    const answer = await send('POST', action.replaceAll('&#38;', '&'), {
      body: form,
      redirect: 'manual',
    });
    expect(answer.status).toBe(302);
    const location = answer.headers.get('location') ?? '';
    expect(location).toMatch(
      /^http:\/\/localhost:3000\/callback\?from=meta&code=AQ[^&]+&state=s%2F1#_=_$/,
    );
    const short = await exchangeCode(new URL(location).searchParams.get('code') ?? '');
    const told = await debug(short.body.access_token);
    expect(told.scopes.toSorted()).toEqual([
      'pages_read_engagement',
      'pages_show_list',
      'public_profile',
    ]);
    expect((await accounts(short.body.access_token)).map(({ id }) => id)).toEqual(['222']);
  });

  test('shows another person what that person has', async () => {
    const { text } = await send('GET', dialog({ sandbox_user: ben }));
    expect(text).toContain(`<option value="${ben}" selected>`);
    expect(text).not.toContain('value="111"');
  });

  test('sends back a denial, with the state', async () => {
    const redirect = await consent({ deny: true });
    expect(redirect.hash).toBe('#_=_');
    expect(Object.fromEntries(redirect.searchParams)).toEqual({
      from: 'meta',
      error: 'access_denied',
      error_code: '200',
      error_description: 'Permissions error',
      error_reason: 'user_denied',
      state: 's/1',
    });
  });

  test.each([
    ['an unknown app', { client_id: '1' }, /^Invalid App ID/],
    ['an Instagram app', { client_id: instagramApp.id }, /^Invalid App ID/],
    ['a token instead of a code', { response_type: 'token' }, /^Invalid response_type/],
    [
      'scopes that do not exist',
      { scope: 'pages_show_list,publish_to_groups' },
      /^Invalid Scopes: publish_to_groups\./,
    ],
    ['an unknown configuration', { config_id: '9' }, /^Invalid config_id/],
    ['plain http', { redirect_uri: 'http://calendar.example/back' }, /^Can&#39;t Load URL/],
    ['no address to go back to', { redirect_uri: '' }, /^Can&#39;t Load URL/],
  ])('refuses %s and sends nobody anywhere', async (_what, params, text) => {
    await control('POST', 'apps', instagramApp);
    expect(await problem(dialog(params))).toEqual({
      status: 400,
      text: like(text),
    });
    const posted = await send('POST', dialog(params), {
      body: 'action=cancel',
      redirect: 'manual',
    });
    expect([posted.status, posted.headers.get('location')]).toEqual([400, null]);
  });

  test('takes exactly the registered addresses', async () => {
    await control('PATCH', `apps/${app.id}`, { redirect_uris: [redirectUri] });
    expect((await problem(dialog())).status).toBe(200);
    for (const redirect_uri of [`${redirectUri}&x=1`, 'http://localhost:3000/callback']) {
      expect((await problem(dialog({ redirect_uri }))).text).toMatch(/^URL Blocked/);
    }
  });

  test('takes no answer from a web page of another origin', async () => {
    const answer = await send('POST', dialog(), {
      headers: { origin: 'https://evil.example' },
      body: 'action=continue',
      redirect: 'manual',
    });
    expect(answer.status).toBe(403);
  });

  test('remembers: what was declined is asked for again only on demand', async () => {
    await consent({ decline_scopes: ['pages_manage_posts'], page_ids: ['111'] });
    const again = await send('GET', dialog());
    expect(again.text).not.toContain('value="pages_manage_posts"');
    expect(again.text).toContain('value="111" checked');
    expect(again.text).toContain('value="222">');
    const { access_token: token } = (await exchangeCode(await codeOf())).body;
    expect((await as(token).get('me/permissions')).body.data).toEqual([
      { permission: 'pages_show_list', status: 'granted' },
      { permission: 'pages_read_engagement', status: 'granted' },
      { permission: 'public_profile', status: 'granted' },
      { permission: 'pages_manage_posts', status: 'declined' },
    ]);
    const asked = dialog({ auth_type: 'rerequest' });
    expect((await send('GET', asked)).text).toContain('value="pages_manage_posts" checked');
    const given = await longToken({}, asked);
    expect((await debug(given)).granular_scopes).toEqual([
      { scope: 'pages_show_list', target_ids: ['111'] },
      { scope: 'pages_read_engagement', target_ids: ['111'] },
      { scope: 'pages_manage_posts', target_ids: ['111'] },
    ]);
  });

  test('lets nobody but the people of an app in development mode log in', async () => {
    await control('PATCH', `apps/${app.id}`, { mode: 'development', people: [ben] });
    expect((await problem(dialog())).text).toMatch(/^App not active/);
    await expect(consent({ user_id: anna })).rejects.toThrow('App not active');
    expect((await consent({ user_id: ben })).searchParams.get('code')).toMatch(/^AQ/);
    await control('PATCH', `apps/${app.id}`, { mode: 'live' });
    expect((await consent({ user_id: anna })).searchParams.get('code')).toMatch(/^AQ/);
  });
});

describe('a code', () => {
  test('is good once, for its own address, its own app and ten minutes', async () => {
    const code = await codeOf();
    const other = await exchangeCode(code, { redirect_uri: redirectUri.replace('?', '/?') });
    expect(other.body.error).toMatchObject({ code: 100, error_subcode: 36_008 });
    await control('POST', 'apps', { id: '78', secret: 'x' });
    const foreign = await exchangeCode(code, { client_id: '78', client_secret: 'x' });
    expect(foreign.body.error.code).toBe(100);
    const wrong = await exchangeCode(code, { client_secret: 'wrong' });
    expect([wrong.status, wrong.body.error]).toMatchObject([
      400,
      { code: 1, message: 'Error validating client secret.' },
    ]);
    expect((await exchangeCode(code, { client_id: '1' })).body.error.code).toBe(101);
    expect((await exchangeCode(code)).status).toBe(200);
    expect((await exchangeCode(code)).body.error).toMatchObject({
      code: 100,
      error_subcode: 36_009,
      message: 'This authorization code has been used.',
    });
    const late = await codeOf();
    await advance(10 * minute * 1000);
    expect((await exchangeCode(late)).body.error.error_subcode).toBe(36_007);
  });

  test('is exchanged by POST as well, and kept out of the request log', async () => {
    const code = await codeOf();
    const answer = await send('POST', '/v26.0/oauth/access_token', {
      body: new URLSearchParams({
        client_id: app.id,
        client_secret: app.secret,
        code,
        redirect_uri: redirectUri,
      }),
    });
    expect(answer.body).toMatchObject({ token_type: 'bearer', expires_in: 5400 });
    const { text } = await send('GET', '/_sandbox/requests');
    expect(text).not.toContain(code);
    expect(text).not.toContain(app.secret);
  });
});

test('an exchange whose answer is lost has used the code up all the same', async () => {
  const code = await codeOf();
  const match = { path: '/oauth/access_token' };
  await control('POST', 'faults', { match, kind: 'code_2', when: 'after' });
  expect((await exchangeCode(code)).status).toBe(500);
  expect((await exchangeCode(code)).body.error.error_subcode).toBe(36_009);
  await control('PATCH', 'weather', { outage: 'html' });
  expect((await exchangeCode(await codeOf())).status).toBe(502);
});

describe('tokens of a person', () => {
  test('live an hour and a half, or 60 days after an exchange, and not a second longer', async () => {
    const short = (await exchangeCode(await codeOf())).body.access_token;
    const long = (await prolong(short)).body;
    expect(long).toMatchObject({ token_type: 'bearer', expires_in: 5_183_944 });
    await advance(5_400_000);
    expect((await as(short).get('me')).body.error.error_subcode).toBe(463);
    expect((await as(long.access_token).get('me')).status).toBe(200);
    expect((await prolong(short)).body.error).toMatchObject({ code: 190, error_subcode: 463 });
    await advance(60 * day * 1000);
    expect((await prolong(long.access_token)).body.error.error_subcode).toBe(463);
  });

  test.each([
    ['new', false, 60],
    ['same', true, 10],
    ['prolonged', true, 60],
  ])('are exchanged again at day 50, the weather being %s', async (weather, isSame, days) => {
    await control('PATCH', 'weather', { exchange_again: weather });
    const long = await longToken();
    await advance(50 * day * 1000);
    const { body } = await prolong(long);
    expect(body.access_token === long).toBe(isSame);
    expect(Math.ceil(body.expires_in / day)).toBe(days);
  });

  test('are known to the app by an id of its own', async () => {
    const token = await longToken();
    const { id } = (await as(token).get('me')).body;
    expect(id).not.toBe(anna);
    expect((await debug(token)).user_id).toBe(id);
    expect((await as(token).get(anna)).body.error).toMatchObject({ code: 100, error_subcode: 33 });
    expect((await as(token).get(id)).body.name).toBe('Anna <b>');
    const { data } = await control('GET', 'users');
    expect(data[0]?.grants[0]?.app_scoped_id).toBe(id);
  });

  test('tell when they were given: data access ends 90 days after the last login, whatever was refreshed', async () => {
    const token = await longToken();
    const end = Math.floor((await now()) / 1000) + 90 * day;
    await advance(50 * day * 1000);
    const fresh = (await prolong(token)).body.access_token;
    expect(Math.abs((await debug(fresh)).data_access_expires_at - end)).toBeLessThan(5);
    await consent();
    expect(Math.abs((await debug(fresh)).data_access_expires_at - end - 50 * day)).toBeLessThan(5);
  });
});

describe('Page tokens', () => {
  test('end with an hour when made with an hour’s token, never when made with a long one', async () => {
    const short = (await exchangeCode(await codeOf())).body.access_token;
    const long = (await prolong(short)).body.access_token;
    const [brief] = await accounts(short);
    const [lasting] = await accounts(long);
    const end = (await debug(short)).expires_at;
    expect(await debug(brief?.access_token ?? '')).toMatchObject({ type: 'PAGE', expires_at: end });
    expect((await debug(lasting?.access_token ?? '')).expires_at).toBe(0);
    await advance(61 * day * 1000);
    expect((await as(brief?.access_token ?? '').get('111')).body.error.error_subcode).toBe(463);
    expect((await as(lasting?.access_token ?? '').get('111')).status).toBe(200);
  });

  test('are one per person, app and Page', async () => {
    const token = await longToken();
    expect(await accounts(token)).toEqual(await accounts(token));
  });

  test('are not there for a Page that was not ticked', async () => {
    const token = await longToken({ page_ids: ['111'] });
    expect((await accounts(token)).map(({ id }) => id)).toEqual(['111']);
    expect((await as(token).get('222', { fields: 'access_token' })).body.error).toMatchObject({
      code: 100,
      error_subcode: 33,
    });
    expect((await as(token).get('111', { fields: 'access_token' })).body.access_token).toMatch(
      /^EAA/,
    );
  });

  test('cannot post where posting was given for another Page', async () => {
    const token = await longToken({ target_ids: { pages_manage_posts: ['222'] } });
    const [bakery, cafe] = await accounts(token);
    const refused = await as(bakery?.access_token ?? '').post('111/feed', { message: 'x' });
    expect(refused.body.error.code).toBe(200);
    expect((await as(cafe?.access_token ?? '').post('222/feed', { message: 'x' })).status).toBe(
      200,
    );
    expect((await debug(bakery?.access_token ?? '')).granular_scopes).toContainEqual({
      scope: 'pages_manage_posts',
      target_ids: ['222'],
    });
  });

  test('stop working for a Page that is unticked later', async () => {
    const [bakery] = await accounts(await longToken());
    await consent({ page_ids: ['222'] });
    const page = as(bakery?.access_token ?? '');
    expect((await page.post('111/feed', { message: 'x' })).body.error.code).toBe(200);
    expect((await page.get('111')).body.error.error_subcode).toBe(33);
  });
});

describe('a configuration of Login for Business', () => {
  const config = dialog({ config_id: '9', scope: '' });
  beforeEach(async () => {
    await control('PATCH', `apps/${app.id}`, {
      configs: [{ id: '9', scopes: pageScopes.split(','), token_type: 'system_user' }],
    });
  });

  test('hands out a system user of the chosen business, for ever', async () => {
    await control('POST', 'businesses', { id: '900', name: 'Agency', user_ids: [anna] });
    expect((await send('GET', config)).text).toContain('Agency (900)');
    const { body } = await exchangeCode(await codeOf({ page_ids: ['222'] }, config));
    expect(body.expires_in).toBeUndefined();
    expect(await debug(body.access_token)).toMatchObject({
      type: 'SYSTEM_USER',
      expires_at: 0,
      granular_scopes: [{ scope: 'pages_show_list', target_ids: ['222'] }, {}, {}],
    });
    const me = await as(body.access_token).get('me', { fields: 'id,client_business_id' });
    expect(me.body).toMatchObject({ client_business_id: '900' });
    await control('PATCH', `users/${anna}`, { password_changed: true });
    await advance(400 * day * 1000);
    const [cafe] = await accounts(body.access_token);
    expect((await as(cafe?.access_token ?? '').post('222/feed', { message: 'x' })).status).toBe(
      200,
    );
  });

  test('for people asks for its own permissions, whatever the address names', async () => {
    await control('PATCH', `apps/${app.id}`, {
      configs: [{ id: '9', scopes: ['pages_show_list'] }],
    });
    const path = dialog({ config_id: '9', scope: 'ads_read' });
    const { body } = await exchangeCode(await codeOf({}, path));
    expect(body.expires_in).toBe(5400);
    expect(await debug(body.access_token)).toMatchObject({
      type: 'USER',
      scopes: ['pages_show_list', 'public_profile'],
      granular_scopes: [{ scope: 'pages_show_list' }],
    });
  });

  test('needs a business to act for', async () => {
    await expect(codeOf({}, config)).rejects.toThrow('business portfolio');
  });
});

test('client credentials give the app token, which tells of the app and ends its people’s permissions', async () => {
  const { body } = await exchange({ grant_type: 'client_credentials' });
  expect(body.access_token).toBe('77|shh');
  const token = await longToken();
  const { id } = (await as(token).get('me')).body;
  expect((await as('77|shh').get(app.id)).body).toMatchObject({ id: '77', name: 'Calendar' });
  const unknown = await as('77|shh').get(app.id, { fields: 'status' });
  expect(unknown.body.error.code).toBe(100);
  await control('PATCH', 'weather', { app_mode_field: 'status' });
  expect((await as('77|shh').get(app.id, { fields: 'status' })).body).toEqual({
    id: '77',
    status: 'live',
  });
  expect((await as('77|shh').delete(`${id}/permissions`)).body).toEqual({ success: true });
  expect((await as(token).get('me')).body.error.error_subcode).toBe(458);
  expect((await send('GET', dialog())).text).not.toContain('used this app before');
});

test('taking one permission back takes it from every token, and declines it', async () => {
  const token = await longToken();
  const [bakery] = await accounts(token);
  await as(token).delete('me/permissions/pages_manage_posts');
  const refused = await as(bakery?.access_token ?? '').post('111/feed', { message: 'x' });
  expect(refused.body.error.code).toBe(200);
  const { data } = (await as(token).get('me/permissions')).body;
  expect(data).toContainEqual({ permission: 'pages_manage_posts', status: 'declined' });
});

const kill = (change: object) => control('PATCH', `users/${anna}`, change);
test('a permission that is unticked in a later dialog is gone from the tokens of earlier ones', async () => {
  const token = await longToken();
  const [bakery] = await accounts(token);
  await consent({ decline_scopes: ['pages_manage_posts'] });
  expect((await debug(token)).scopes).not.toContain('pages_manage_posts');
  const refused = await as(bakery?.access_token ?? '').post('111/feed', { message: 'x' });
  expect(refused.body.error.code).toBe(200);
});

const subcode = async (value = '') => (await as(value).get('me')).body.error?.error_subcode;

describe('what happens to a person', () => {
  test.each([
    ['a changed password', { password_changed: true }, 460, 460],
    ['a removed app', { remove_apps: ['77'] }, 458, 458],
    ['a checkpoint', { checkpoint: true }, 459, 459],
    ['a lost role', { roles: { '111': null } }, undefined, 492],
  ])('%s reaches the tokens that rest on it', async (_what, change, ofUser, ofPage) => {
    const token = await longToken();
    const [bakery, cafe] = await accounts(token);
    const other = await longToken({ user_id: ben });
    await kill(change);
    expect([await subcode(token), await subcode(bakery?.access_token)]).toEqual([ofUser, ofPage]);
    expect(await subcode(cafe?.access_token)).toBe(ofUser);
    expect(await subcode(other)).toBeUndefined();
  });

  test('a checkpoint ends', async () => {
    const token = await longToken();
    await kill({ checkpoint: true });
    await kill({ checkpoint: false });
    expect((await as(token).get('me')).status).toBe(200);
  });

  test('the tasks of a role are those of its Page token', async () => {
    const [bakery] = await accounts(await longToken());
    await kill({ roles: { '111': ['ANALYZE'] } });
    const refused = await as(bakery?.access_token ?? '').post('111/feed', { message: 'x' });
    expect(refused.body.error.code).toBe(200);
  });
});

test('posts of an app in development mode are seen by its own people only', async () => {
  await control('PATCH', `apps/${app.id}`, { mode: 'development', people: [anna] });
  const [bakery] = await accounts(await longToken());
  await as(bakery?.access_token ?? '').post('111/feed', { message: 'Hidden from the world' });
  const seen = async () => (await control('GET', 'ledger')).data[0]?.seen_by;
  expect(await seen()).toBe('app_people');
  expect((await send('GET', '/')).text).toContain('seen by the people of the app only');
  await control('PATCH', `apps/${app.id}`, { mode: 'live' });
  expect(await seen()).toBe('everybody');
});

test('tokens are aged and listed by app and type', async () => {
  const token = await longToken();
  await control('PATCH', 'tokens', { app_id: app.id, type: 'user', expires_at: (await now()) - 1 });
  expect((await as(token).get('me')).body.error.error_subcode).toBe(463);
  const { data } = await control('GET', `tokens?${query({ app_id: app.id, type: 'user' })}`);
  expect(data).toHaveLength(2);
});
