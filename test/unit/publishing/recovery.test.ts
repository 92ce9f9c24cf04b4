import { describe, expect, test } from 'vitest';
import {
  type ErrorClass,
  type ErrorRecord,
  type ErrorScope,
  scopeOf,
} from '../../../src/errors.ts';
import { recoverFrom } from '../../../src/publishing/recovery.ts';

const now = new Date('2026-11-20T12:00:00Z');
const inMs = (ms: number) => new Date(now.getTime() + ms);
const record = (errorClass: ErrorClass, key = 'some_key'): ErrorRecord => ({
  class: errorClass,
  key,
  provider_code: null,
  provider_subcode: null,
  message: 'm',
  user_message: 'u',
  action: 'a',
  who: 'nobody',
  retryable: true,
  fbtrace_id: null,
  at: now.toISOString(),
});
const recover = (
  error: ErrorRecord,
  more: Partial<{
    tries: number;
    retryAfterMs: number;
    jitter: number;
    scope: ErrorScope;
    dueAt: Date;
    failedAt: Date | null;
  }> = {},
) =>
  recoverFrom({
    record: error,
    scope: scopeOf(error.class),
    dueAt: now,
    failedAt: null,
    retryAfterMs: undefined,
    tries: 0,
    lookAfterMs: 60_000,
    now,
    jitter: 0,
    ...more,
  });

describe('recoverFrom', () => {
  test.each(['rate_limited', 'not_ready', 'reauth', 'permission', 'blocked'] as const)(
    '%s waits, and leaves the tries alone',
    (errorClass) => {
      const recovery = recover(record(errorClass), { tries: 3 });
      expect(recovery.to).toBe('approved');
      expect(recovery.set).not.toHaveProperty('tries');
      expect(recovery.set.waiting).not.toBeNull();
    },
  );

  test.each([
    ['at first', null, 0, 2_000],
    ['after a while', inMs(-20_000), 0, 40_000],
    ['after long', inMs(-60_000), 0, 60_000],
    ['due in a month, after long', inMs(-60_000), 30 * 86_400_000, 120_000],
    ['due in a month, after very long', inMs(-600_000), 30 * 86_400_000, 600_000],
    ['failed an hour ago', inMs(-3_600_000), 0, 2_000],
  ])('an outage costs no try, and is waited for: %s', (_case, failedAt, aheadMs, waitMs) => {
    const more = { tries: 4, scope: 'provider', failedAt, dueAt: inMs(aheadMs) } as const;
    const recovery = recover(record('retry'), more);
    expect(recovery.to).toBe('approved');
    expect(recovery.set).not.toHaveProperty('tries');
    expect(recovery.set.nextRunAt).toEqual(inMs(waitMs));
    expect(recovery.set.waiting).toMatchObject({ reason: 'meta_limit' });
  });

  test.each(['retry', 'permission', 'invalid'] as const)(
    'what is about the app costs no try: %s',
    (errorClass) => {
      const recovery = recover(record(errorClass), { tries: 4, scope: 'app' });
      expect(recovery.to).toBe('approved');
      expect(recovery.set).not.toHaveProperty('tries');
      expect(recovery.set.waiting).toMatchObject({ reason: 'integration', until: null });
    },
  );

  test.each([
    [0, 10_000],
    [1, 30_000],
    [2, 120_000],
    [3, 600_000],
    [10, 600_000],
  ])('trouble after %i tries is tried again after %i ms', (tries, waitMs) => {
    const recovery = recover(record('retry'), { tries });
    expect(recovery.to).toBe('approved');
    expect(recovery.set).toMatchObject({ tries: tries + 1, nextRunAt: inMs(waitMs) });
  });

  test.each([
    ['what its author can mend', { ...record('retry'), who: 'author' as const }, 2],
    ['a defect of ours', record('internal'), 4],
    ['anything else', record('retry'), 11],
  ])('is given up in the end: %s', (_case, error, tries) => {
    expect(recover(error, { tries: tries - 1 }).to).toBe('approved');
    const recovery = recover(error, { tries });
    expect(recovery.to).toBe('failed');
    expect(recovery.set).toMatchObject({ tries: tries + 1, nextRunAt: null, waiting: null });
  });

  test('a limit is waited for as long as the provider says', () => {
    const recovery = recover(record('rate_limited'), { retryAfterMs: 420_000 });
    expect(recovery.set.waiting).toMatchObject({
      reason: 'meta_limit',
      until: inMs(420_000).toISOString(),
    });
  });

  test('jitter spreads posts after the moment, never before it', () => {
    const recovery = recover(record('rate_limited'), { retryAfterMs: 100_000, jitter: 1 });
    expect(recovery.set.nextRunAt).toEqual(inMs(120_000));
  });

  test.each(['reauth', 'permission', 'blocked'] as const)('%s waits for the account', (given) => {
    expect(recover(record(given)).set.waiting).toMatchObject({
      reason: 'integration',
      until: null,
    });
  });

  test.each(['invalid', 'duplicate'] as const)('%s fails at once', (errorClass) => {
    expect(recover(record(errorClass))).toMatchObject({ to: 'failed' });
  });

  test('an unknown outcome is looked for after an interval, and nobody is asked yet', () => {
    const recovery = recover(record('unknown_outcome'), { retryAfterMs: 1_000 });
    expect(recovery.to).toBe('unknown');
    expect(recovery.set).toMatchObject({
      nextRunAt: null,
      attention: null,
      waiting: { reason: 'reconcile', until: inMs(60_000).toISOString() },
    });
  });

  test.each([
    ['look_incomplete', 'reconcile'],
    ['facebook_schedule_window', 'window'],
    ['facebook_schedule_too_late', 'window'],
    ['media_processing', 'media'],
  ])('not ready for %s waits for %s', (key, reason) => {
    expect(recover(record('not_ready', key)).set.waiting).toMatchObject({ reason });
  });
});
