import { describe, expect, test } from 'vitest';
import { day, minute, png, useMedia, useSandbox } from './sandbox-client.ts';

const { send, control, aPage, advance, inSeconds, posts } = useSandbox({
  allowLoopbackMedia: true,
});
const media = useMedia({ '/a.png': { body: png } });
type Page = Awaited<ReturnType<typeof aPage>>;

const weather = (change: object) => control('PATCH', 'weather', change);
const post = async (page: Page, params: object): Promise<string> =>
  (await page.post(`${page.id}/feed`, params)).body.id;

async function withPhoto(page: Page, message: string): Promise<{ photo: string; id: string }> {
  const { body } = await page.post(`${page.id}/photos`, {
    url: media.url('/a.png'),
    published: false,
  });
  return {
    photo: body.id,
    id: await post(page, { message, attached_media: [{ media_fbid: body.id }] }),
  };
}

async function attachmentOf(page: Page, id: string) {
  const { body } = await page.get(id, { fields: 'attachments' });
  return body.attachments?.data[0];
}

async function listed(page: Page, edge = 'published_posts', params: Record<string, string> = {}) {
  return (await page.get(`${page.id}/${edge}`, params)).body.data.map(({ id }) => id);
}

async function five(page: Page): Promise<string[]> {
  const ids: string[] = [];
  for (const message of ['1', '2', '3', '4', '5']) ids.push(await post(page, { message }));
  return ids;
}

async function allPages(page: Page): Promise<string[]> {
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const { body } = await page.get(`${page.id}/published_posts`, {
      limit: '2',
      ...(after === undefined ? {} : { after }),
    });
    seen.push(...body.data.map(({ id }) => id));
    after = body.paging.next === undefined ? undefined : body.paging.cursors.after;
  } while (after !== undefined);
  return seen;
}

describe('the switches themselves', () => {
  test('stay where a change leaves them out, and are fair again after a reset', async () => {
    const fair = await control('GET', 'weather');
    await weather({ edge_order: 'oldest' });
    expect(await weather({ node_lag_ms: 5 })).toEqual({
      ...fair,
      edge_order: 'oldest',
      node_lag_ms: 5,
    });
    await control('POST', 'reset', { keep_pages: true });
    expect(await control('GET', 'weather')).toEqual(fair);
  });

  test('can differ on one Page, until they are taken back', async () => {
    const [wet, dry] = [await aPage(), await aPage()];
    const change = (value: object | null) =>
      control('PATCH', `pages/${wet.id}`, { weather: value });
    await change({ rewrite_message: ['blank_lines'] });
    const message = 'a\n\n\nb';
    for (const page of [wet, dry]) await post(page, { message });
    expect((await posts()).map((effect) => effect.message)).toEqual(['a\n\nb', message]);
    await change(null);
    await post(wet, { message });
    expect((await posts()).at(-1)?.message).toBe(message);
  });

  test.each([{ edge_order: 'best' }, { colour: 'grey' }, { rewrite_message: ['spelling'] }, []])(
    'are refused as %j, and nothing changes',
    async (change) => {
      const before = await control('GET', 'weather');
      const answer = await send('PATCH', '/_sandbox/weather', { body: JSON.stringify(change) });
      expect(answer.status).toBe(400);
      expect(await control('GET', 'weather')).toEqual(before);
    },
  );
});

describe('texts', () => {
  test.each([
    ['mentions', 'Thanks @[222]!', 'Thanks Café Zoë!'],
    ['blank_lines', 'a\n\n\n\nb', 'a\n\nb'],
    ['trailing_blanks', 'a  \nb \t\nc', 'a\nb\nc'],
    ['lone_cr', 'a\rb', 'a\nb'],
    ['zero_width', 'a\u200bb\ufeffc', 'abc'],
    ['no_break_space', 'a\u00a0b', 'a b'],
    ['variation_selectors', '\u2764\ufe0f', '\u2764'],
    ['controls', 'a\u0007b\tc', 'ab\tc'],
    ['composed', 'Cafe\u0301', 'Caf\u00e9'],
  ])(
    '%s: are kept as sent in fair weather, and changed with the switch',
    async (kind, sent, kept) => {
      const page = await aPage();
      await control('POST', 'pages', { id: '222', name: 'Café Zoë' });
      await post(page, { message: sent });
      await weather({ rewrite_message: [kind] });
      const id = await post(page, { message: sent });
      expect((await posts()).map(({ message }) => message)).toEqual([sent, kept]);
      const query = new URLSearchParams({ message: sent }).toString();
      expect(await control('GET', `ledger/count?${query}`)).toMatchObject({ public: 2 });
      await page.post(id, { message: `${sent}!` });
      expect((await page.get(id)).body.message).toBe(`${kept}!`);
    },
  );
});

describe('attachments', () => {
  test('come late', async () => {
    const page = await aPage();
    await weather({ attachments_lag_ms: 60_000 });
    const { id } = await withPhoto(page, 'x');
    expect(await attachmentOf(page, id)).toBeUndefined();
    await advance(60_000);
    expect(await attachmentOf(page, id)).toMatchObject({ type: 'photo' });
  });

  test('never come', async () => {
    const page = await aPage();
    await weather({ attachments: 'none' });
    const { id } = await withPhoto(page, 'x');
    expect(await attachmentOf(page, id)).toBeUndefined();
  });

  test('show an event below a text, and photos as photos', async () => {
    const page = await aPage();
    const id = await post(page, { message: 'Come to fb.me/e/1' });
    expect(await attachmentOf(page, id)).toBeUndefined();
    await weather({ attachments: 'event' });
    const event = await attachmentOf(page, id);
    expect(event?.type).toBe('event');
    expect(event?.target.id).toMatch(/^\d+$/);
    const { id: photos, photo } = await withPhoto(page, 'x');
    expect(await attachmentOf(page, photos)).toMatchObject({
      type: 'photo',
      target: { id: photo },
    });
  });

  test('show a link as posted, under its canonical address, or only as the redirect', async () => {
    const page = await aPage();
    const id = await post(page, { link: 'https://m.example.com/menu?utm_source=fb#top' });
    const shown = async () => (await attachmentOf(page, id))?.unshimmed_url;
    expect(await shown()).toBe('https://m.example.com/menu?utm_source=fb#top');
    await weather({ link_shown: 'canonical' });
    expect(await shown()).toBe('https://www.example.com/menu/');
    await weather({ link_shown: 'shim' });
    expect(await shown()).toBeUndefined();
    expect((await attachmentOf(page, id))?.url).toContain('l.facebook.com');
  });
});

describe('edges', () => {
  test('list the newest first, the oldest first, or in an order of their own, page by page', async () => {
    const page = await aPage();
    const ids = await five(page);
    expect(await allPages(page)).toEqual(ids.toReversed());
    await weather({ edge_order: 'oldest' });
    expect(await allPages(page)).toEqual(ids);
    await weather({ edge_order: 'ranked' });
    const ranked = await allPages(page);
    expect(ranked.toSorted()).toEqual(ids);
    expect([ids, ids.toReversed()]).not.toContainEqual(ranked);
  });

  test('give the page before in any order', async () => {
    const page = await aPage();
    const ids = await five(page);
    await weather({ edge_order: 'oldest' });
    const last = await page.get(`${page.id}/published_posts`, { limit: '5' });
    const { before } = (
      await page.get(`${page.id}/published_posts`, {
        limit: '2',
        after: last.body.paging.cursors.before,
      })
    ).body.paging.cursors;
    expect(await listed(page, 'published_posts', { before })).toEqual(ids.slice(0, 1));
  });

  test('list no drafts, but dark posts', async () => {
    const page = await aPage();
    await post(page, { message: 'x', published: false, unpublished_content_type: 'DRAFT' });
    const dark = await post(page, { message: 'x', published: false });
    await weather({ drafts_listed: false });
    expect(await listed(page, 'promotable_posts', { is_published: 'false' })).toEqual([dark]);
  });

  test('take a scope of their own', async () => {
    const page = await aPage();
    await weather({
      edge_scopes: { promotable_posts: 'pages_manage_ads', feed: 'pages_read_user_content' },
    });
    for (const edge of ['promotable_posts', 'feed']) {
      const answer = await page.get(`${page.id}/${edge}`);
      expect(answer.status).toBe(403);
      expect(answer.body.error.code).toBe(10);
    }
    expect((await page.get(`${page.id}/published_posts`)).status).toBe(200);
    const scopes = ['pages_read_engagement', 'pages_manage_ads'];
    await control('PATCH', 'tokens', { page_id: page.id, scopes });
    expect((await page.get(`${page.id}/promotable_posts`)).status).toBe(200);
  });

  test('refuse a limit above what they can carry', async () => {
    const page = await aPage();
    await weather({ reduce_data_above_limit: 10 });
    const answer = await page.get(`${page.id}/published_posts`, { limit: '11' });
    expect(answer.status).toBe(500);
    expect(answer.body.error).toMatchObject({
      code: 1,
      message: "Please reduce the amount of data you're asking for, then retry your request",
    });
    expect((await page.get(`${page.id}/published_posts`, { limit: '10' })).status).toBe(200);
  });
});

test('a photo of one post can be put into another, and names the first', async () => {
  const page = await aPage();
  const { photo, id } = await withPhoto(page, 'x');
  const again = { message: 'y', attached_media: [{ media_fbid: photo }] };
  const refused = await page.post(`${page.id}/feed`, again);
  expect(refused.body.error).toMatchObject({ code: 100, error_subcode: 1366051 });
  await weather({ photo_reuse: 'allow' });
  const second = await post(page, again);
  expect(await attachmentOf(page, second)).toMatchObject({ target: { id: photo } });
  expect((await page.get(photo, { fields: 'page_story_id' })).body.page_story_id).toBe(id);
});

test('a fresh post or photo is not found by its id, but on the edges', async () => {
  const page = await aPage();
  await weather({ node_lag_ms: 60_000 });
  const { id, photo } = await withPhoto(page, 'x');
  for (const answer of [
    await page.get(id),
    await page.get(photo),
    await page.post(id, { is_published: true }),
  ])
    expect(answer.body.error).toMatchObject({ code: 100, error_subcode: 33 });
  expect(await listed(page)).toEqual([id]);
  await advance(60_000);
  expect((await page.get(id)).status).toBe(200);
});

test('a comment touches updated_time and nothing else', async () => {
  const page = await aPage();
  const id = await post(page, { message: 'x' });
  const fields = { fields: 'created_time,updated_time,message' };
  const before = (await page.get(id, fields)).body;
  await advance(5_000);
  await control('POST', `posts/${id}/comments`, { message: 'Nice' });
  const { updated_time, ...rest } = (await page.get(id, fields)).body;
  expect(before).toMatchObject(rest);
  expect(updated_time).not.toBe(before.updated_time);
  const { comments } = (await page.get(id, { fields: 'comments.summary(true)' })).body;
  expect(comments).toMatchObject({ data: [{ message: 'Nice' }], summary: { total_count: 1 } });
});

test('the window for schedule times is that of the Page until the weather has one', async () => {
  const page = await aPage();
  const scheduled = async () =>
    page.post(`${page.id}/feed`, {
      message: 'x',
      published: false,
      scheduled_publish_time: await inSeconds(31 * day),
    });
  expect((await scheduled()).status).toBe(200);
  await weather({ window_days: 30 });
  expect((await scheduled()).body.error.code).toBe(100);
  const hidden = await post(page, { message: 'x', published: false });
  const late = await page.post(hidden, { scheduled_publish_time: await inSeconds(31 * day) });
  expect(late.body.error.code).toBe(100);
  const near = await page.post(hidden, { scheduled_publish_time: await inSeconds(11 * minute) });
  expect(near.status).toBe(200);
});

describe('an outage', () => {
  test.each([
    ['code_1', 500, 1],
    ['code_2', 500, 2],
    ['code_2_503', 503, 2],
    ['html', 502, undefined],
  ])('%s is answered to every call for as long as it is on', async (outage, status, code) => {
    const page = await aPage();
    await weather({ outage });
    for (const answer of [
      await page.post(`${page.id}/feed`, { message: 'x' }),
      await page.get(page.id),
    ]) {
      expect(answer.status).toBe(status);
      expect(answer.body?.error.code).toBe(code);
    }
    expect(await posts()).toEqual([]);
    await weather({ outage: 'none' });
    expect((await page.get(page.id)).status).toBe(200);
  });

  test('can hit one Page, or a share of the calls', async () => {
    const [down, up] = [await aPage(), await aPage()];
    await control('PATCH', `pages/${down.id}`, {
      weather: { outage: 'code_2', outage_share: 0.5 },
    });
    const statuses: number[] = [];
    for (let call = 0; call < 40; call += 1) statuses.push((await down.get(down.id)).status);
    const failed = statuses.filter((status) => status === 500).length;
    expect(failed).toBeGreaterThan(8);
    expect(failed).toBeLessThan(32);
    expect((await up.get(up.id)).status).toBe(200);
  });
});
