import { expect, test } from 'vitest';
import { useSandbox } from './sandbox-client.ts';

const { send, control, aPage, now } = useSandbox();

test.each([
  ['v26.0', 'v26.0'],
  ['v21.0', 'v21.0'],
  ['v19.0', 'v21.0'],
  ['', 'v21.0'],
])('a call for version "%s" is served as %s and says so', async (asked, served) => {
  const page = await aPage();
  const answer = await send('GET', `${asked && `/${asked}`}/${page.id}?access_token=${page.token}`);
  expect([answer.status, answer.headers.get('facebook-api-version')]).toEqual([200, served]);
});

test('a version that has not appeared yet is an unknown path', async () => {
  const answer = await send('GET', '/v99.0/me');
  expect(answer.body.error.code).toBe(2500);
});

test('slashes and all that is not ASCII are escaped in JSON', async () => {
  const page = await aPage();
  const { body } = await page.post(`${page.id}/feed`, { message: 'é/🍞' });
  const answer = await page.get(body.id, { fields: 'message' });
  expect(answer.text).toContain(String.raw`"message":"\u00e9\/\ud83c\udf5e"`);
  expect(answer.body.message).toBe('é/🍞');
});

test('the Date header shows the clock of the sandbox', async () => {
  const page = await aPage();
  await control('POST', 'clock', { now: '2027-03-01T12:00:00Z', frozen: true });
  expect((await page.get(page.id)).headers.get('date')).toBe('Mon, 01 Mar 2027 12:00:00 GMT');
  expect(await now()).toBe(Date.UTC(2027, 2, 1, 12));
});

test('an error carries the trace id of its headers', async () => {
  const page = await aPage();
  const answer = await page.get('1');
  expect(answer.body.error.fbtrace_id).toBe(answer.headers.get('x-fb-trace-id'));
});

test('the content type can be the one of JavaScript', async () => {
  const page = await aPage();
  await control('PATCH', 'settings', { content_type: 'text/javascript; charset=UTF-8' });
  expect((await page.get(page.id)).headers.get('content-type')).toBe(
    'text/javascript; charset=UTF-8',
  );
});

test('answers can be made to take their time', async () => {
  const page = await aPage();
  await control('PATCH', 'settings', { latency_ms: 60 });
  const startedAt = performance.now();
  await page.get(page.id);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(55);
});
