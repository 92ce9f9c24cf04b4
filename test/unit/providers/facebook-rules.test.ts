import { describe, expect, it } from 'vitest';
import type { MediaItem } from '../../../src/providers/content.ts';
import { rules } from '../../../src/providers/facebook/rules.ts';
import type { RuleInput } from '../../../src/providers/provider.ts';
import { contentOf } from './sandbox-page.ts';

const now = new Date('2026-11-20T12:00:00Z');
const image = (url: string): MediaItem => ({ type: 'image', url });

function breaches(over: Partial<RuleInput>): string[] {
  const input: RuleInput = {
    content: contentOf({ message: 'Hello' }),
    mode: 'draft',
    scheduledAt: null,
    autoPublish: false,
    now,
    ...over,
  };
  return rules.flatMap((rule) =>
    rule.check(input).map(({ path }) => `${rule.severity} ${rule.id} ${path}`),
  );
}
const ofContent = (over: Parameters<typeof contentOf>[0]) => breaches({ content: contentOf(over) });
const ofTime = (at: string, over: Partial<RuleInput> = {}) =>
  breaches({ mode: 'schedule', scheduledAt: new Date(at), ...over });

const described = (length: number): MediaItem[] => [
  { ...image('https://example.com/a.png'), alt_text: '😀'.repeat(length) },
];

describe("Facebook's rules", () => {
  it('let a plain post pass', () => {
    expect(ofContent({ message: 'Hello' })).toEqual([]);
    expect(ofContent({ link: 'https://example.com/a' })).toEqual([]);
    expect(
      ofContent({ media: [image('https://example.com/a.JPG'), image('https://x.org/b?c=1')] }),
    ).toEqual([]);
  });

  it('want something to post', () => {
    expect(ofContent({})).toEqual(['error facebook_post_empty message']);
    expect(ofContent({ message: ' \n ', link: '' })).toEqual(['error facebook_post_empty message']);
  });

  it('count characters as code points', () => {
    expect(ofContent({ message: 'a'.repeat(63_206) })).toEqual([]);
    expect(ofContent({ message: '😀'.repeat(63_206) })).toEqual([]);
    expect(ofContent({ message: 'a'.repeat(63_207) })).toEqual([
      'error facebook_message_too_long message',
    ]);
    expect(ofContent({ message: `${'😀'.repeat(63_206)}a` })).toEqual([
      'error facebook_message_too_long message',
    ]);
  });

  it('refuse NUL and lone surrogates', () => {
    expect(ofContent({ message: 'a\u0000b' })).toEqual(['error facebook_text_malformed message']);
    expect(ofContent({ message: 'a\ud83d' })).toEqual(['error facebook_text_malformed message']);
    const media = [{ ...image('https://example.com/a.png'), alt_text: '\udc00' }];
    expect(ofContent({ media })).toEqual(['error facebook_text_malformed media[0].alt_text']);
  });

  it.each([
    ['example.com', 'facebook_link_invalid'],
    ['ftp://example.com/a', 'facebook_link_invalid'],
    ['javascript:alert(1)', 'facebook_link_invalid'],
    ['https://user:pw@example.com/', 'facebook_link_invalid'],
    [`https://example.com/${'a'.repeat(2048)}`, 'facebook_link_invalid'],
    ['https://facebook.com/page', 'facebook_link_to_facebook'],
    ['https://M.Facebook.com/page', 'facebook_link_to_facebook'],
  ])('refuse the link %s', (link, rule) => {
    expect(ofContent({ link })).toEqual([`error ${rule} link`]);
  });

  it('do not take every host with facebook in it for Facebook', () => {
    expect(ofContent({ link: 'https://notfacebook.com/' })).toEqual([]);
    expect(ofContent({ link: 'https://facebook.com.example.org/' })).toEqual([]);
  });

  it('refuse a link and media together, and warn of a URL that gets no card', () => {
    const media = [image('https://example.com/a.png')];
    expect(ofContent({ link: 'https://example.com/', media })).toEqual([
      'error facebook_link_with_media link',
    ]);
    expect(ofContent({ message: 'see https://example.com' })).toEqual([
      'warning facebook_link_only_in_message message',
    ]);
  });

  it('take ten photos and no video', () => {
    const ten = Array.from({ length: 10 }, () => image('https://example.com/a.png'));
    expect(ofContent({ media: ten })).toEqual([]);
    expect(ofContent({ media: [...ten, image('https://example.com/a.png')] })).toEqual([
      'error facebook_too_many_photos media',
    ]);
    expect(ofContent({ media: [{ type: 'video', url: 'https://example.com/a.mp4' }] })).toEqual([
      'error facebook_video_unsupported media[0].type',
    ]);
  });

  it.each(['webp', 'heic', 'svg', 'mp4', 'avif', 'PDF'])(
    'refuse an image that ends in .%s',
    (extension) => {
      expect(ofContent({ media: [image(`https://example.com/a.${extension}?w=1`)] })).toEqual([
        'error facebook_image_type media[0].url',
      ]);
    },
  );

  it.each(['jpg', 'jpeg', 'png', 'gif', 'bmp', 'tiff', 'tif', 'PNG'])(
    'take an image that ends in .%s',
    (extension) => {
      expect(ofContent({ media: [image(`https://example.com/a.${extension}`)] })).toEqual([]);
    },
  );

  it('refuse media addresses that cannot be fetched, and warn of http', () => {
    const media = [
      image('file:///etc/passwd.png'),
      image('data:image/png;base64,AA'),
      image('https://a:b@example.com/'),
      image('http://example.com/a.png'),
    ];
    expect(ofContent({ media })).toEqual([
      'error facebook_media_url_invalid media[0].url',
      'error facebook_media_url_invalid media[1].url',
      'error facebook_media_url_invalid media[2].url',
      'warning facebook_media_url_unencrypted media[3].url',
    ]);
  });

  it('bound the alternative text', () => {
    expect(ofContent({ media: described(1000) })).toEqual([]);
    expect(ofContent({ media: described(1001) })).toEqual([
      'error facebook_alt_text_too_long media[0].alt_text',
    ]);
  });

  it('warn of times that the scheduler does not take, and say nothing inside', () => {
    expect(ofTime('2027-02-03T12:00:00Z')).toEqual([]);
    expect(ofTime('2027-02-03T12:00:01Z')).toEqual(['warning facebook_schedule_far scheduled_at']);
    expect(ofTime('2026-11-20T12:10:00Z')).toEqual([]);
    expect(ofTime('2026-11-20T12:09:59Z')).toEqual(['warning facebook_schedule_near scheduled_at']);
    expect(ofTime('2026-11-20T11:59:59Z')).toEqual(['warning facebook_time_past scheduled_at']);
    expect(ofTime('2026-11-20T11:00:00Z', { mode: 'draft' })).toEqual([]);
    expect(ofTime('2027-06-01T12:00:00Z', { mode: 'publish' })).toEqual([]);
  });

  it('have ids of their own and say where each bound is written', () => {
    const ids = rules.map((rule) => rule.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^facebook_[a-z_]+$/.test(id))).toEqual([]);
    expect(rules.filter((rule) => rule.source.length < 10)).toEqual([]);
  });
});
