import { expect, test } from 'vitest';
import { day, minute, useSandbox } from './sandbox-client.ts';

const { control, aPage, as, advance, inSeconds, posts } = useSandbox();
type Page = Awaited<ReturnType<typeof aPage>>;

async function scheduled(page: Page): Promise<string> {
  const time = await inSeconds(20 * minute);
  const answer = await page.post(`${page.id}/feed`, {
    message: 'Later',
    published: false,
    scheduled_publish_time: time,
  });
  return answer.body.id;
}

test('a scheduled post is published now by is_published=true', async () => {
  const page = await aPage();
  const id = await scheduled(page);
  expect((await page.post(id, { is_published: true })).body).toEqual({ success: true });
  expect(await posts()).toMatchObject([{ visibility: 'published' }]);
  await advance(30 * minute * 1000);
  expect((await control('GET', 'ledger?kind=publish')).data).toHaveLength(1);
});

test('a scheduled post is rescheduled inside the window only', async () => {
  const page = await aPage();
  const id = await scheduled(page);
  const tooNear = await page.post(id, { scheduled_publish_time: await inSeconds(60) });
  expect(tooNear.body.error.code).toBe(100);
  await page.post(id, { scheduled_publish_time: await inSeconds(day) });
  await advance(30 * minute * 1000);
  expect(await posts()).toMatchObject([{ visibility: 'scheduled' }]);
  await advance(day * 1000);
  expect(await posts()).toMatchObject([{ visibility: 'published' }]);
});

test('the message of a live post is changed', async () => {
  const page = await aPage();
  const { body } = await page.post(`${page.id}/feed`, { message: 'Old' });
  await page.post(body.id, { message: 'New' });
  expect((await page.get(body.id, { fields: 'message' })).body).toEqual({
    message: 'New',
    id: body.id,
  });
});

test('a scheduled post cannot be changed or deleted three minutes before its time', async () => {
  const page = await aPage();
  const id = await scheduled(page);
  await advance(18 * minute * 1000);
  expect((await page.post(id, { message: 'x' })).body.error.code).toBe(100);
  expect((await page.delete(id)).body.error.code).toBe(100);
  expect(await posts()).toMatchObject([{ visibility: 'scheduled', message: 'Later' }]);
});

test('a published post is never unpublished', async () => {
  const page = await aPage();
  const { body } = await page.post(`${page.id}/feed`, { message: 'x' });
  expect((await page.post(body.id, { is_published: false })).body.error.code).toBe(100);
});

test('another app can neither change nor delete a post', async () => {
  const page = await aPage();
  const { body } = await page.post(`${page.id}/feed`, { message: 'x' });
  await control('POST', 'apps', { id: '77' });
  const other = await control('POST', 'tokens', { type: 'page', page_id: page.id, app_id: '77' });
  expect((await as(other.access_token).post(body.id, { message: 'y' })).body.error.code).toBe(200);
  expect((await as(other.access_token).delete(body.id)).body.error.code).toBe(200);
});

test('a second delete is answered with 100/33', async () => {
  const page = await aPage();
  const { body } = await page.post(`${page.id}/feed`, { message: 'x' });
  expect((await page.delete(body.id)).body).toEqual({ success: true });
  const again = await page.delete(body.id);
  expect(again.status).toBe(400);
  expect(again.body.error).toMatchObject({
    code: 100,
    error_subcode: 33,
    type: 'GraphMethodException',
  });
});

test('POST with method=delete deletes', async () => {
  const page = await aPage();
  const { body } = await page.post(`${page.id}/feed`, { message: 'x' });
  expect((await page.post(`${body.id}?method=delete`)).body).toEqual({ success: true });
  expect(await posts()).toMatchObject([{ visibility: 'deleted' }]);
});
