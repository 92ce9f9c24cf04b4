import { describe, expect, test } from 'vitest';
import type { ErrorClass, ErrorRecord } from '../../../src/errors.ts';
import { recoverFrom } from '../../../src/posts/recovery.ts';

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
  more: { tries?: number; retryAfterMs?: number; jitter?: number } = {},
) =>
  recoverFrom({
    record: error,
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

  test('a provider that cannot be reached costs no try either', () => {
    const recovery = recover(record('retry', 'provider_unreachable'), { tries: 4 });
    expect(recovery.to).toBe('approved');
    expect(recovery.set).not.toHaveProperty('tries');
    expect(recovery.set.nextRunAt).toEqual(inMs(15_000));
  });

  test.each([
    [0, 10_000],
    [1, 30_000],
    [2, 120_000],
    [3, 600_000],
  ])('trouble after %i tries is tried again after %i ms', (tries, waitMs) => {
    const recovery = recover(record('retry'), { tries });
    expect(recovery).toMatchObject({ to: 'approved', trouble: null, heldUntil: null });
    expect(recovery.set).toMatchObject({ tries: tries + 1, nextRunAt: inMs(waitMs) });
  });

  test.each(['retry', 'internal'] as const)('the fifth %s is the last', (errorClass) => {
    const recovery = recover(record(errorClass), { tries: 4 });
    expect(recovery.to).toBe('failed');
    expect(recovery.set).toMatchObject({ tries: 5, nextRunAt: null, waiting: null });
  });

  test('a limit holds the integration for as long as the provider says', () => {
    const recovery = recover(record('rate_limited'), { retryAfterMs: 420_000 });
    expect(recovery.heldUntil).toEqual(inMs(420_000));
    expect(recovery.set.waiting).toMatchObject({
      reason: 'meta_limit',
      until: inMs(420_000).toISOString(),
    });
  });

  test('jitter spreads posts after the moment, never before it', () => {
    const recovery = recover(record('rate_limited'), { retryAfterMs: 100_000, jitter: 1 });
    expect(recovery.set.nextRunAt).toEqual(inMs(120_000));
    expect(recovery.heldUntil).toEqual(inMs(100_000));
  });

  test.each([
    ['reauth', 'needs_reconnect'],
    ['permission', 'needs_permission'],
    ['blocked', 'blocked'],
  ] as const)('%s takes the integration to %s', (errorClass, trouble) => {
    const recovery = recover(record(errorClass));
    expect(recovery.trouble).toBe(trouble);
    expect(recovery.set.waiting).toMatchObject({ reason: 'integration', until: null });
  });

  test.each(['invalid', 'duplicate'] as const)('%s fails at once', (errorClass) => {
    expect(recover(record(errorClass))).toMatchObject({ to: 'failed', trouble: null });
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
    ['media_processing', 'media'],
  ])('not ready for %s waits for %s', (key, reason) => {
    expect(recover(record('not_ready', key)).set.waiting).toMatchObject({ reason });
  });
});
