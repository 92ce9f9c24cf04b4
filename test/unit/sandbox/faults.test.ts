import { describe, expect, test } from 'vitest';
import { useSandbox } from './sandbox-client.ts';

const { send, control, aPage, posts } = useSandbox();
type Page = Awaited<ReturnType<typeof aPage>>;

const fault = (given: object) => control('POST', 'faults', { match: { edge: 'feed' }, ...given });
const publish = (page: Page, message = 'x') => page.post(`${page.id}/feed`, { message });

describe.each([
  ['before', 0],
  ['after', 1],
] as const)('%s the effect', (when, effects) => {
  test('code 1 answers 500 in the envelope', async () => {
    const page = await aPage();
    await fault({ kind: 'code_1', when });
    const answer = await publish(page);
    expect([answer.status, answer.body.error.code]).toEqual([500, 1]);
    expect(await posts()).toHaveLength(effects);
  });

  test('code 2 answers 500 and calls itself transient', async () => {
    const page = await aPage();
    await fault({ kind: 'code_2', when });
    const answer = await publish(page);
    expect([answer.status, answer.body.error]).toMatchObject([
      500,
      { code: 2, is_transient: true },
    ]);
    expect(await posts()).toHaveLength(effects);
  });

  test('a time-out holds the socket', async () => {
    const page = await aPage();
    await fault({ kind: 'timeout', when, hold_ms: 50 });
    await expect(publish(page)).rejects.toThrow('fetch failed');
    expect(await posts()).toHaveLength(effects);
  });

  test('a reset breaks the connection', async () => {
    const page = await aPage();
    await fault({ kind: 'reset', when });
    await expect(publish(page)).rejects.toThrow('fetch failed');
    expect(await posts()).toHaveLength(effects);
  });

  test.each([
    ['html_502', 502],
    ['html_200', 200],
  ])('%s answers a web page', async (kind, status) => {
    const page = await aPage();
    await fault({ kind, when });
    const answer = await publish(page);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      status,
      'text/html; charset=utf-8',
    ]);
    expect(await posts()).toHaveLength(effects);
  });

  test('truncated answers half of the JSON', async () => {
    const page = await aPage();
    await fault({ kind: 'truncated', when });
    const answer = await publish(page);
    expect([answer.status, answer.body]).toEqual([200, undefined]);
    expect(answer.text).toMatch(/^\{"id/);
    expect(await posts()).toHaveLength(effects);
  });

  test.each([
    ['empty', ''],
    ['no_id', '{}'],
  ])('%s answers 200 without an id', async (kind, text) => {
    const page = await aPage();
    await fault({ kind, when });
    const answer = await publish(page);
    expect([answer.status, answer.text]).toEqual([200, text]);
    expect(await posts()).toHaveLength(effects);
  });

  test('an error has the code, subcode, status and headers asked for', async () => {
    const page = await aPage();
    const usage = '{"1":[{"type":"pages","call_count":120,"estimated_time_to_regain_access":7}]}';
    await fault({
      kind: 'error',
      when,
      code: 368,
      subcode: 1390008,
      http_status: 403,
      headers: { 'x-business-use-case-usage': usage },
    });
    const answer = await publish(page);
    expect([answer.status, answer.body.error]).toMatchObject([
      403,
      { code: 368, error_subcode: 1390008 },
    ]);
    expect(answer.headers.get('x-business-use-case-usage')).toBe(usage);
    expect(await posts()).toHaveLength(effects);
  });
});

test('a fault can wait for a call with a parameter: the reveal, and not the edit', async () => {
  const page = await aPage();
  const { id } = (await page.post(`${page.id}/feed`, { message: 'x', published: false })).body;
  const match = { edge: 'node', has_param: 'is_published' };
  await control('POST', 'faults', { match, kind: 'code_2', when: 'after' });
  expect((await page.post(id, { message: 'y' })).status).toBe(200);
  expect((await page.post(id, { is_published: true })).status).toBe(500);
  expect(await control('GET', 'ledger/count')).toMatchObject({ public: 1 });
});

test('a fault hits one call and then no more', async () => {
  const page = await aPage();
  await fault({ kind: 'code_2' });
  expect((await publish(page)).status).toBe(500);
  expect((await publish(page)).status).toBe(200);
});

test('a fault hits as many calls as it is told, and is taken back by DELETE', async () => {
  const page = await aPage();
  await fault({ kind: 'code_2', times: 3 });
  expect([(await publish(page)).status, (await publish(page)).status]).toEqual([500, 500]);
  await control('DELETE', 'faults');
  expect((await publish(page)).status).toBe(200);
});

test('a fault hits only the calls that it matches', async () => {
  const [page, other] = [await aPage(), await aPage()];
  await control('POST', 'faults', {
    match: {
      method: 'post',
      path: `/${page.id}/*`,
      page_id: page.id,
      message_contains: 'boom',
      token: page.token,
    },
    kind: 'code_2',
  });
  expect((await publish(other, 'boom')).status).toBe(200);
  expect((await publish(page, 'calm')).status).toBe(200);
  expect((await page.get(`${page.id}/feed`)).status).toBe(200);
  expect((await publish(page, 'boom!')).status).toBe(500);
});

test('a fault after the effect waits for a call that has one', async () => {
  const page = await aPage();
  await fault({ kind: 'code_2', when: 'after' });
  expect((await publish(page, '')).body.error.code).toBe(197);
  expect((await publish(page)).status).toBe(500);
  expect(await posts()).toHaveLength(1);
});

test('a fault by probability hits the same calls for the same seed', async () => {
  const page = await aPage();
  const run = async () => {
    await control('DELETE', 'faults');
    await fault({ kind: 'code_2', probability: 0.4, seed: 7 });
    const statuses: number[] = [];
    for (let n = 0; n < 30; n += 1) statuses.push((await publish(page)).status);
    return statuses;
  };
  const first = await run();
  expect(new Set(first)).toEqual(new Set([200, 500]));
  expect(await run()).toEqual(first);
});

test('a delay alone changes nothing but the time', async () => {
  const page = await aPage();
  await fault({ kind: 'delay', delay_ms: 60 });
  const startedAt = performance.now();
  expect((await publish(page)).status).toBe(200);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(55);
});

test('a draft can be made to go public against what was asked', async () => {
  const page = await aPage();
  await fault({ kind: 'goes_public' });
  await page.post(`${page.id}/feed`, {
    message: 'x',
    published: false,
    unpublished_content_type: 'DRAFT',
  });
  expect(await posts()).toMatchObject([{ visibility: 'published' }]);
});

test('an effect can come after the client has given up', async () => {
  const page = await aPage();
  await fault({ kind: 'delay', when: 'before', delay_ms: 150 });
  const given = { message: 'x', access_token: page.token };
  const body = new URLSearchParams(given).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const signal = AbortSignal.timeout(30);
  const call = send('POST', `/v26.0/${page.id}/feed`, { body, headers, signal });
  await expect(call).rejects.toThrow('timeout');
  expect(await posts()).toEqual([]);
  await expect.poll(posts).toMatchObject([{ message: 'x', visibility: 'published' }]);
});

test('a call that fails before its effect is counted against the hour', async () => {
  const page = await aPage({ calls_per_hour: 1 });
  await fault({ kind: 'code_2' });
  await publish(page);
  expect((await publish(page)).body.error.code).toBe(80001);
});
