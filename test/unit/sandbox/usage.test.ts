import { expect, test } from 'vitest';
import { z } from 'zod';
import { minute, parse, useSandbox } from './sandbox-client.ts';

const { control, aPage, advance } = useSandbox();
type Page = Awaited<ReturnType<typeof aPage>>;

const usageSchema = z.record(
  z.string(),
  z.array(
    z.object({
      type: z.string(),
      call_count: z.number(),
      estimated_time_to_regain_access: z.number(),
    }),
  ),
);

async function pageUsage(page: Page) {
  const answer = await page.get(page.id);
  const header = answer.headers.get('x-business-use-case-usage');
  return {
    answer,
    usage: header === null ? null : usageSchema.parse(JSON.parse(header))[page.id]?.[0],
  };
}

test('without a limit there are no usage headers', async () => {
  const { usage } = await pageUsage(await aPage());
  expect(usage).toBeNull();
});

test('the usage header is absent at first and then rises with the calls', async () => {
  const page = await aPage({ calls_per_hour: 20 });
  expect((await pageUsage(page)).usage).toBeNull();
  expect((await pageUsage(page)).usage).toMatchObject({
    type: 'pages',
    call_count: 10,
    estimated_time_to_regain_access: 0,
  });
  expect((await pageUsage(page)).usage?.call_count).toBe(15);
});

test('a Page over its hour is refused with 80001 and told the minutes', async () => {
  const page = await aPage({ calls_per_hour: 2 });
  await control('POST', 'clock', { frozen: true });
  await page.get(page.id);
  await advance(10 * minute * 1000);
  await page.get(page.id);
  const { answer, usage } = await pageUsage(page);
  expect([answer.status, answer.body.error.code]).toEqual([400, 80001]);
  expect(usage).toMatchObject({ call_count: 150, estimated_time_to_regain_access: 60 });
});

test('whoever waits until the oldest call is an hour old may call again', async () => {
  const page = await aPage({ calls_per_hour: 2 });
  await page.get(page.id);
  await page.get(page.id);
  await advance(60 * minute * 1000);
  expect((await page.get(page.id)).status).toBe(200);
});

test('calling while throttled prolongs the block', async () => {
  const page = await aPage({ calls_per_hour: 1 });
  await page.get(page.id);
  await advance(30 * minute * 1000);
  expect((await page.get(page.id)).status).toBe(400);
  await advance(31 * minute * 1000);
  expect((await page.get(page.id)).status).toBe(400);
});

test('another Page and another app are not touched by a limit', async () => {
  const [page, other] = [await aPage({ calls_per_hour: 1 }), await aPage({ calls_per_hour: 1 })];
  await page.get(page.id);
  expect((await page.get(page.id)).status).toBe(400);
  expect((await other.get(other.id)).status).toBe(200);
});

test('an app over its hour is refused with 4 and 403', async () => {
  await control('POST', 'apps', { id: '77', calls_per_hour: 1 });
  const page = await aPage({ app_id: '77' });
  const first = await page.get(page.id);
  expect(parse(first.headers.get('x-app-usage') ?? '')).toMatchObject({ call_count: 100 });
  const second = await page.get(page.id);
  expect([second.status, second.body.error.code]).toEqual([403, 4]);
});

test('the most calls within any hour are kept for the summary', async () => {
  const page = await aPage();
  for (let n = 0; n < 3; n += 1) await page.get(page.id);
  await advance(61 * minute * 1000);
  await page.get(page.id);
  const summary = await control('GET', 'ledger/summary');
  expect(summary.pages[page.id]?.calls).toEqual({
    total: 4,
    reads: 4,
    writes: 0,
    most_in_an_hour: 3,
  });
});
