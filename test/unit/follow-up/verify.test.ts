import { describe, expect, it } from 'vitest';
import { type HeldPost, judgeReading } from '../../../src/follow-up/verify.ts';
import type { RemotePost } from '../../../src/providers/provider.ts';

const made = Date.parse('2026-11-20T08:00:00Z');
const at = (minutes: number, seconds = 0) => new Date(made + minutes * 60_000 + seconds * 1000);
const days = (n: number) => n * 24 * 60;

const draft: HeldPost = {
  status: 'drafted',
  externalId: '1_2',
  scheduledAt: null,
  attention: null,
  madeAt: at(0),
  seenAt: at(1),
  missingAt: null,
  now: at(60),
};
/** Due two hours after it was made. */
const scheduled: HeldPost = { ...draft, status: 'scheduled', scheduledAt: at(120) };

const hidden: RemotePost = {
  permalink: 'https://example.com/1_2',
  message: 'hello',
  isPublished: false,
  createdAt: at(0),
  scheduledAt: null,
};
const waiting: RemotePost = { ...hidden, scheduledAt: at(120) };
const live = (createdAt: Date | null): RemotePost => ({ ...hidden, isPublished: true, createdAt });

describe('when a scheduled post is looked at', () => {
  it.each([
    ['daily while its time is far', { scheduledAt: at(days(3)) }, 60, at(60 + days(1))],
    ['2 minutes after its time', {}, 60, at(122)],
    ['10 minutes after its time', {}, 122, at(130)],
    ['hourly from then on', {}, 130, at(190)],
    ['and no more after a day', {}, 120 + days(1) + 60, null],
  ])('%s', (_name, over, now, verifyAt) => {
    const post = { ...scheduled, ...over, now: at(now) };
    const seen = { ...waiting, scheduledAt: post.scheduledAt };
    expect(judgeReading(post, seen)).toMatchObject({ to: 'scheduled', set: { verifyAt } });
  });
});

describe('when a draft is looked at', () => {
  it.each([
    ['daily', 60, at(60 + days(1))],
    ['and no more after 30 days', days(30), null],
  ])('%s', (_name, now, verifyAt) => {
    const finding = judgeReading({ ...draft, now: at(now) }, hidden);
    expect(finding).toMatchObject({ to: 'drafted', set: { verifyAt } });
  });

  it('after the time that a person gave it there', () => {
    const finding = judgeReading(draft, { ...hidden, scheduledAt: at(90) });
    expect(finding).toMatchObject({ to: 'drafted', set: { verifyAt: at(92) } });
  });
});

describe('a scheduled post that is live', () => {
  it.each([
    ['at its time', live(at(120, 3)), at(120, 3), 3_000],
    ['late', live(at(128)), at(128), 480_000],
    ['early, by a person: that is no lateness', live(at(30)), at(30), null],
    ['where Meta shows when it was made: at its time', live(at(0, 1)), at(120), 0],
    ['where Meta shows nothing: at its time', live(null), at(120), 0],
  ])('%s', (_name, seen, publishedAt, latenessMs) => {
    const finding = judgeReading({ ...scheduled, now: at(122) }, seen);
    expect(finding).toEqual({
      to: 'published',
      set: {
        publishedAt,
        latenessMs,
        verifyAt: null,
        attention: null,
        seenAt: at(122),
        missingAt: null,
        publishUrl: 'https://example.com/1_2',
      },
    });
  });

  it('takes back that it was not live', () => {
    const post = { ...scheduled, now: at(190), attention: { reason: 'not_live' } };
    expect(judgeReading(post, live(at(150))).set.attention).toBeNull();
  });
});

describe('a scheduled post that is not live', () => {
  it('says so 10 minutes after its time, once', () => {
    const late = { ...scheduled, now: at(130) };
    expect(judgeReading({ ...late, now: at(129) }, waiting).set.attention).toBeUndefined();
    expect(judgeReading(late, waiting).set.attention).toMatchObject({
      reason: 'not_live',
      who: 'author',
      choices: ['cancel'],
      evidence: [{ external_id: '1_2', url: 'https://example.com/1_2' }],
    });
    const told = { ...late, attention: { reason: 'not_live' } };
    expect(judgeReading(told, waiting).set.attention).toBeUndefined();
  });

  it('takes the time to which a person moved it, and looks at that', () => {
    const finding = judgeReading(scheduled, { ...waiting, scheduledAt: at(300) });
    expect(finding).toMatchObject({
      to: 'scheduled',
      set: { scheduledAt: at(300), verifyAt: at(302) },
    });
    const rounded = judgeReading(scheduled, { ...waiting, scheduledAt: at(120, 30) });
    expect(rounded.set.scheduledAt).toBeUndefined();
  });
});

describe('a post that is public from the start', () => {
  it.each([
    ['draft', { ...draft, seenAt: null, now: at(1) }],
    ['scheduled', { ...scheduled, seenAt: null, now: at(1) }],
  ])('raises attention: %s', (_name, post) => {
    const { to, set } = judgeReading(post, live(at(0, 1)));
    expect(to).toBe('published');
    expect(set).toMatchObject({
      publishedAt: at(0, 1),
      attention: { reason: 'visible_unexpectedly' },
    });
    expect(set.attention?.text).toContain('created_time 2026-11-20T08:00:01.000Z');
  });

  it.each([
    ['was seen hidden before', { ...draft, now: at(5) }, live(at(0, 1))],
    ['became visible later', { ...draft, seenAt: null, now: at(5) }, live(at(3))],
    ['was never looked at for long', { ...draft, seenAt: null, now: at(60) }, live(at(0, 1))],
  ])('but not one that %s: a person published it', (_name, post, seen) => {
    expect(judgeReading(post, seen)).toMatchObject({
      to: 'published',
      set: { attention: null },
    });
  });
});

describe('a post that the provider says does not exist', () => {
  it('is too young to be seen for ten minutes', () => {
    const young = { ...draft, seenAt: null, now: at(9) };
    expect(judgeReading(young, null)).toEqual({ to: 'drafted', set: { verifyAt: at(14) } });
  });

  it('is gone at the second look, which comes a while after the first', () => {
    const first = judgeReading(draft, null);
    expect(first).toEqual({ to: 'drafted', set: { missingAt: at(60), verifyAt: at(65) } });
    const missing = { ...draft, missingAt: at(60) };
    expect(judgeReading({ ...missing, now: at(62) }, null)).toMatchObject({ to: 'drafted' });
    expect(judgeReading({ ...missing, now: at(65) }, null)).toMatchObject({
      to: 'cancelled',
      set: { verifyAt: null, attention: null },
    });
  });

  it('was deleted by a person, if it was missed before its time', () => {
    const post = { ...scheduled, missingAt: at(60), now: at(65) };
    expect(judgeReading(post, null)).toMatchObject({
      to: 'cancelled',
      set: { attention: { reason: 'deleted_at_provider' } },
    });
  });

  it('has vanished, if it was missed after its time', () => {
    const post = { ...scheduled, missingAt: at(122), now: at(127) };
    expect(judgeReading(post, null)).toMatchObject({
      to: 'scheduled',
      set: { verifyAt: at(130), attention: { reason: 'vanished' } },
    });
  });

  it.each([
    ['was never seen', { ...draft, seenAt: null }],
    ['was published by us', { ...draft, status: 'published' as const }],
  ])('keeps its status if it %s', (_name, post) => {
    expect(judgeReading({ ...post, missingAt: at(50) }, null)).toMatchObject({
      to: post.status,
      set: { attention: { reason: 'not_found' } },
    });
  });

  it('leaves a question about something else open', () => {
    const asked = {
      ...draft,
      seenAt: null,
      missingAt: at(50),
      attention: { reason: 'outside_window' },
    };
    expect(judgeReading(asked, null).set.attention).toBeUndefined();
    expect(judgeReading({ ...asked, seenAt: at(1) }, hidden).set.attention).toBeUndefined();
  });

  it('is there after all when it is seen again', () => {
    const post = { ...draft, missingAt: at(50), attention: { reason: 'not_found' } };
    expect(judgeReading(post, hidden).set).toMatchObject({ missingAt: null, attention: null });
  });
});
