import { describe, expect, test } from 'vitest';
import { day, minute, png, useMedia, useSandbox } from './sandbox-client.ts';

const { control, aPage, as, advance, inSeconds } = useSandbox({ allowLoopbackMedia: true });
const media = useMedia({ '/a.png': { body: png }, '/b.png': { body: png } });
type Page = Awaited<ReturnType<typeof aPage>>;

async function oneOfEach(page: Page) {
  const make = async (params: object) =>
    (await page.post(`${page.id}/feed`, { message: 'x', ...params })).body.id;
  return {
    live: await make({}),
    dark: await make({ published: false }),
    draft: await make({ published: false, unpublished_content_type: 'DRAFT' }),
    scheduled: await make({ published: false, scheduled_publish_time: await inSeconds(day) }),
  };
}

async function idsOf(
  page: Page,
  edge: string,
  params: Record<string, string> = {},
): Promise<string[]> {
  const answer = await page.get(`${page.id}/${edge}`, params);
  return answer.body.data.map((post) => post.id);
}

test('each edge holds the posts that belong there', async () => {
  const page = await aPage();
  const { live, dark, draft, scheduled } = await oneOfEach(page);
  for (const edge of ['feed', 'posts', 'published_posts'])
    expect(await idsOf(page, edge)).toEqual([live]);
  expect(await idsOf(page, 'scheduled_posts')).toEqual([scheduled]);
  expect(await idsOf(page, 'promotable_posts', { is_published: 'false' })).toEqual([
    scheduled,
    draft,
    dark,
  ]);
  expect(await idsOf(page, 'promotable_posts', { is_published: 'true' })).toEqual([live]);
  expect(await idsOf(page, 'promotable_posts')).toEqual([scheduled, draft, dark, live]);
  expect(await idsOf(page, 'visitor_posts')).toEqual([]);
});

test('a post that went live moves from scheduled_posts to published_posts, dated by its time', async () => {
  const page = await aPage();
  const time = await inSeconds(20 * minute);
  const { body } = await page.post(`${page.id}/feed`, {
    message: 'x',
    published: false,
    scheduled_publish_time: time,
  });
  await advance(60 * minute * 1000);
  expect(await idsOf(page, 'scheduled_posts')).toEqual([]);
  const answer = await page.get(`${page.id}/published_posts`, { fields: 'created_time' });
  const date = `${new Date(time * 1000).toISOString().slice(0, 19)}+0000`;
  expect(answer.body.data).toEqual([{ id: body.id, created_time: date }]);
});

test('without fields only id, created_time and message are answered', async () => {
  const page = await aPage();
  await page.post(`${page.id}/feed`, { message: 'x' });
  const answer = await page.get(`${page.id}/feed`);
  expect(Object.keys(answer.body.data[0] ?? {}).toSorted()).toEqual([
    'created_time',
    'id',
    'message',
  ]);
});

test('one unknown field fails the whole call', async () => {
  const page = await aPage();
  const answer = await page.get(`${page.id}/feed`, { fields: 'id,post_id' });
  expect(answer.status).toBe(400);
  expect(answer.body.error.message).toBe(
    '(#100) Tried accessing nonexisting field (post_id) on node type (PagePost)',
  );
});

test('a field that Meta took away is refused with 12', async () => {
  const page = await aPage();
  expect((await page.get(`${page.id}/feed`, { fields: 'id,link' })).body.error.code).toBe(12);
});

test('fields that cannot be parsed are refused with 2500', async () => {
  const page = await aPage();
  expect(
    (await page.get(`${page.id}/feed`, { fields: 'id,attachments{media' })).body.error.code,
  ).toBe(2500);
});

describe('attachments', () => {
  test('of a link show the redirect of Facebook, and the link only unshimmed', async () => {
    const page = await aPage();
    const link = 'https://example.org/a?b=1';
    const { body } = await page.post(`${page.id}/feed`, { message: 'x', link });
    const answer = await page.get(body.id, { fields: 'attachments{media_type,unshimmed_url,url}' });
    const [card] = answer.body.attachments.data;
    expect(card).toMatchObject({ media_type: 'link', unshimmed_url: link });
    expect(card?.url).toMatch(/^https:\/\/l\.facebook\.com\/l\.php\?u=https%3A%2F%2Fexample\.org/);
    expect(Object.keys(card ?? {}).toSorted()).toEqual(['media_type', 'unshimmed_url', 'url']);
  });

  test('of several photos are an album with the photos in order', async () => {
    const page = await aPage();
    const ids: string[] = [];
    for (const path of ['/b.png', '/a.png']) {
      const { body } = await page.post(`${page.id}/photos`, {
        url: media.url(path),
        published: false,
      });
      ids.unshift(body.id);
    }
    const attached = ids.map((media_fbid) => ({ media_fbid }));
    const { body } = await page.post(`${page.id}/feed`, { message: 'x', attached_media: attached });
    const answer = await page.get(body.id, {
      fields: 'attachments{media_type,subattachments{target{id}}}',
    });
    const [album] = answer.body.attachments.data;
    expect(album?.media_type).toBe('album');
    expect(album?.subattachments.data).toEqual(ids.map((id) => ({ target: { id } })));
  });
});

test('empty edges inside fields carry their summary when asked', async () => {
  const page = await aPage();
  const { body } = await page.post(`${page.id}/feed`, { message: 'x' });
  const answer = await page.get(body.id, { fields: 'comments.limit(0).summary(true),shares' });
  expect(answer.body).toEqual({ comments: { data: [], summary: { total_count: 0 } }, id: body.id });
});

async function five(page: Page): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 1; n <= 5; n += 1)
    ids.unshift((await page.post(`${page.id}/feed`, { message: `${n}` })).body.id);
  return ids;
}
describe('paging', () => {
  test('follows cursors to the end, and only the last page has no next', async () => {
    const page = await aPage();
    const all = await five(page);
    const seen: string[] = [];
    let after = '';
    for (;;) {
      const { body } = await page.get(`${page.id}/feed`, {
        limit: '2',
        fields: 'id',
        ...(after && { after }),
      });
      seen.push(...body.data.map((post) => post.id));
      if (body.paging.next === undefined) break;
      after = body.paging.cursors.after;
    }
    expect(seen).toEqual(all);
  });

  test('writes the token into the next link, as Meta does', async () => {
    const page = await aPage();
    await five(page);
    const { body } = await page.get(`${page.id}/feed`, { limit: '2' });
    expect(new URL(body.paging.next ?? '').searchParams.get('access_token')).toBe(page.token);
  });

  test('keeps its place while newer posts arrive', async () => {
    const page = await aPage();
    const all = await five(page);
    const first = await page.get(`${page.id}/feed`, { limit: '2', fields: 'id' });
    await page.post(`${page.id}/feed`, { message: 'newer' });
    const { after } = first.body.paging.cursors;
    expect(await idsOf(page, 'feed', { limit: '2', after })).toEqual(all.slice(2, 4));
  });

  test('goes back to newer posts by the before cursor', async () => {
    const page = await aPage();
    const all = await five(page);
    const { body } = await page.get(`${page.id}/feed`, { limit: '5' });
    const { after: before } = body.paging.cursors;
    expect(await idsOf(page, 'feed', { limit: '2', before })).toEqual(all.slice(2, 4));
  });

  test('can answer an empty page that has a next', async () => {
    const page = await aPage();
    await five(page);
    await control('PATCH', 'settings', { short_pages: true });
    const first = await page.get(`${page.id}/feed`, { limit: '4' });
    expect(first.body.data).toEqual([]);
    expect(first.body.paging.next).toBeDefined();
    const { after } = first.body.paging.cursors;
    expect(await idsOf(page, 'feed', { limit: '4', after })).toHaveLength(2);
  });

  test('refuses a limit above 100', async () => {
    const page = await aPage();
    expect((await page.get(`${page.id}/feed`, { limit: '101' })).body.error.code).toBe(100);
  });

  test('keeps to since and until', async () => {
    const page = await aPage();
    await control('POST', 'clock', { frozen: true });
    const times: number[] = [];
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      times.push(await inSeconds(0));
      ids.push((await page.post(`${page.id}/feed`, { message: `${n}` })).body.id);
      await advance(60_000);
    }
    expect(await idsOf(page, 'feed', { since: `${times[1]! - 1}` })).toEqual([ids[2], ids[1]]);
    expect(await idsOf(page, 'feed', { until: `${times[1]! + 1}` })).toEqual([ids[1], ids[0]]);
  });
});

test('edges can lag behind what was written', async () => {
  const page = await aPage();
  await control('PATCH', 'settings', { read_lag_ms: 30_000 });
  const { body } = await page.post(`${page.id}/feed`, { message: 'x' });
  expect(await idsOf(page, 'feed')).toEqual([]);
  expect((await page.get(body.id)).status).toBe(200);
  await advance(30_000);
  expect(await idsOf(page, 'feed')).toEqual([body.id]);
});

test('a post that is not there is answered with 100/33', async () => {
  const page = await aPage();
  const answer = await page.get(`${page.id}_1`);
  expect(answer.status).toBe(400);
  expect(answer.body.error).toMatchObject({
    code: 100,
    error_subcode: 33,
    type: 'GraphMethodException',
  });
});

test('the post of another Page is as good as absent', async () => {
  const [page, other] = [await aPage(), await aPage()];
  const { body } = await page.post(`${page.id}/feed`, { message: 'x' });
  expect((await other.get(body.id)).body.error).toMatchObject({ code: 100, error_subcode: 33 });
});

test('a name instead of an id is refused with 803, an unknown edge with 2500', async () => {
  const page = await aPage();
  expect((await page.get('corner.bakery')).body.error.code).toBe(803);
  expect((await page.get(`${page.id}/likes_of_old`)).body.error.code).toBe(2500);
});

test('people can write, publish and delete on the Page by themselves', async () => {
  const page = await aPage();
  const byHand = await control('POST', `pages/${page.id}/posts`, { message: 'By hand' });
  expect(await idsOf(page, 'feed')).toEqual([byHand.id]);
  expect((await page.post(byHand.id, { message: 'x' })).body.error.code).toBe(200);
  const { draft } = await oneOfEach(page);
  await control('PATCH', `posts/${draft}`, { publish: true });
  expect((await page.get(draft, { fields: 'is_published' })).body.is_published).toBe(true);
  await control('DELETE', `posts/${draft}`);
  expect((await as(page.token).get(draft)).status).toBe(400);
});
