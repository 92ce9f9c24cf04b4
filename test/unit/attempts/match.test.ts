import { describe, expect, test } from 'vitest';
import {
  matchPosts,
  type Planned,
  type Wanted,
  wantedByCalls,
  wantedByPlan,
} from '../../../src/attempts/match.ts';
import { showsLink, skeletonOf, textKeyOf } from '../../../src/providers/facebook/find.ts';
import type { ListedPost } from '../../../src/providers/provider.ts';

const at = (minutes: number) => new Date(Date.UTC(2026, 10, 20, 12, minutes));
const scene = { network: { textKeyOf, skeletonOf, showsLink }, appId: '77', aheadMs: 0 };
const content = { message: 'same', link: null, media: [] };
const photo = { type: 'image', url: 'https://a.example/1.png' } as const;
const shown = (externalId: string, more: Partial<ListedPost> = {}): ListedPost => ({
  externalId,
  url: null,
  message: 'same',
  links: [],
  mediaIds: [],
  mediaState: 'missing',
  appId: '77',
  isPublished: true,
  createdAt: at(0),
  scheduledAt: null,
  ...more,
});
/** `id → external id`, or what else was found. */
const match = (wanted: readonly Wanted[], listed: readonly ListedPost[], over = {}) =>
  Object.fromEntries(
    [...matchPosts(wanted, listed, { ...scene, ...over })].map(([id, finding]) => [
      id,
      finding.kind === 'bound' ? finding.listed.externalId : finding.kind,
    ]),
  );

const card = (link: string): Partial<ListedPost> => ({
  message: null,
  links: [link],
  mediaState: 'known',
});

const ours = (id: string, more: Partial<Planned> = {}): Wanted =>
  wantedByPlan({
    id,
    content,
    mode: 'publish',
    scheduledAt: at(0),
    approvedAt: at(-60),
    lateLimitS: 600,
    mediaIds: [],
    ...more,
  });
const live = (externalId: string, minutes = 1, more: Partial<ListedPost> = {}) =>
  shown(externalId, { createdAt: at(minutes), ...more });

describe('a look for one lost answer', () => {
  const call = { from: at(0), until: at(1) };
  const lost = (more: Partial<Wanted> = {}) => {
    const post = { id: 'a', content, mode: 'publish', scheduledAt: null, mediaIds: [] } as const;
    return wantedByCalls({ ...post, ...more }, [call]);
  };
  const find = (post: Partial<ListedPost>, more: Partial<Wanted> = {}, over = {}) =>
    match([lost(more)], [shown('1', post)], over)['a'];

  test('binds what our app made in its moments with just its content', () => {
    expect(find({})).toBe('1');
    expect(match([lost()], [])).toEqual({ a: 'absent' });
  });

  test('never takes what was there before: somebody else wrote that', () => {
    expect(find({ createdAt: at(-9) })).toBe('absent');
    expect(find({ createdAt: at(-9), appId: null })).toBe('absent');
  });

  test('never takes what another app made, and asks nobody about it', () => {
    expect(find({ appId: '88' })).toBe('absent');
    expect(find({ appId: '88' }, {}, { appId: null })).toBe('1');
  });

  test('asks about what shows no app, where our own is known: a person may have written the same', () => {
    expect(find({ appId: null })).toBe('ambiguous');
    expect(find({ appId: null }, {}, { appId: null })).toBe('1');
  });

  test('asks about the same text that came later: the effect may have been late', () => {
    expect(find({ createdAt: at(14) })).toBe('ambiguous');
    expect(find({ createdAt: at(14), message: 'other' })).toBe('absent');
    expect(find({ createdAt: null })).toBe('ambiguous');
  });

  test('goes by the clock of the network', () => {
    expect(find({ createdAt: at(60) }, {}, { aheadMs: 3_600_000 })).toBe('1');
    expect(find({ createdAt: at(-60) }, {}, { aheadMs: -3_600_000 })).toBe('1');
  });

  test.each([
    ['another text', { message: 'quite different' }],
    ['a mention that is shown by its name', { message: 'same Corner Bakery' }],
    ['a text without what Meta may strip', { message: 'sa\u200bme' }],
    ['photos that it was not sent with', { mediaIds: ['9'], mediaState: 'known' }],
  ] as const)('asks about %s: absence is not proven by it', (_what, post) => {
    expect(find(post)).toBe('ambiguous');
  });

  test('finds a text with a mention among others by what stands around it', () => {
    const sent = { ...content, message: 'With @[42] at noon' };
    const plan = ours('a', { content: sent });
    expect(match([plan], [shown('1', { message: 'With Corner Bakery at noon' })])).toEqual({
      a: 'ambiguous',
    });
    expect(match([plan], [shown('1', { message: 'With nobody' })])).toEqual({ a: 'absent' });
  });

  describe('with a link', () => {
    const linked = { content: { ...content, message: null, link: 'https://a.example/x' } };
    test('binds the very link, asks about another address, and waits for the card', () => {
      expect(find(card('https://www.a.example/x/'), linked)).toBe('1');
      expect(find(card('https://a.example/canonical'), linked)).toBe('ambiguous');
      expect(find({ message: null }, linked)).toBe('unclear');
    });
  });

  describe('with photos', () => {
    const own = { content: { ...content, media: [photo] }, mediaIds: ['m1'] };

    test('is certain by them, whatever else it shows and whoever is said to have made it', () => {
      const post = { mediaIds: ['m1'], message: 'edited', appId: '88', createdAt: at(99) };
      expect(find(post, own)).toBe('1');
    });

    test('never by its text: other photos are a question, unreadable ones no answer', () => {
      expect(find({ mediaIds: ['m9'], mediaState: 'known' }, own)).toBe('ambiguous');
      expect(find({}, own)).toBe('unclear');
      expect(find({ mediaState: 'odd' }, own)).toBe('unclear');
    });
  });

  test('knows a schedule by its time', () => {
    const wish = { mode: 'schedule', scheduledAt: at(90) } as const;
    const held = (minutes: number) => ({ isPublished: false, scheduledAt: at(minutes) });
    expect(find(held(90), wish)).toBe('1');
    expect(find(held(95), wish)).toBe('ambiguous');
    expect(find({ createdAt: at(90) }, wish)).toBe('1');
  });

  test('takes a public post for a lost draft only where our app is told to have made it', () => {
    const draft = { mode: 'draft' } as const;
    expect(find({ isPublished: false }, draft)).toBe('1');
    expect(find({}, draft)).toBe('1');
    expect(find({ appId: null }, draft)).toBe('ambiguous');
    expect(find({ isPublished: false, scheduledAt: at(90) }, draft)).toBe('ambiguous');
  });

  test('leaves to another lost answer what is its own', () => {
    const other = lost({ id: 'b', content: { ...content, message: 'other' } });
    expect(match([lost(), other], [shown('1', { message: 'other' })])).toEqual({
      a: 'absent',
      b: '1',
    });
  });

  test('asks about two', () => {
    expect(match([lost()], [shown('1'), shown('2')])).toEqual({ a: 'ambiguous' });
  });

  test('of several calls knows the moments of each', () => {
    const post = { id: 'a', content, mode: 'publish', scheduledAt: null, mediaIds: [] } as const;
    const twice = wantedByCalls(post, [call, { from: at(30), until: at(31) }]);
    expect(match([twice], [shown('1', { createdAt: at(0) })])).toEqual({ a: '1' });
    expect(match([twice], [shown('1', { createdAt: at(31) })])).toEqual({ a: '1' });
    expect(match([twice], [shown('1', { createdAt: at(15) })])).toEqual({ a: 'ambiguous' });
  });
});

describe('matching all that an account shows', () => {
  test('binds what has its text and its time, and nothing else', () => {
    expect(match([ours('a')], [live('1')])).toEqual({ a: '1' });
    expect(match([ours('a')], [live('1', 1, { message: 'other' })])).toEqual({ a: 'absent' });
    expect(match([ours('a')], [live('1', 1, { appId: '88' })])).toEqual({ a: 'absent' });
    expect(match([ours('a')], [])).toEqual({ a: 'absent' });
  });

  test('tells the same text of several weeks apart by its times', () => {
    const week = 7 * 24 * 60;
    const wanted = [0, 1, 2].map((n) => ours(`w${n}`, { scheduledAt: at(n * week) }));
    const listed = [2, 0].map((n) => live(`p${n}`, n * week + 1));
    expect(match(wanted, listed)).toEqual({ w0: 'p0', w1: 'absent', w2: 'p2' });
  });

  test('gives as many equal posts as are there to the earliest, each its own', () => {
    const wanted = ['a', 'b', 'c'].map((id, n) => ours(id, { scheduledAt: at(n) }));
    expect(match(wanted, [live('1', 2), live('2', 3)])).toEqual({ a: '1', b: '2', c: 'absent' });
  });

  test('asks a person when one more is there than is ours', () => {
    expect(match([ours('a')], [live('1'), live('2')])).toEqual({ a: 'ambiguous' });
    const [finding] = matchPosts([ours('a')], [live('1'), live('2')], scene).values();
    expect(finding).toMatchObject({ candidates: [{ externalId: '1' }, { externalId: '2' }] });
  });

  test('does not let a crowd elsewhere spoil what is certain', () => {
    const wanted = [ours('a'), ours('b', { content: { ...content, message: 'b' } })];
    const listed = [live('1'), live('2'), live('3', 1, { message: 'b' })];
    expect(match(wanted, listed)).toEqual({ a: 'ambiguous', b: '3' });
  });

  test('asks a person when only the time does not fit', () => {
    expect(match([ours('a')], [live('1', 300)])).toEqual({ a: 'ambiguous' });
    expect(match([ours('a')], [live('1', -60)])).toEqual({ a: 'ambiguous' });
    const moved = shown('1', { isPublished: false, scheduledAt: at(60) });
    const wanted = ours('a', { mode: 'schedule', scheduledAt: at(30) });
    expect(match([wanted], [moved])).toEqual({ a: 'ambiguous' });
  });

  test('knows a schedule by its time, live or not, and a draft that a person published', () => {
    const schedule = ours('a', { mode: 'schedule', scheduledAt: at(60) });
    const held = shown('1', { isPublished: false, scheduledAt: at(60) });
    expect(match([schedule], [held])).toEqual({ a: '1' });
    expect(match([schedule], [live('1', 60)])).toEqual({ a: '1' });
    const draft = ours('a', { mode: 'draft', scheduledAt: null });
    expect(match([draft], [live('1', 500)])).toEqual({ a: '1' });
    expect(match([draft], [shown('1', { isPublished: false })])).toEqual({ a: '1' });
  });

  test('takes nothing that is hidden for a post that goes out at its time', () => {
    const dark = { isPublished: false, mediaIds: ['9'], mediaState: 'known' } as const;
    expect(match([ours('a', { mediaIds: ['9'] })], [live('1', 1, dark)])).toEqual({ a: 'absent' });
    const draft = ours('a', { mode: 'draft' });
    expect(match([draft], [live('1', 1, { isPublished: false })])).toEqual({ a: '1' });
  });

  test('knows by its id what was hidden, once it is shown, and gives it to nobody before', () => {
    const mine = ours('a', { hiddenId: '1', mode: 'schedule' });
    const draft = ours('b', { mode: 'draft' });
    expect(match([mine], [live('1', 1, { message: 'rewritten' })])).toEqual({ a: '1' });
    const dark = live('1', 1, { isPublished: false });
    expect(match([mine, draft], [dark])).toEqual({ a: 'absent', b: 'absent' });
  });

  test('believes the photos that are known to be its own more than any text', () => {
    const withPhoto = { ...content, media: [photo] };
    const listed = [
      live('1', 1, { mediaIds: ['m9'], mediaState: 'known' }),
      live('2', 1, { mediaIds: ['m1'], mediaState: 'known', message: 'x' }),
    ];
    expect(match([ours('a', { content: withPhoto, mediaIds: ['m1'] })], listed)).toEqual({
      a: '2',
    });
    expect(match([ours('a', { content: withPhoto })], listed)).toEqual({ a: '1' });
  });
});
