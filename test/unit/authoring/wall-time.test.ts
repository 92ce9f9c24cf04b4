import { describe, expect, it } from 'vitest';
import { readDueTime } from '../../../src/authoring/wall-time.ts';

function instant(scheduledAt: string): string | undefined {
  const { due, problem } = readDueTime({ scheduledAt }, 'UTC');
  return due?.scheduledAt?.toISOString() ?? problem?.rule;
}

function local(scheduledLocal: string, timezone?: string): string | undefined {
  const { due, problem } = readDueTime({ scheduledLocal, timezone }, 'Europe/Berlin');
  return due?.scheduledAt?.toISOString() ?? problem?.rule;
}

describe('an instant', () => {
  it.each([
    ['2026-12-24T18:30:00+01:00', '2026-12-24T17:30:00.000Z'],
    ['2026-12-24T18:30:00Z', '2026-12-24T18:30:00.000Z'],
    ['2026-12-24t18:30z', '2026-12-24T18:30:00.000Z'],
    ['2026-12-24 18:30:00 -0530', '2026-12-25T00:00:00.000Z'],
    ['2026-12-24T18:30:00.123456789+00', '2026-12-24T18:30:00.123Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('%s is %s', (text, expected) => {
    expect(instant(text)).toBe(expected);
  });

  it.each([
    ['2026-12-24T18:30:00', 'offset_required'],
    ['2026-12-24 18:30', 'offset_required'],
    ['2026-12-24', 'time_format'],
    ['tomorrow', 'time_format'],
    ['', 'time_format'],
    ['1790000000', 'time_format'],
    ['2026-02-29T10:00:00Z', 'time_exists'],
    ['2026-13-01T10:00:00Z', 'time_exists'],
    ['2026-06-31T10:00:00Z', 'time_exists'],
    ['2026-06-30T24:00:00Z', 'time_exists'],
    ['2026-06-30T23:59:60Z', 'time_exists'],
    ['2026-06-30T10:00:00+25:00', 'time_exists'],
    ['2026-06-30T10:00:00+01:75', 'time_exists'],
    ['1999-12-31T23:59:59Z', 'time_range'],
    ['2200-01-01T00:00:00Z', 'time_range'],
    ['9999-12-31T23:59:59Z', 'time_range'],
  ])('%j is refused by %s', (text, rule) => {
    expect(instant(text)).toBe(rule);
  });
});

describe('a wall time', () => {
  it.each([
    ['2026-07-01T09:30', undefined, '2026-07-01T07:30:00.000Z'],
    ['2026-07-01T09:30', 'America/New_York', '2026-07-01T13:30:00.000Z'],
    ['2026-07-01 09:30:15', 'Asia/Kathmandu', '2026-07-01T03:45:15.000Z'],
    ['2026-12-24T18:30', 'UTC', '2026-12-24T18:30:00.000Z'],
  ])('%s in %s is %s', (text, zone, expected) => {
    expect(local(text, zone)).toBe(expected);
  });

  it.each([
    // Clocks go from 02:00 to 03:00.
    ['2026-03-29T02:30', 'Europe/Berlin'],
    ['2026-03-29T02:00', 'Europe/Berlin'],
    ['2026-03-08T02:59:59', 'America/New_York'],
    // From 00:00 to 01:00: midnight itself does not exist.
    ['2026-09-06T00:15', 'America/Santiago'],
    // Half an hour only.
    ['2026-10-04T02:15', 'Australia/Lord_Howe'],
    // A whole day, as the date line moved.
    ['2011-12-30T12:00', 'Pacific/Apia'],
  ])('%s is refused in %s, where it does not exist', (text, zone) => {
    expect(local(text, zone)).toBe('local_time_does_not_exist');
  });

  it('exists again at the very end of the gap, and up to its beginning', () => {
    expect(local('2026-03-29T03:00', 'Europe/Berlin')).toBe('2026-03-29T01:00:00.000Z');
    expect(local('2026-03-29T01:59:59', 'Europe/Berlin')).toBe('2026-03-29T00:59:59.000Z');
  });

  it.each([
    ['2026-10-25T02:30', 'Europe/Berlin', '2026-10-25T00:30:00.000Z'],
    ['2026-11-01T01:30', 'America/New_York', '2026-11-01T05:30:00.000Z'],
    ['2026-04-05T01:45', 'Australia/Lord_Howe', '2026-04-04T14:45:00.000Z'],
  ])('%s in %s comes twice, and is the earlier one, %s', (text, zone, expected) => {
    expect(local(text, zone)).toBe(expected);
  });

  it.each([
    ['2026-07-01T09:30', 'Europe/Nowhere', 'timezone_known'],
    ['2026-07-01T09:30', '+02:00', 'timezone_known'],
    ['2026-07-01T09:30', '', 'timezone_known'],
    ['2026-07-01T09:30Z', 'UTC', 'local_time_without_offset'],
    ['2026-02-30T09:30', 'UTC', 'time_exists'],
    ['2026-07-01T24:00', 'UTC', 'time_exists'],
    ['9:30', 'UTC', 'time_format'],
    ['2200-01-01T09:30', 'UTC', 'time_range'],
  ])('%s in %s is refused by %s', (text, zone, rule) => {
    expect(local(text, zone)).toBe(rule);
  });

  it('is kept with its zone beside the instant', () => {
    const { due } = readDueTime({ scheduledLocal: '2026-07-01 09:30' }, 'Europe/Berlin');
    expect(due).toEqual({
      scheduledAt: new Date('2026-07-01T07:30:00.000Z'),
      scheduledLocal: '2026-07-01T09:30',
      timezone: 'Europe/Berlin',
    });
  });
});

describe('the fields together', () => {
  it('are one or the other, not both', () => {
    const both = { scheduledAt: '2026-07-01T09:30Z', scheduledLocal: '2026-07-01T09:30' };
    expect(readDueTime(both, 'UTC').problem).toMatchObject({
      path: 'scheduled_local',
      rule: 'one_due_time',
    });
  });

  it('refuse a zone that has no wall time to belong to', () => {
    const zoned = { scheduledAt: '2026-07-01T09:30Z', timezone: 'Europe/Berlin' };
    expect(readDueTime(zoned, 'UTC').problem).toMatchObject({
      path: 'timezone',
      rule: 'timezone_needs_local_time',
    });
  });

  it('may be absent or null, and then there is no due time', () => {
    const none = { scheduledAt: null, scheduledLocal: null, timezone: null };
    expect(readDueTime({}, 'UTC')).toEqual({ due: none, problem: null });
    expect(readDueTime(none, 'UTC')).toEqual({ due: none, problem: null });
  });
});
