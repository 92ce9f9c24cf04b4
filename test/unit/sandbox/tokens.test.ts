import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { day, useSandbox } from './sandbox-client.ts';

const { send, control, aPage, as, advance, now, posts } = useSandbox();

const proof = (token: string, secret: string) =>
  createHmac('sha256', secret).update(token).digest('hex');
async function pageOfApp(required: boolean) {
  await control('POST', 'apps', { id: '77', secret: 'shh', require_appsecret_proof: required });
  return aPage({ app_id: '77' });
}
const ask = (input_token: string) =>
  send(
    'GET',
    `/v26.0/debug_token?${new URLSearchParams({ input_token, access_token: '77|shh' }).toString()}`,
  );

test.each([
  ['expired', 463],
  ['revoked', 458],
  ['password_changed', 460],
  ['checkpoint', 459],
  ['unconfirmed', 464],
  ['invalidated', 467],
  ['no_role', 492],
])('a token that is %s is refused with 190 and subcode %i', async (state, subcode) => {
  const page = await aPage();
  await control('PATCH', 'tokens', { token: page.token, state });
  const answer = await page.post(`${page.id}/feed`, { message: 'x' });
  expect(answer.status).toBe(400);
  expect(answer.body.error).toMatchObject({
    code: 190,
    error_subcode: subcode,
    type: 'OAuthException',
  });
  expect(answer.headers.get('www-authenticate')).toMatch(
    /^OAuth "Facebook Platform" "invalid_token"/,
  );
  expect(await posts()).toEqual([]);
});

test('a checkpointed token lives again when the checkpoint is over', async () => {
  const page = await aPage();
  await control('PATCH', 'tokens', { page_id: page.id, state: 'checkpoint' });
  await control('PATCH', 'tokens', { page_id: page.id, state: 'valid' });
  expect((await page.get(page.id)).status).toBe(200);
});

test('a token expires by the sandbox clock', async () => {
  const page = await aPage();
  const made = await control('POST', 'tokens', {
    page_id: page.id,
    expires_at: (await now()) + 60_000,
  });
  expect((await as(made.access_token).get(page.id)).status).toBe(200);
  await advance(60_000);
  expect((await as(made.access_token).get(page.id)).body.error.error_subcode).toBe(463);
});

test('a token healed before its time still expires', async () => {
  const page = await aPage();
  const expiresAt = (await now()) + 60_000;
  const made = await control('POST', 'tokens', { page_id: page.id, expires_at: expiresAt });
  await control('PATCH', 'tokens', { token: made.access_token, state: 'valid' });
  await advance(60_000);
  expect((await as(made.access_token).get(page.id)).body.error.error_subcode).toBe(463);
});

test('an unknown token is refused with 401 and 190, a missing one with 104', async () => {
  const page = await aPage();
  const unknown = await as('EAAnobody').get(page.id);
  expect([unknown.status, unknown.body.error.code]).toEqual([401, 190]);
  expect((await send('GET', `/v26.0/${page.id}`)).body.error.code).toBe(104);
});

test('the token is taken from the header, the query, a form and JSON', async () => {
  const page = await aPage();
  const path = `/v26.0/${page.id}/feed`;
  const json = { 'content-type': 'application/json' };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const answers = [
    await send('POST', path, {
      headers: { ...json, authorization: `OAuth ${page.token}` },
      body: '{"message":"1"}',
    }),
    await send('POST', `${path}?access_token=${page.token}`, { headers: form, body: 'message=2' }),
    await send('POST', path, { headers: form, body: `message=3&access_token=${page.token}` }),
    await send('POST', path, {
      headers: json,
      body: JSON.stringify({ message: '4', access_token: page.token }),
    }),
  ];
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
  const { data } = await control('GET', 'requests');
  expect(data.map((request) => request.token_in)).toEqual(['header', 'query', 'form', 'json']);
});

test.each([
  ['pages_manage_posts', 200],
  ['pages_read_engagement', 200],
])('posting without %s is refused with %i', async (scope, code) => {
  const page = await aPage();
  await control('PATCH', 'tokens', { token: page.token, remove_scopes: [scope] });
  const answer = await page.post(`${page.id}/feed`, { message: 'x' });
  expect([answer.status, answer.body.error.code]).toEqual([403, code]);
});

test('posting without the task CREATE_CONTENT is refused with 200', async () => {
  const page = await aPage({ tasks: ['ANALYZE', 'MODERATE'] });
  expect((await page.post(`${page.id}/feed`, { message: 'x' })).body.error.code).toBe(200);
});

test('reading posts without pages_read_engagement is refused with 10', async () => {
  const page = await aPage({ scopes: ['pages_manage_posts'] });
  expect((await page.get(`${page.id}/feed`)).body.error.code).toBe(10);
});

test('deleting without pages_read_engagement is refused with 283', async () => {
  const page = await aPage();
  const { body } = await page.post(`${page.id}/feed`, { message: 'x' });
  await control('PATCH', 'tokens', { token: page.token, remove_scopes: ['pages_read_engagement'] });
  await control('PATCH', 'tokens', { token: page.token, tasks: ['CREATE_CONTENT'] });
  expect((await page.delete(body.id)).body.error.code).toBe(283);
});

test('a token of another Page can neither post nor read', async () => {
  const [page, other] = [await aPage(), await aPage()];
  expect((await other.post(`${page.id}/feed`, { message: 'x' })).body.error.code).toBe(200);
  expect((await other.get(`${page.id}/feed`)).body.error.code).toBe(10);
});

test('a user token cannot work on a Page', async () => {
  const page = await aPage();
  const user = as(
    (await control('POST', 'tokens', { type: 'user', page_id: page.id })).access_token,
  );
  expect((await user.post(`${page.id}/feed`, { message: 'x' })).body.error.code).toBe(200);
  expect((await user.get(`${page.id}/feed`)).body.error).toMatchObject({
    code: 190,
    error_subcode: 2069032,
  });
});

describe('appsecret_proof', () => {
  test('is demanded by an app that requires it', async () => {
    const page = await pageOfApp(true);
    const answer = await page.get(page.id);
    expect(answer.body.error).toMatchObject({
      code: 100,
      message: 'API calls from the server require an appsecret_proof argument',
    });
    expect((await page.get(page.id, { appsecret_proof: proof(page.token, 'shh') })).status).toBe(
      200,
    );
  });

  test('is judged whenever it is sent', async () => {
    const page = await pageOfApp(false);
    const wrong = await page.get(page.id, { appsecret_proof: proof(page.token, 'other') });
    expect(wrong.body.error.message).toBe('Invalid appsecret_proof provided in the API argument');
    const inBody = await page.post(`${page.id}/feed`, {
      message: 'x',
      appsecret_proof: proof(page.token, 'shh'),
    });
    expect(inBody.status).toBe(200);
  });
});

describe('a changed app secret', () => {
  test('makes the proof under the old one wrong, until it is changed back', async () => {
    const page = await pageOfApp(true);
    const under = async (secret: string) =>
      (await page.get(page.id, { appsecret_proof: proof(page.token, secret) })).body;
    expect((await under('shh')).id).toBe(page.id);
    await control('PATCH', 'apps/77', { secret: 'new' });
    const { error } = await under('shh');
    expect(error).toMatchObject({
      message: 'Invalid appsecret_proof provided in the API argument',
      type: 'GraphMethodException',
      code: 100,
    });
    expect(error.error_subcode).toBeUndefined();
    expect((await under('new')).id).toBe(page.id);
    await control('PATCH', 'apps/77', { secret: 'shh' });
    expect((await under('shh')).id).toBe(page.id);
  });

  test('leaves the rest of the app as it is, and makes its app token invalid', async () => {
    const page = await pageOfApp(true);
    const changed = await control('PATCH', 'apps/77', { secret: 'new' });
    expect(changed).toMatchObject({ id: '77', secret: 'new', require_appsecret_proof: true });
    expect((await ask(page.token)).body.error.code).toBe(190);
  });
});

describe('reading who one is', () => {
  test('a Page token is given to itself and to people with a role, not to other Pages', async () => {
    const [page, other] = [await aPage(), await aPage()];
    const fields = { fields: 'id,name,access_token' };
    expect((await page.get(page.id, fields)).body).toMatchObject({
      access_token: page.token,
      name: 'Corner Bakery',
    });
    expect((await page.get('me', fields)).body.id).toBe(page.id);
    expect((await other.get(page.id, fields)).body.error.code).toBe(10);
    const made = await control('POST', 'tokens', { type: 'user', page_id: page.id });
    const derived = (await as(made.access_token).get(page.id, fields)).body.access_token;
    expect(derived).toMatch(/^EAA/);
    expect((await as(derived).post(`${page.id}/feed`, { message: 'x' })).status).toBe(200);
  });

  test('me/accounts lists the Pages of a person with tokens and tasks', async () => {
    const [a, b] = [await aPage({ name: 'A' }), await aPage({ name: 'B' })];
    const made = await control('POST', 'tokens', { type: 'user', page_ids: [a.id, b.id] });
    const first = await as(made.access_token).get('me/accounts', {
      fields: 'id,tasks',
      limit: '1',
    });
    expect(first.body.data).toMatchObject([
      {
        id: a.id,
        tasks: ['ANALYZE', 'ADVERTISE', 'MESSAGING', 'MODERATE', 'CREATE_CONTENT', 'MANAGE'],
      },
    ]);
    const { after } = first.body.paging.cursors;
    const second = await as(made.access_token).get('me/accounts', {
      fields: 'id',
      limit: '1',
      after,
    });
    expect(second.body.data).toEqual([{ id: b.id }]);
    expect(second.body.paging.next).toBeUndefined();
  });

  test('me/accounts leaves out portfolio Pages without business_management', async () => {
    const page = await aPage({ portfolio: true });
    const made = await control('POST', 'tokens', { type: 'user', page_id: page.id });
    const answer = await as(made.access_token).get('me/accounts');
    expect([answer.status, answer.body]).toEqual([200, { data: [] }]);
  });

  test('debug_token tells an app about its tokens, dead ones under 200', async () => {
    await control('POST', 'apps', { id: '77', secret: 'shh' });
    const page = await aPage({ app_id: '77' });
    expect((await ask(page.token)).body.data).toMatchObject({
      app_id: '77',
      type: 'PAGE',
      is_valid: true,
      expires_at: 0,
      profile_id: page.id,
    });
    await control('PATCH', 'tokens', { token: page.token, state: 'revoked' });
    const dead = await ask(page.token);
    expect([dead.status, dead.body.data.is_valid, dead.body.data.error.subcode]).toEqual([
      200,
      false,
      458,
    ]);
    expect((await ask('EAAnobody')).body.data).toMatchObject({
      is_valid: false,
      error: { code: 190 },
    });
  });

  test('deleting the permissions of a user kills every token of that user and app', async () => {
    const page = await aPage();
    const made = await control('POST', 'tokens', {
      type: 'user',
      page_id: page.id,
      user_id: page.userId,
    });
    expect((await as(made.access_token).delete('me/permissions')).body).toEqual({ success: true });
    expect((await page.get(page.id)).body.error).toMatchObject({ code: 190, error_subcode: 458 });
  });
});

test('a token stays good for posting after 100 days', async () => {
  const page = await aPage();
  await advance(100 * day * 1000);
  expect((await page.post(`${page.id}/feed`, { message: 'x' })).status).toBe(200);
});
