import { expect, test } from 'vitest';
import { day, minute, png, useMedia, useSandbox } from './sandbox-client.ts';

const { control, aPage, advance, inSeconds, posts } = useSandbox({ allowLoopbackMedia: true });
const media = useMedia({ '/a.png': { body: png } });
const refusal = '(#100) The specified scheduled publish time is invalid';
type Page = Awaited<ReturnType<typeof aPage>>;

async function schedule(page: Page, seconds: number, more: object = {}) {
  const time = await inSeconds(seconds);
  return page.post(`${page.id}/feed`, {
    message: 'Later',
    published: false,
    scheduled_publish_time: time,
    ...more,
  });
}

test('a post goes live at its time by the sandbox clock and keeps its id', async () => {
  const page = await aPage();
  const { body } = await schedule(page, 20 * minute);
  const before = await page.get(body.id, { fields: 'is_published,scheduled_publish_time' });
  expect(before.body.is_published).toBe(false);
  expect(typeof before.body.scheduled_publish_time).toBe('number');
  await advance(20 * minute * 1000);
  const after = await page.get(body.id, { fields: 'is_published,scheduled_publish_time' });
  expect(after.body).toEqual({ is_published: true, id: body.id });
});

test('a schedule time on a published post is refused', async () => {
  const page = await aPage();
  const time = await inSeconds(day);
  const answer = await page.post(`${page.id}/feed`, { message: 'x', scheduled_publish_time: time });
  expect(answer.body.error.message).toBe(
    '(#100) You cannot specify a scheduled publish time on a published post',
  );
});

test.each([
  ['nine minutes ahead', 9 * minute],
  ['in the past', -day],
  ['76 days ahead', 76 * day],
])('a time %s is refused', async (_name, seconds) => {
  const answer = await schedule(await aPage(), seconds);
  expect(answer.status).toBe(400);
  expect(answer.body.error).toMatchObject({ message: refusal, code: 100, type: 'OAuthException' });
});

test('the far end of the window is set per Page', async () => {
  const page = await aPage({ max_schedule_days: 29 });
  expect((await schedule(page, 30 * day)).body.error.message).toBe(refusal);
  expect((await schedule(page, 28 * day)).status).toBe(200);
});

test('milliseconds instead of seconds are refused', async () => {
  const page = await aPage();
  const time = (await inSeconds(day)) * 1000;
  const answer = await page.post(`${page.id}/feed`, {
    message: 'x',
    published: false,
    scheduled_publish_time: time,
  });
  expect(answer.body.error.message).toBe(refusal);
});

test('a time may be ISO 8601 or relative', async () => {
  const page = await aPage();
  const iso = new Date((await inSeconds(day)) * 1000).toISOString();
  for (const time of [iso, '+2 weeks']) {
    const answer = await page.post(`${page.id}/feed`, {
      message: time,
      published: 'false',
      scheduled_publish_time: time,
    });
    expect(answer.status).toBe(200);
  }
  expect(await posts()).toMatchObject([{ visibility: 'scheduled' }, { visibility: 'scheduled' }]);
});

test('a staged photo without temporary is lost to a post that goes live a day later', async () => {
  const page = await aPage();
  const upload = async (temporary: boolean) =>
    (
      await page.post(`${page.id}/photos`, {
        url: media.url('/a.png'),
        published: false,
        temporary,
      })
    ).body.id;
  const [kept, lost] = [await upload(true), await upload(false)];
  await schedule(page, 2 * day, { attached_media: [{ media_fbid: kept }, { media_fbid: lost }] });
  await advance(2 * day * 1000);
  const [effect] = (await control('GET', 'ledger?kind=publish')).data;
  expect(effect).toMatchObject({
    visibility: 'published',
    photo_ids: [kept],
    lost_photo_ids: [lost],
  });
});

test('a scheduled post can be made to vanish at its time', async () => {
  const page = await aPage();
  await control('POST', 'faults', { match: { edge: 'feed' }, kind: 'vanish' });
  const { body } = await schedule(page, 20 * minute);
  await advance(21 * minute * 1000);
  expect((await page.get(body.id)).body.error).toMatchObject({ code: 100, error_subcode: 33 });
  expect(await posts()).toMatchObject([{ visibility: 'vanished' }]);
});

test('a scheduled post can be made to go live late', async () => {
  const page = await aPage();
  await control('POST', 'faults', { match: { edge: 'feed' }, kind: 'late', late_minutes: 5 });
  const { body } = await schedule(page, 20 * minute);
  await advance(22 * minute * 1000);
  expect((await page.get(body.id, { fields: 'is_published' })).body.is_published).toBe(false);
  await advance(4 * minute * 1000);
  expect((await page.get(body.id, { fields: 'is_published' })).body.is_published).toBe(true);
});
