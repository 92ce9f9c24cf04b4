import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LookRequest } from '../../../src/providers/provider.ts';
import { Secret } from '../../../src/secret.ts';
import { publisherNamed } from '../../support/networks.ts';
import { json, type ScriptedServer, startScriptedServer } from '../../support/scripted-server.ts';
import { contentOf, recorder } from './sandbox-page.ts';

let server: ScriptedServer;
beforeAll(async () => {
  server = await startScriptedServer();
});
afterAll(() => server.close());

const sentAt = new Date('2026-11-20T12:00:00Z');
const request: LookRequest = {
  account: { externalAccountId: '1', token: new Secret('EAAtoken'), appSecret: null },
  content: contentOf({ message: 'Hello' }),
  staged: [],
  mode: 'publish',
  scheduledAt: null,
  since: sentAt,
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

async function look(over: Partial<LookRequest> = {}) {
  const { logger, context } = recorder();
  const settings = { baseUrl: server.url, version: 'v26.0', timeoutMs: 2000, logger };
  const before = server.requests.length;
  const result = await publisherNamed('facebook', settings).look({ ...request, ...over }, context);
  const asked = server.requests.slice(before).map(({ url }) => new URL(url, server.url));
  return { ...result, asked, ids: result.candidates.map((candidate) => candidate.externalId) };
}

const shim = (link: string) => `https://l.facebook.com/l.php?u=${encodeURIComponent(link)}&h=AT0`;

const album = (...ids: string[]) => ({
  data: [
    {
      type: 'album',
      target: { id: '55' },
      subattachments: { data: ids.map((id) => ({ target: { id } })) },
    },
  ],
});

const withCard = (id: string, link: string) =>
  aPost({
    id,
    attachments: { data: [{ type: 'share', url: shim(link), target: { url: shim(link) } }] },
  });

describe('looking for a post on Facebook', () => {
  it('asks every edge, a hundred posts at a time', async () => {
    server.script(none);
    const { complete, asked } = await look();
    expect(complete).toBe(true);
    expect(asked.map((url) => url.pathname)).toEqual([
      '/v26.0/1/published_posts',
      '/v26.0/1/scheduled_posts',
      '/v26.0/1/promotable_posts',
    ]);
    expect(asked.map((url) => url.searchParams.get('limit'))).toEqual(['100', '100', '100']);
    expect(asked[2]?.searchParams.get('is_published')).toBe('false');
  });

  it('matches text as Facebook keeps it', async () => {
    server.script(page(aPost({ message: 'Caf\u00e9\nau lait' })), none);
    expect(
      (await look({ content: contentOf({ message: '  Cafe\u0301\r\nau lait ' }) })).ids,
    ).toEqual(['1_1']);
  });

  it('leaves out what is older than the attempt', async () => {
    server.script(page(aPost({ created_time: '2026-11-20T11:59:59+0000' })), none);
    expect(await look()).toMatchObject({ complete: true, ids: [] });
  });

  it('looks further back where the clock of Meta is behind', async () => {
    const hourAgo = new Date(Date.now() - 3_600_000).toUTCString();
    server.script(
      json({ data: [aPost({ created_time: '2026-11-20T11:30:00+0000' })] }, 200, { date: hourAgo }),
      none,
    );
    expect((await look()).ids).toEqual(['1_1']);
  });

  it('goes on by cursor while there is a next page, and stops at the first page of old posts', async () => {
    const old = aPost({ id: '1_9', created_time: '2026-11-19T00:00:00+0000' });
    server.script(more('a'), more('b', old, aPost({ id: '1_2' })), more('c', old), none);
    const { complete, ids, asked } = await look();
    expect({ complete, ids }).toEqual({ complete: true, ids: ['1_2'] });
    expect(asked.slice(0, 3).map((url) => url.searchParams.get('after'))).toEqual([null, 'a', 'b']);
    expect(asked.map((url) => url.pathname.split('/').at(-1))).toEqual([
      'published_posts',
      'published_posts',
      'published_posts',
      'scheduled_posts',
      'promotable_posts',
    ]);
  });

  it('proves nothing when the cursor does not move, or an answer is not understood', async () => {
    server.script(more('a'), more('a'), none);
    expect((await look()).complete).toBe(false);
    server.script(json({ data: [{ message: 'no id' }] }), none);
    expect((await look()).complete).toBe(false);
    server.script(none, json({}), none);
    expect((await look()).complete).toBe(false);
  });

  it('gives up after so many pages, and then proves nothing', async () => {
    let count = 0;
    server.script((response, seen) => {
      count += 1;
      more(`cursor${count}`, aPost({ message: 'other' }))(response, seen);
    });
    const { complete, asked } = await look();
    expect(complete).toBe(false);
    expect(asked).toHaveLength(60);
  });

  it('reads scheduled posts to the end, as their times lie ahead', async () => {
    const at = new Date('2026-12-01T09:00:00Z');
    const seconds = at.getTime() / 1000;
    const other = aPost({
      id: '1_5',
      created_time: '2026-10-01T00:00:00+0000',
      is_published: false,
      scheduled_publish_time: seconds,
    });
    const ours = aPost({ id: '1_6', is_published: false, scheduled_publish_time: seconds + 240 });
    server.script(none, more('a', other), page(ours), none);
    const found = await look({ mode: 'schedule', scheduledAt: at });
    expect(found).toMatchObject({ complete: true, ids: ['1_6'] });
    server.script(none, page({ ...ours, scheduled_publish_time: seconds + 360 }), none);
    expect((await look({ mode: 'schedule', scheduledAt: at })).ids).toEqual([]);
  });

  it('takes only hidden posts without a time, or live ones, for a draft', async () => {
    const draft = aPost({ id: '1_2', is_published: false });
    const later = aPost({ id: '1_3', is_published: false, scheduled_publish_time: 1_800_000_000 });
    server.script(none, page(later), page(draft, later));
    expect((await look({ mode: 'draft' })).ids).toEqual(['1_2']);
    server.script(none, page(later), page(draft, later));
    expect((await look({ mode: 'publish' })).ids).toEqual([]);
  });

  it('tells what was sent from what it may have become', async () => {
    const live = aPost({ id: '1_1' });
    const draft = aPost({ id: '1_2', is_published: false });
    server.script(page(live), none, page(draft));
    expect((await look({ mode: 'draft' })).candidates).toMatchObject([
      { externalId: '1_1', likeness: 'alike' },
      { externalId: '1_2', likeness: 'same' },
    ]);
    server.script(page(live), none);
    expect((await look()).candidates).toMatchObject([{ externalId: '1_1', likeness: 'same' }]);
  });

  it('takes a post for altered that was made while the call was under way and changed since', async () => {
    const now = new Date(Math.floor(Date.now() / 1000) * 1000);
    const at = (offsetMs: number) => new Date(now.getTime() + offsetMs).toISOString();
    const sentBetween = { from: new Date(now.getTime() - 60_000), until: now };
    const dated = { date: now.toUTCString() };
    const posts = [
      { message: 'Hullo', created_time: at(-30_000), updated_time: at(-5_000) },
      { message: 'Never changed', created_time: at(-30_000), updated_time: at(-30_000) },
      { message: 'Too early', created_time: at(-90_000), updated_time: at(-5_000) },
    ].map((post, n) => aPost({ id: `1_${n}`, ...post }));
    server.script(json({ data: posts }, 200, dated), none);
    const since = new Date(now.getTime() - 600_000);
    expect((await look({ since, sentBetween })).candidates).toMatchObject([
      { externalId: '1_0', certain: false, likeness: 'altered' },
    ]);
    server.script(json({ data: posts }, 200, dated), none);
    expect((await look({ since })).ids).toEqual([]);
  });

  it('counts a post once that shows on two edges, as live', async () => {
    server.script(page(aPost({})), none, page(aPost({ is_published: false })));
    expect((await look({ mode: 'draft' })).candidates).toEqual([
      {
        externalId: '1_1',
        url: null,
        isPublished: true,
        certain: false,
        likeness: 'alike',
        createdAt: new Date('2026-11-20T12:00:05Z'),
        scheduledAt: null,
      },
    ]);
  });

  describe('with a link', () => {
    const content = contentOf({ message: 'Hello', link: 'https://example.com/a?b=1' });

    it('prefers the post that shows the very link', async () => {
      server.script(
        page(
          withCard('1_2', 'https://example.com/other'),
          withCard('1_3', 'https://www.example.com/a?b=1&fbclid=x'),
        ),
        none,
      );
      expect((await look({ content })).ids).toEqual(['1_3']);
    });

    it('takes the text where the page behind the link goes by another address', async () => {
      server.script(page(withCard('1_2', 'https://example.com/canonical')), none);
      expect((await look({ content })).ids).toEqual(['1_2']);
      server.script(
        page({ ...withCard('1_2', 'https://example.com/canonical'), message: '' }),
        none,
      );
      expect((await look({ content: { ...content, message: null } })).ids).toEqual([]);
    });
  });

  describe('with photos', () => {
    const content = contentOf({
      message: 'Hello',
      media: [{ type: 'image', url: 'https://example.com/a.jpg' }],
    });
    const staged = [{ index: 0, id: '777', at: sentAt.toISOString() }];

    it('is certain by their ids, whatever a person made of the text', async () => {
      server.script(
        page(
          aPost({ id: '1_2', message: 'edited', attachments: album('778', '777') }),
          aPost({ id: '1_3', attachments: album('999') }),
        ),
        none,
      );
      expect((await look({ content, staged })).candidates).toMatchObject([
        { externalId: '1_2', certain: true },
      ]);
    });

    it('reads the id of a single photo, also as a number', async () => {
      server.script(
        page(aPost({ attachments: { data: [{ type: 'photo', target: { id: 777 } }] } })),
        none,
      );
      expect((await look({ content, staged })).ids).toEqual(['1_1']);
    });

    it('does not take the same text without them', async () => {
      server.script(page(aPost({})), none);
      expect((await look({ content, staged })).ids).toEqual([]);
    });
  });
});
