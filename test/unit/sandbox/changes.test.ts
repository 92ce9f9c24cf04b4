import { describe, expect, test } from 'vitest';
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

const count = (page: Page, message = 'Soon') =>
  control('GET', `ledger/count?${new URLSearchParams({ page_id: page.id, message }).toString()}`);
const read = async (page: Page, id: string) =>
  (await page.get(id, { fields: 'is_published,created_time,scheduled_publish_time' })).body;

describe('a hidden post, by its id', () => {
  const draft = { published: false, unpublished_content_type: 'DRAFT' };
  const dark = { published: false };

  async function hidden(page: Page, params: object = dark): Promise<string> {
    return (await page.post(`${page.id}/feed`, { message: 'Soon', ...params })).body.id;
  }
  test.each([
    ['draft', draft],
    ['dark', dark],
  ])('of kind %s is revealed once, at the moment of the reveal', async (_kind, params) => {
    const page = await aPage();
    const id = await hidden(page, params);
    expect(await read(page, id)).toMatchObject({ is_published: false });
    expect(await count(page)).toMatchObject({ public: 0, hidden: 1 });
    await advance(minute * 1000);
    for (const body of [{ is_published: true }, { is_published: true }])
      expect((await page.post(id, body)).body).toEqual({ success: true });
    const [revealed, ...more] = (await control('GET', 'ledger?kind=publish')).data;
    expect(more).toEqual([]);
    expect(revealed).toMatchObject({ id, by: 'app' });
    expect(await read(page, id)).toMatchObject({
      is_published: true,
      created_time: `${revealed?.created_at.slice(0, 19)}+0000`,
    });
    expect(await count(page)).toMatchObject({ public: 1, hidden: 0, data: [{ id }] });
  });

  test('can refuse to be revealed twice', async () => {
    const page = await aPage();
    await control('PATCH', 'weather', { reveal_again: 'refuse' });
    const id = await hidden(page);
    expect((await page.post(id, { is_published: true })).status).toBe(200);
    const again = await page.post(id, { is_published: true });
    expect(again.status).toBe(400);
    expect(again.body.error).toMatchObject({
      code: 100,
      message: '(#100) This post is already published',
    });
    expect((await control('GET', 'ledger?kind=publish')).data).toHaveLength(1);
  });

  test('is scheduled within the window, and goes live at its time', async () => {
    const page = await aPage();
    const id = await hidden(page);
    const tooNear = await page.post(id, { scheduled_publish_time: await inSeconds(minute) });
    expect(tooNear.body.error.code).toBe(100);
    const time = await inSeconds(20 * minute);
    for (let times = 0; times < 2; times += 1)
      expect((await page.post(id, { scheduled_publish_time: time })).body.success).toBe(true);
    expect(await read(page, id)).toMatchObject({
      is_published: false,
      scheduled_publish_time: time,
    });
    expect(await count(page)).toMatchObject({ scheduled: 1, hidden: 0 });
    await advance(21 * minute * 1000);
    expect(await count(page)).toMatchObject({ public: 1, scheduled: 0 });
    expect((await control('GET', 'ledger?kind=publish')).data).toMatchObject([{ id, by: 'clock' }]);
  });

  test('takes no schedule where the weather says so, with an error or without a word', async () => {
    const page = await aPage();
    const id = await hidden(page, draft);
    const body = { scheduled_publish_time: await inSeconds(20 * minute) };
    await control('PATCH', 'weather', { schedule_hidden: 'refuse' });
    expect((await page.post(id, body)).body.error.code).toBe(100);
    await control('PATCH', 'weather', { schedule_hidden: 'ignore' });
    expect((await page.post(id, body)).body).toEqual({ success: true });
    expect(Object.keys(await read(page, id))).not.toContain('scheduled_publish_time');
    expect(await count(page)).toMatchObject({ scheduled: 0, hidden: 1 });
  });

  test('is public at once where hidden posts are shown, but not when it has a time', async () => {
    const page = await aPage();
    await control('PATCH', `pages/${page.id}`, { weather: { hidden_shown: true } });
    const id = await hidden(page);
    expect(await read(page, id)).toMatchObject({ is_published: true });
    await scheduled(page);
    expect(await control('GET', 'ledger/count')).toMatchObject({ public: 1, scheduled: 1 });
    const other = await aPage();
    expect(await read(other, await hidden(other))).toMatchObject({ is_published: false });
  });

  test('deleted before its reveal is not there any more', async () => {
    const page = await aPage();
    const id = await hidden(page);
    await control('DELETE', `posts/${id}`);
    const answer = await page.post(id, { is_published: true });
    expect(answer.body.error).toMatchObject({ code: 100, error_subcode: 33 });
    expect(await count(page)).toMatchObject({ public: 0, gone: 1 });
  });

  test('made and revealed twice is two visible posts', async () => {
    const page = await aPage();
    for (const id of [await hidden(page), await hidden(page)])
      await page.post(id, { is_published: true });
    await hidden(page);
    expect(await count(page)).toMatchObject({ public: 2, hidden: 1 });
    expect((await control('GET', 'ledger/summary')).public_duplicates).toBe(1);
  });
});

test('a post names the app that made it when asked, and a post of a person names none', async () => {
  const page = await aPage();
  await control('POST', 'apps', { id: '77', name: 'Another tool' });
  await page.post(`${page.id}/feed`, { message: 'Same' });
  await control('POST', `pages/${page.id}/posts`, { message: 'Same' });
  await control('POST', `pages/${page.id}/posts`, { message: 'Same', app_id: '77' });
  await control('POST', `pages/${page.id}/posts`, {
    message: 'Same',
    app_id: '77',
    published: false,
  });
  const listed = await page.get(`${page.id}/promotable_posts`, { fields: 'application' });
  const other = { id: '77', name: 'Another tool' };
  const ours = { id: '1010101010101010', name: 'Sandbox app' };
  expect(listed.body.data.map(({ application }) => application)).toEqual([
    other,
    other,
    undefined,
    ours,
  ]);
  expect((await posts()).map(({ by, app_id }) => [by, app_id])).toEqual([
    ['app', ours.id],
    ['person', null],
    ['app', '77'],
    ['app', '77'],
  ]);
  const unasked = await page.get(listed.body.data[0]?.id ?? '');
  expect(Object.keys(unasked.body)).not.toContain('application');
});
