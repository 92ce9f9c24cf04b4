import { expect, test } from 'vitest';
import { useSandbox } from './sandbox-client.ts';

const { send, control, aPage, advance, posts } = useSandbox();

test.each([
  ['POST', 'pages', '{"name":""}', 400, 'name'],
  ['POST', 'pages', '{"name":"A","colour":"red"}', 400, 'colour'],
  ['POST', 'pages', '{"name":', 400, 'not JSON'],
  ['POST', 'faults', '{"kind":"flood"}', 400, 'kind'],
  ['POST', 'tokens', '{"page_id":"5"}', 404, 'no Page 5'],
  ['PATCH', 'tokens', '{"state":"revoked"}', 400, 'token, page_id, user_id'],
  ['POST', 'clock', '{"advance_ms":-1}', 400, 'advance_ms'],
  ['GET', 'ledger?after=x', undefined, 400, 'after'],
  ['GET', 'nothing', undefined, 404, 'no control route'],
])('%s %s with %s is refused and says why', async (method, path, body, status, reason) => {
  const answer = await send(method, `/_sandbox/${path}`, body === undefined ? {} : { body });
  expect(answer.status).toBe(status);
  expect(answer.body.error.message).toContain(reason);
});

test('a reset empties everything', async () => {
  const page = await aPage();
  await page.post(`${page.id}/feed`, { message: 'x' });
  await control('POST', 'reset');
  expect((await control('GET', 'pages')).data).toEqual([]);
  expect(await posts()).toEqual([]);
  expect((await page.get(page.id)).body.error.code).toBe(190);
});

test('a reset can keep Pages and tokens', async () => {
  const page = await aPage();
  await page.post(`${page.id}/feed`, { message: 'x' });
  await control('POST', 'reset', { keep_pages: true });
  expect(await posts()).toEqual([]);
  expect((await page.post(`${page.id}/feed`, { message: 'y' })).status).toBe(200);
});

test('a Page is listed with its token', async () => {
  const page = await aPage({ id: '12345', name: 'A' });
  const { data } = await control('GET', 'pages');
  expect(data).toMatchObject([
    { id: '12345', name: 'A', tokens: [{ access_token: page.token, expires_at: null }] },
  ]);
});

test('the clock does not go back once something happened', async () => {
  const page = await aPage();
  await page.post(`${page.id}/feed`, { message: 'x' });
  const answer = await send('POST', '/_sandbox/clock', { body: '{"now":"2020-01-01T00:00:00Z"}' });
  expect(answer.status).toBe(409);
});

test('the summary counts posts by state and finds those that exist twice', async () => {
  const page = await aPage();
  const once = await page.post(`${page.id}/feed`, { message: 'once' });
  const ids: string[] = [];
  for (let n = 0; n < 2; n += 1)
    ids.push((await page.post(`${page.id}/feed`, { message: 'twice' })).body.id);
  await page.post(`${page.id}/feed`, { message: 'once', published: false });
  await page.delete(once.body.id);
  const summary = await control('GET', 'ledger/summary');
  expect(summary.total).toMatchObject({ posts: 4, published: 2, dark: 1, deleted: 1 });
  expect(summary.duplicate_posts).toBe(1);
  expect(summary.duplicates).toMatchObject([{ page_id: page.id, message: 'twice', count: 2, ids }]);
});

test('the ledger can be read from where the last reading ended', async () => {
  const page = await aPage();
  await page.post(`${page.id}/feed`, { message: '1' });
  const total = (await control('GET', 'ledger')).data.length;
  await page.post(`${page.id}/feed`, { message: '2' });
  expect((await control('GET', `ledger?after=${total}`)).data).toMatchObject([
    { seq: 2, message: '2' },
  ]);
});

test('each effect names the request that caused it', async () => {
  const page = await aPage();
  const answer = await page.post(`${page.id}/feed`, { message: 'x' });
  const [effect] = await posts();
  expect(effect?.request_id).toBe(answer.headers.get('x-fb-trace-id'));
  expect(effect?.body_hash).toMatch(/^[0-9a-f]{64}$/);
});

test('the request log shows no token and no proof', async () => {
  const page = await aPage();
  await send('GET', `/v26.0/${page.id}?access_token=${page.token}&appsecret_proof=abc123abc123`);
  const answer = await send('GET', `/_sandbox/requests?page_id=${page.id}&method=GET`);
  expect(answer.body.data).toMatchObject([
    { token_in: 'query', status: 400, error_code: 100, has_appsecret_proof: true },
  ]);
  expect(answer.text).not.toContain(page.token);
  expect(answer.text).not.toContain('abc123abc123');
});

test('a scheduled post goes live before the ledger is read', async () => {
  const page = await aPage();
  const time = Math.floor((await control('GET', 'clock')).now_ms / 1000) + 1200;
  await page.post(`${page.id}/feed`, {
    message: 'x',
    published: false,
    scheduled_publish_time: time,
  });
  await advance(1_300_000);
  const [effect] = await posts();
  expect(effect).toMatchObject({
    visibility: 'published',
    visibility_then: 'scheduled',
    live_at: new Date(time * 1000).toISOString(),
  });
});
