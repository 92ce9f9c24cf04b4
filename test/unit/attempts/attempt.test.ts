import { describe, expect, test } from 'vitest';
import { contentHash } from '../../../src/attempts/attempt.ts';

const base = { message: 'Grüße', link: null, media: [] } as const;
const at = new Date('2026-12-01T10:00:00Z');

describe('contentHash', () => {
  test.each([
    ['spaces around it', { ...base, message: '  Grüße\n' }],
    ['another composition of letters', { ...base, message: 'Grüße'.normalize('NFD') }],
  ])('is the same for a text with %s', (_name, content) => {
    expect(contentHash(content, 'draft', null)).toBe(contentHash(base, 'draft', null));
  });

  test('takes line ends as Meta keeps them', () => {
    const [windows, unix] = ['a\r\nb', 'a\nb'].map((message) => ({ ...base, message }));
    expect(contentHash(windows ?? base, 'draft', null)).toBe(
      contentHash(unix ?? base, 'draft', null),
    );
  });

  test('tells text, link, media, their order, mode and schedule time apart', () => {
    const media = ['https://a.example/1.png', 'https://a.example/2.png'].map(
      (url) => ({ type: 'image', url }) as const,
    );
    const hashes = [
      contentHash(base, 'draft', null),
      contentHash({ ...base, message: 'grüße' }, 'draft', null),
      contentHash({ ...base, link: 'https://a.example/' }, 'draft', null),
      contentHash({ ...base, media }, 'draft', null),
      contentHash({ ...base, media: media.toReversed() }, 'draft', null),
      contentHash(base, 'publish', null),
      contentHash(base, 'schedule', at),
      contentHash(base, 'schedule', new Date(at.getTime() + 1000)),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test('the due time of what is not handed over does not matter', () => {
    expect(contentHash(base, 'publish', at)).toBe(contentHash(base, 'publish', null));
  });
});
