import { describe, expect, test } from 'vitest';
import { decide, type PlanInput } from '../../../src/posts/plan.ts';

const now = new Date('2026-11-20T12:00:00Z');
const minute = 60_000;
const day = 86_400_000;
const window = { minAheadMs: 10 * minute, maxAheadMs: 75 * day, certainAheadMs: 29 * day };

const input = (changes: Partial<PlanInput>): PlanInput => ({
  publishMode: null,
  scheduledAt: null,
  approvedAt: now,
  autoPublish: false,
  lateLimitS: 7200,
  window,
  nearWindowUntil: null,
  isTooNear: false,
  ahead: null,
  now,
  ...changes,
});
const at = (aheadMs: number) => new Date(now.getTime() + aheadMs);

describe('decide, without a due time', () => {
  test('makes a draft at once by default', () => {
    expect(decide(input({}))).toEqual({
      kind: 'go',
      mode: 'draft',
      attention: null,
      revealAt: null,
    });
  });

  test('publishes at once when that was asked for', () => {
    expect(decide(input({ publishMode: 'publish' }))).toMatchObject({
      kind: 'go',
      mode: 'publish',
    });
  });

  test('misses a post that was to go out at once and has been held up for longer than the limit', () => {
    const approvedAt = at(-7201_000);
    expect(decide(input({ publishMode: 'publish', approvedAt }))).toMatchObject({
      kind: 'missed',
      attention: { reason: 'missed', choices: ['retry', 'cancel'] },
    });
  });
});

describe('decide, for a draft with a due time', () => {
  test.each([
    ['long past', -30 * day],
    ['now', 0],
    ['far ahead', 300 * day],
  ])('makes it at once, however the time lies: %s', (_name, aheadMs) => {
    expect(decide(input({ publishMode: 'draft', scheduledAt: at(aheadMs) }))).toEqual({
      kind: 'go',
      mode: 'draft',
      attention: null,
      revealAt: null,
    });
  });
});

describe('decide, for a hand-over', () => {
  test.each([
    ['eleven minutes', 11 * minute],
    ['30 days', 30 * day],
    ['75 days less a minute', 75 * day - minute],
  ])('goes when the time is %s ahead', (_name, aheadMs) => {
    expect(decide(input({ scheduledAt: at(aheadMs) }))).toEqual({
      kind: 'go',
      mode: 'schedule',
      attention: null,
      revealAt: null,
    });
  });

  test('holds beyond 75 days until a minute after the window opened', () => {
    expect(decide(input({ scheduledAt: at(100 * day) }))).toMatchObject({
      kind: 'hold',
      mode: 'schedule',
      until: at(25 * day + minute),
      waiting: { reason: 'window' },
    });
  });

  test('holds beyond 29 days on a page that refused a far hand-over in the last day', () => {
    const refused = input({ scheduledAt: at(40 * day), nearWindowUntil: at(day) });
    expect(decide(refused)).toMatchObject({ kind: 'hold', until: at(11 * day + minute) });
    expect(decide({ ...refused, nearWindowUntil: at(-1) })).toMatchObject({ kind: 'go' });
  });

  test('becomes a draft with attention when asked for nearer than ten minutes without the opt-in', () => {
    expect(decide(input({ scheduledAt: at(5 * minute) }))).toMatchObject({
      kind: 'go',
      mode: 'draft',
      attention: { reason: 'outside_window' },
    });
  });

  test('is published by us at its time when asked for nearer than ten minutes with the opt-in', () => {
    const near = input({ scheduledAt: at(5 * minute), autoPublish: true });
    expect(decide(near)).toMatchObject({
      kind: 'hold',
      mode: 'publish',
      until: at(5 * minute),
      waiting: { reason: 'due_time' },
    });
    expect(decide({ ...near, now: at(5 * minute) })).toMatchObject({ kind: 'go', mode: 'publish' });
  });

  test('is missed, never quietly a draft, when it was inside the window and we were slow', () => {
    const delayed = input({ scheduledAt: at(5 * minute), approvedAt: at(-day) });
    expect(decide(delayed)).toMatchObject({
      kind: 'missed',
      attention: { reason: 'missed_window' },
    });
    expect(decide({ ...delayed, autoPublish: true })).toMatchObject({
      kind: 'hold',
      mode: 'publish',
      until: at(5 * minute),
    });
  });

  test('judges lateness before the window', () => {
    const late = input({ scheduledAt: at(-7201_000), approvedAt: now });
    expect(decide(late)).toMatchObject({ kind: 'missed', attention: { reason: 'missed' } });
    expect(decide({ ...late, autoPublish: true })).toMatchObject({ kind: 'missed' });
    expect(decide({ ...late, scheduledAt: at(-7199_000) })).toMatchObject({
      kind: 'go',
      mode: 'draft',
    });
  });
});

describe('decide, for a provider without a scheduler', () => {
  test('publishes at the due time', () => {
    const post = input({ scheduledAt: at(day), window: null, autoPublish: true });
    expect(decide(post)).toMatchObject({ kind: 'hold', mode: 'publish', until: at(day) });
  });
});
