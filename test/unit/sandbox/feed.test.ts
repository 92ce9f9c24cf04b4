import { describe, expect, test } from 'vitest';
import { png, useMedia, useSandbox } from './sandbox-client.ts';

const { send, control, aPage, posts } = useSandbox({ allowLoopbackMedia: true });
const media = useMedia({ '/a.png': { body: png }, '/b.png': { body: png } });

async function staged(page: Awaited<ReturnType<typeof aPage>>, path = '/a.png'): Promise<string> {
  const answer = await page.post(`${page.id}/photos`, { url: media.url(path), published: false });
  return answer.body.id;
}

test('a text becomes one published post whose id begins with the Page id', async () => {
  const page = await aPage();
  const answer = await page.post(`${page.id}/feed`, { message: 'Hello' });
  expect(answer.status).toBe(200);
  expect(Object.keys(answer.body)).toEqual(['id']);
  expect(answer.body.id).toMatch(new RegExp(`^${page.id}_\\d{18}$`));
  expect(await posts()).toMatchObject([{ message: 'Hello', visibility: 'published', by: 'app' }]);
});

test('a post without message, link or media is refused with 197', async () => {
  const page = await aPage();
  const answer = await page.post(`${page.id}/feed`, { message: ' \r\n ' });
  expect(answer.status).toBe(400);
  expect(answer.body.error).toMatchObject({ code: 197, type: 'OAuthException' });
  expect(await posts()).toEqual([]);
});

test('a message is kept without blanks around it, with plain line ends, and otherwise as sent', async () => {
  const page = await aPage();
  await page.post(`${page.id}/feed`, { message: ' \t Cafe\u0301\r\n\u00a0open\u00a0 \n' });
  expect((await posts())[0]?.message).toBe('Cafe\u0301\n\u00a0open\u00a0');
});

test('a message of 63,206 emoji is taken and one more is refused', async () => {
  const page = await aPage();
  const longest = '🍞'.repeat(63_206);
  expect((await page.post(`${page.id}/feed`, { message: longest })).status).toBe(200);
  const tooLong = await page.post(`${page.id}/feed`, { message: `${longest}x` });
  expect(tooLong.body.error.code).toBe(100);
});

test('published=false alone makes a dark post, no draft', async () => {
  const page = await aPage();
  await page.post(`${page.id}/feed`, { message: 'x', published: false });
  expect(await posts()).toMatchObject([{ visibility: 'dark' }]);
});

test('a draft needs published=false and the content type DRAFT', async () => {
  const page = await aPage();
  await page.post(`${page.id}/feed`, {
    message: 'x',
    published: false,
    unpublished_content_type: 'DRAFT',
  });
  expect(await posts()).toMatchObject([{ visibility: 'draft' }]);
});

test('the content type DRAFT without published=false is published', async () => {
  const page = await aPage();
  await page.post(`${page.id}/feed`, { message: 'x', unpublished_content_type: 'DRAFT' });
  expect(await posts()).toMatchObject([{ visibility: 'published' }]);
});

test('a content type that Meta does not know is refused with 100', async () => {
  const page = await aPage();
  const answer = await page.post(`${page.id}/feed`, {
    message: 'x',
    published: false,
    unpublished_content_type: 'NOTE',
  });
  expect(answer.body.error.code).toBe(100);
});

test('a link that is no URL is refused with 1500', async () => {
  const page = await aPage();
  const answer = await page.post(`${page.id}/feed`, { link: 'not a url' });
  expect(answer.body.error).toMatchObject({ code: 1500, error_subcode: 1611248 });
});

test('a link to facebook.com is refused with 200 and subcode 1609008', async () => {
  const page = await aPage();
  const answer = await page.post(`${page.id}/feed`, { link: 'https://www.facebook.com/events/1' });
  expect(answer.body.error).toMatchObject({ code: 200, error_subcode: 1609008 });
});

test('tags without a place are refused', async () => {
  const page = await aPage();
  const answer = await page.post(`${page.id}/feed`, { message: 'x', tags: '1,2' });
  expect(answer.body.error.code).toBe(100);
});

test('fields on the creating call reads the new post back', async () => {
  const page = await aPage();
  const answer = await page.post(`${page.id}/feed?fields=permalink_url,is_published`, {
    message: 'x',
  });
  const [, post] = answer.body.id.split('_');
  expect(answer.body).toEqual({
    id: `${page.id}_${post}`,
    permalink_url: `https://www.facebook.com/${page.id}/posts/${post}`,
    is_published: true,
  });
});

test('an unknown field on the creating call is an error about a post that exists', async () => {
  const page = await aPage();
  const answer = await page.post(`${page.id}/feed?fields=nonsense`, { message: 'x' });
  expect(answer.body.error.code).toBe(100);
  expect(await posts()).toHaveLength(1);
});

describe('attached photos', () => {
  test.each([
    [
      'a list in JSON',
      (ids: string[]) => [
        JSON.stringify({ message: 'x', attached_media: ids.map((id) => ({ media_fbid: id })) }),
        'application/json',
      ],
    ],
    [
      'indexed keys in a form',
      (ids: string[]) => [
        new URLSearchParams([
          ['message', 'x'],
          ...ids.map((id, i): [string, string] => [
            `attached_media[${i}]`,
            JSON.stringify({ media_fbid: id }),
          ]),
        ]).toString(),
        'application/x-www-form-urlencoded',
      ],
    ],
    [
      'one JSON string in a form',
      (ids: string[]) => [
        new URLSearchParams({
          message: 'x',
          attached_media: JSON.stringify(ids.map((id) => ({ media_fbid: id }))),
        }).toString(),
        'application/x-www-form-urlencoded',
      ],
    ],
  ])('come in order from %s', async (_name, encode) => {
    const page = await aPage();
    const ids = [await staged(page, '/b.png'), await staged(page, '/a.png')].toReversed();
    const [body = '', type = ''] = encode(ids);
    const answer = await send('POST', `/v26.0/${page.id}/feed`, {
      body,
      headers: { authorization: `Bearer ${page.token}`, 'content-type': type },
    });
    expect(answer.status).toBe(200);
    expect((await posts())[0]?.photo_ids).toEqual(ids);
  });

  test('are silently dropped from indexed keys in a JSON body', async () => {
    const page = await aPage();
    const id = await staged(page);
    await page.post(`${page.id}/feed`, { message: 'x', 'attached_media[0]': { media_fbid: id } });
    expect((await posts())[0]?.photo_ids).toEqual([]);
  });

  test('are refused with 1366051 once they are in a post', async () => {
    const page = await aPage();
    const id = await staged(page);
    const attached = { message: 'x', attached_media: [{ media_fbid: id }] };
    await page.post(`${page.id}/feed`, attached);
    const again = await page.post(`${page.id}/feed`, attached);
    expect(again.body.error).toMatchObject({ code: 100, error_subcode: 1366051 });
    expect(await posts()).toHaveLength(1);
  });

  test('are refused with 1366051 when a draft holds them', async () => {
    const page = await aPage();
    const attached = { message: 'x', attached_media: [{ media_fbid: await staged(page) }] };
    const draft = { ...attached, published: false, unpublished_content_type: 'DRAFT' };
    expect((await page.post(`${page.id}/feed`, draft)).status).toBe(200);
    const again = await page.post(`${page.id}/feed`, attached);
    expect(again.body.error.error_subcode).toBe(1366051);
  });

  test('of another Page refuse the whole post', async () => {
    const [page, other] = [await aPage(), await aPage()];
    const attached = [{ media_fbid: await staged(page) }, { media_fbid: await staged(other) }];
    const answer = await page.post(`${page.id}/feed`, { message: 'x', attached_media: attached });
    expect(answer.body.error.code).toBe(100);
    expect(await posts()).toEqual([]);
  });

  test('that were published by themselves are refused', async () => {
    const page = await aPage();
    const { body } = await page.post(`${page.id}/photos`, { url: media.url('/a.png') });
    const answer = await page.post(`${page.id}/feed`, {
      attached_media: [{ media_fbid: body.id }],
    });
    expect(answer.body.error.error_subcode).toBe(1366051);
  });

  test('that were deleted are refused', async () => {
    const page = await aPage();
    const id = await staged(page);
    expect((await page.delete(id)).body).toEqual({ success: true });
    const answer = await page.post(`${page.id}/feed`, { attached_media: [{ media_fbid: id }] });
    expect(answer.body.error.code).toBe(100);
  });
});

test('the same text within the window is refused with 506 when the switch is on', async () => {
  const page = await aPage();
  await control('PATCH', 'settings', { duplicate_window_minutes: 5 });
  await page.post(`${page.id}/feed`, { message: 'Again' });
  expect((await page.post(`${page.id}/feed`, { message: 'Again' })).body.error.code).toBe(506);
  await control('POST', 'clock', { advance_ms: 5 * 60_000 });
  expect((await page.post(`${page.id}/feed`, { message: 'Again' })).status).toBe(200);
});

test('too many posts at once are refused with 368 and subcode 1390008 when the switch is on', async () => {
  const page = await aPage();
  await control('PATCH', 'settings', { burst_posts: 2, burst_seconds: 10 });
  await page.post(`${page.id}/feed`, { message: '1' });
  await page.post(`${page.id}/feed`, { message: '2' });
  const third = await page.post(`${page.id}/feed`, { message: '3' });
  expect(third.body.error).toMatchObject({ code: 368, error_subcode: 1390008 });
});
