import { describe, expect, test } from 'vitest';
import { matchPosts, type Suspect } from '../../../src/fence/match.ts';
import type { ListedPost } from '../../../src/providers/provider.ts';

const at = (minutes: number) => new Date(Date.UTC(2026, 10, 20, 12, minutes));
const likeness = {
  textKeyOf: (message: string | null) => message ?? '',
  isAlike: (listed: ListedPost, { media }: Suspect['content']) =>
    media.length > 0 === listed.mediaIds.length > 0,
};
const ours = (id: string, more: Partial<Suspect> = {}): Suspect => ({
  id,
  content: { message: 'same', link: null, media: [] },
  mode: 'publish',
  scheduledAt: at(0),
  approvedAt: at(-60),
  lateLimitS: 600,
  mediaIds: [],
  ...more,
});
const shown = (externalId: string, more: Partial<ListedPost> = {}): ListedPost => ({
  externalId,
  url: null,
  textKey: 'same',
  links: [],
  mediaIds: [],
  isPublished: true,
  createdAt: at(1),
  scheduledAt: null,
  ...more,
});
/** `id → external id`, or what else was found. */
const match = (suspects: readonly Suspect[], listed: readonly ListedPost[]) =>
  Object.fromEntries(
    [...matchPosts(suspects, listed, likeness)].map(([id, finding]) => [
      id,
      finding.kind === 'bound' ? finding.listed.externalId : finding.kind,
    ]),
  );

describe('matching what an account shows', () => {
  test('binds what has its text and its time, and nothing else', () => {
    expect(match([ours('a')], [shown('1')])).toEqual({ a: '1' });
    expect(match([ours('a')], [shown('1', { textKey: 'other' })])).toEqual({ a: 'absent' });
    expect(match([ours('a')], [])).toEqual({ a: 'absent' });
  });

  test('tells the same text of several weeks apart by its times', () => {
    const week = 7 * 24 * 60;
    const suspects = [0, 1, 2].map((n) => ours(`w${n}`, { scheduledAt: at(n * week) }));
    const listed = [2, 0].map((n) => shown(`p${n}`, { createdAt: at(n * week + 1) }));
    expect(match(suspects, listed)).toEqual({ w0: 'p0', w1: 'absent', w2: 'p2' });
  });

  test('gives as many equal posts as are there to the earliest, each its own', () => {
    const suspects = ['a', 'b', 'c'].map((id, n) => ours(id, { scheduledAt: at(n) }));
    const listed = [shown('1', { createdAt: at(2) }), shown('2', { createdAt: at(3) })];
    expect(match(suspects, listed)).toEqual({ a: '1', b: '2', c: 'absent' });
  });

  test('asks a person when one more is there than is ours', () => {
    expect(match([ours('a')], [shown('1'), shown('2')])).toEqual({ a: 'ambiguous' });
    const [finding] = matchPosts([ours('a')], [shown('1'), shown('2')], likeness).values();
    expect(finding).toMatchObject({ candidates: [{ externalId: '1' }, { externalId: '2' }] });
  });

  test('does not let a crowd elsewhere spoil what is certain', () => {
    const suspects = [ours('a'), ours('b', { content: { message: 'b', link: null, media: [] } })];
    const listed = [shown('1'), shown('2'), shown('3', { textKey: 'b' })];
    expect(match(suspects, listed)).toEqual({ a: 'ambiguous', b: '3' });
  });

  test('asks a person when only the time does not fit', () => {
    const late = shown('1', { createdAt: at(300) });
    expect(match([ours('a')], [late])).toEqual({ a: 'ambiguous' });
    const moved = shown('1', { isPublished: false, scheduledAt: at(60) });
    const suspect = ours('a', { mode: 'schedule', scheduledAt: at(30) });
    expect(match([suspect], [moved])).toEqual({ a: 'ambiguous' });
  });

  test('knows a schedule by its time, live or not, and a draft that a person published', () => {
    const schedule = ours('a', { mode: 'schedule', scheduledAt: at(60) });
    expect(match([schedule], [shown('1', { isPublished: false, scheduledAt: at(60) })])).toEqual({
      a: '1',
    });
    expect(match([schedule], [shown('1', { createdAt: at(60) })])).toEqual({ a: '1' });
    const draft = ours('a', { mode: 'draft', scheduledAt: null });
    expect(match([draft], [shown('1', { createdAt: at(500) })])).toEqual({ a: '1' });
    expect(match([draft], [shown('1', { isPublished: false })])).toEqual({ a: '1' });
  });

  test('believes the photos that are known to be its own more than any text', () => {
    const photo = { type: 'image', url: 'https://a.example/1.png' } as const;
    const content = { message: 'same', link: null, media: [photo] };
    const suspect = ours('a', { content, mediaIds: ['m1'] });
    const listed = [
      shown('1', { mediaIds: ['m9'] }),
      shown('2', { mediaIds: ['m1'], textKey: 'x' }),
    ];
    expect(match([suspect], listed)).toEqual({ a: '2' });
    expect(match([{ ...suspect, mediaIds: [] }], listed)).toEqual({ a: '1' });
  });
});
