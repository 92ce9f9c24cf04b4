import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { showsLink, skeletonOf, textKeyOf } from '../../../src/providers/facebook/find.ts';
import type { ListRequest } from '../../../src/providers/provider.ts';
import { Secret } from '../../../src/secret.ts';
import { publisherNamed } from '../../support/networks.ts';
import { json, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';
import { recorder } from './sandbox-page.ts';

let server: ScriptedServer;
beforeAll(async () => {
  server = await startScriptedServer();
});
afterAll(() => server.close());

const request: ListRequest = {
  account: { externalAccountId: '1', token: new Secret('EAAtoken'), appSecret: null },
  since: new Date('2026-11-20T12:00:00Z'),
  modes: ['publish'],
};
const aPost = (over: object) => ({
  id: '1_1',
  message: 'Hello',
  created_time: '2026-11-20T12:00:05+0000',
  is_published: true,
  ...over,
});
const clock = { date: 'Fri, 20 Nov 2099 12:00:00 GMT' };
const page = (...posts: object[]) => json({ data: posts }, 200, clock);
const more = (after: string, ...posts: object[]) =>
  json(
    {
      data: posts,
      paging: { cursors: { after }, next: 'https://graph.example/?access_token=EAA' },
    },
    200,
    clock,
  );
const none = page();
const error = (code: number, status = 400) =>
  json({ error: { message: 'no', type: 'OAuthException', code } }, status, clock);

async function list(over: Partial<ListRequest> = {}) {
  const { logger, context } = recorder();
  const settings = { baseUrl: server.url, version: 'v26.0', timeoutMs: 2000, logger };
  const before = server.requests.length;
  const result = await publisherNamed('facebook', settings).list({ ...request, ...over }, context);
  const asked = server.requests.slice(before).map(({ url }) => new URL(url, server.url));
  return {
    ...result,
    asked,
    ids: result.posts.map((post) => post.externalId),
    seen: result.lists.map((one) => one.seen),
  };
}

async function shown(attachments: unknown) {
  server.script(page(aPost({ attachments })));
  const [post] = (await list()).posts;
  return post;
}

const shim = (link: string) => `https://l.facebook.com/l.php?u=${encodeURIComponent(link)}&h=AT0`;
const old = (id: string, time = '2026-11-19T00:00:00+0000') => aPost({ id, created_time: time });

describe('listing the posts of a Page', () => {
  it('asks the edge of each mode, a hundred posts at a time, and for who made them', async () => {
    server.script(none);
    const { asked, lists } = await list({ modes: ['publish', 'draft', 'schedule'] });
    expect(asked.map((url) => url.pathname)).toEqual([
      '/v26.0/1/promotable_posts',
      '/v26.0/1/scheduled_posts',
      '/v26.0/1/published_posts',
    ]);
    expect(asked.map((url) => url.searchParams.get('limit'))).toEqual(['100', '100', '100']);
    expect(asked[0]?.searchParams.get('is_published')).toBe('false');
    expect(asked[0]?.searchParams.get('fields')).toContain('application');
    expect(lists.map(({ mode }) => mode)).toEqual(['draft', 'schedule', 'publish']);
  });

  it('leaves out what is older, and looks further back where the clock of Meta is behind', async () => {
    const early = aPost({ created_time: '2026-11-20T11:30:00+0000' });
    server.script(page(early));
    expect(await list()).toMatchObject({ seen: ['whole'], ids: [] });
    const hourAgo = new Date(Date.now() - 3_600_000).toUTCString();
    server.script(json({ data: [early] }, 200, { date: hourAgo }));
    expect((await list()).ids).toEqual(['1_1']);
  });

  it('goes on by cursor, and stops past the moment only in an order that it has seen', async () => {
    server.script(more('a'), more('b', aPost({ id: '1_2' }), old('1_8')), more('c', old('1_9')));
    const { seen, ids, asked } = await list();
    expect({ seen, ids }).toEqual({ seen: ['whole'], ids: ['1_2'] });
    expect(asked.map((url) => url.searchParams.get('after'))).toEqual([null, 'a']);
  });

  it('reads on behind a page of old posts: nobody promises that the newest come first', async () => {
    const many = Array.from({ length: 100 }, (_, n) => old(`1_${n + 10}`));
    server.script(more('a', ...many), page(aPost({})));
    expect(await list()).toMatchObject({ seen: ['whole'], ids: ['1_1'] });
  });

  it('reads a ranked list to its end', async () => {
    server.script(
      more('a', aPost({ id: '1_2' }), old('1_3'), aPost({ id: '1_4' })),
      more('b', old('1_5'), old('1_6', '2026-11-18T00:00:00+0000')),
      page(aPost({ id: '1_7' })),
    );
    const { seen, ids, lists } = await list();
    expect({ seen, ids }).toEqual({ seen: ['whole'], ids: ['1_2', '1_4', '1_7'] });
    expect(lists[0]?.isNewestFirst).toBe(false);
  });

  it('says of a list that it was cut, failed or forbidden', async () => {
    server.script(more('a'), more('a'));
    expect((await list()).seen).toEqual(['cut']);
    server.script(json({ data: [{ message: 'no id' }] }));
    expect((await list()).seen).toEqual(['failed']);
    server.script(error(10, 403), error(283), none);
    const every = await list({ modes: ['draft', 'schedule', 'publish'] });
    expect(every.seen).toEqual(['forbidden', 'forbidden', 'whole']);
  });

  it('gives up after so many pages', async () => {
    let count = 0;
    server.script((response, seen) => {
      count += 1;
      more(`cursor${count}`, aPost({ message: 'other' }))(response, seen);
    });
    const { seen, asked } = await list();
    expect(seen).toEqual(['cut']);
    expect(asked).toHaveLength(20);
  });

  it('asks again for less where a page is too much for Meta', async () => {
    server.script(error(1, 500), error(1, 500), more('a', aPost({})), page(aPost({ id: '1_2' })));
    const { seen, ids, asked } = await list();
    expect({ seen, ids }).toEqual({ seen: ['whole'], ids: ['1_1', '1_2'] });
    expect(asked.map((url) => url.searchParams.get('limit'))).toEqual(['100', '25', '5', '5']);
    server.script(error(1, 500));
    expect((await list()).seen).toEqual(['failed']);
  });

  it('tells a dead token, and what Facebook wants of the person, instead of a list', async () => {
    server.script(error(190, 401));
    await expect(list()).rejects.toMatchObject({ record: { class: 'reauth' } });
  });

  it('counts a post once that shows on two edges, as live', async () => {
    server.script(page(aPost({ is_published: false })), page(aPost({})));
    const { posts } = await list({ modes: ['draft', 'publish'] });
    expect(posts).toMatchObject([{ externalId: '1_1', isPublished: true }]);
  });

  it('tells the app that made a post, where Meta does', async () => {
    const app = (application: unknown) => aPost({ application });
    server.script(page(app({ id: 77, name: 'Us' }), aPost({ id: '1_2', application: 'odd' })));
    expect((await list()).posts).toMatchObject([{ appId: '77' }, { appId: null }]);
  });
});

const photo = (id: unknown) => ({ type: 'photo', media_type: 'photo', target: { id } });

describe('what a post shows', () => {
  it('is known by the types of its attachments: photos, alone or in an album', async () => {
    expect(await shown({ data: [photo(777)] })).toMatchObject({
      mediaIds: ['777'],
      mediaState: 'known',
    });
    const album = {
      type: 'album',
      target: { id: '55' },
      subattachments: { data: ['1', '2'].map(photo) },
    };
    expect(await shown({ data: [album] })).toMatchObject({
      mediaIds: ['1', '2'],
      mediaState: 'known',
    });
  });

  it.each(['event', 'video_inline', 'share', 'native_templates'])(
    'is no photo where it is of type %s',
    async (type) => {
      const post = await shown({ data: [{ type, target: { id: '99' } }] });
      expect(post).toMatchObject({ mediaIds: [], mediaState: 'known' });
    },
  );

  it.each([
    ['nothing', undefined, 'missing'],
    ['no list', 'text', 'odd'],
    ['no type', { data: [{ target: { id: '1' } }] }, 'odd'],
    ['a photo without its id', { data: [{ type: 'photo', target: {} }] }, 'odd'],
    ['an album that is not told', { data: [{ type: 'album', target: { id: '5' } }] }, 'odd'],
  ])('is not known where %s is told', async (_what, attachments, mediaState) => {
    expect(await shown(attachments)).toMatchObject({ mediaIds: [], mediaState });
  });

  it('is the link behind the redirect of Facebook', async () => {
    const url = shim('https://a.example/x?fbclid=1');
    const post = await shown({ data: [{ type: 'share', url, target: { url } }] });
    expect(post && showsLink(post, 'https://www.a.example/x/')).toBe(true);
    expect(post && showsLink(post, 'https://a.example/y')).toBe(false);
  });
});

describe('a text', () => {
  it('is the same as Facebook keeps it', () => {
    expect(textKeyOf('  Cafe\u0301\r\nau lait ')).toBe(textKeyOf('Caf\u00e9\nau lait'));
  });

  it.each([
    ['blanks and blank lines', 'a\n\n\n\nb  c', 'a\n\nb c'],
    ['a lone carriage return', 'a\rb', 'a\nb'],
    ['what nobody sees', 'a\u200bb\ufeff', 'ab'],
    ['a variation selector', '\u2600\ufe0f sun', '\u2600 sun'],
    ['a hard blank', 'a\u00a0b', 'a b'],
  ])('is alike whatever became of %s', (_what, sent, kept) => {
    expect(skeletonOf(sent)).toBe(skeletonOf(kept));
  });

  it('leaves a place open for a mention', () => {
    expect(skeletonOf('With @[42] and @[43:1:Ann]!')).toBe('with*and*');
    expect(skeletonOf('5 * 5')).toBe('55');
  });
});
