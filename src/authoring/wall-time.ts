import { DateTime, IANAZone } from 'luxon';
import type { FieldProblem } from '../errors.ts';

/** The fields of a request that say when; null and absent are the same here. */
export interface DueTimeFields {
  readonly scheduledAt?: string | null | undefined;
  readonly scheduledLocal?: string | null | undefined;
  readonly timezone?: string | null | undefined;
}

export interface DueTime {
  readonly scheduledAt: Date | null;
  /** As it was given, with a T: `2026-03-29T09:30`. */
  readonly scheduledLocal: string | null;
  readonly timezone: string | null;
}

export type DueTimeReading =
  | { readonly due: DueTime; readonly problem: null }
  | { readonly due: null; readonly problem: FieldProblem };

const earliest = Date.UTC(2000, 0, 1);
const latest = Date.UTC(2200, 0, 1);

const date = String.raw`(\d{4})-(\d{2})-(\d{2})`;
const time = String.raw`(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?`;
const offset = String.raw`(Z|[+-]\d{2}(?::?\d{2})?)`;
const instantPattern = new RegExp(`^${date}[T ]${time} ?${offset}$`, 'i');
const localPattern = new RegExp(`^${date}[T ]${time}$`, 'i');

/**
 * The moment a request means. An instant needs its offset, as a naive time would be read in whatever zone the machine
 * has. A wall time that a clock set forward skips is refused; of two that a clock set back repeats, the earlier one is
 * taken, so that a post is never an hour late.
 */
export function readDueTime(fields: DueTimeFields, defaultZone: string): DueTimeReading {
  const { scheduledAt, scheduledLocal, timezone } = fields;
  if (isGiven(scheduledAt) && isGiven(scheduledLocal)) {
    return refuse(
      'scheduled_local',
      'one_due_time',
      'Give scheduled_at or scheduled_local, not both.',
    );
  }
  if (isGiven(scheduledLocal)) return readLocal(scheduledLocal, timezone ?? defaultZone);
  if (isGiven(timezone)) {
    const message = 'timezone belongs to scheduled_local; scheduled_at carries its own offset.';
    return refuse('timezone', 'timezone_needs_local_time', message);
  }
  return isGiven(scheduledAt) ? readInstant(scheduledAt) : accept(null, null, null);
}

function readInstant(text: string): DueTimeReading {
  const path = 'scheduled_at';
  if (localPattern.test(text)) {
    const message = `"${text}" has no offset: write ${text}Z or ${text}+01:00, or use scheduled_local.`;
    return refuse(path, 'offset_required', message);
  }
  const match = instantPattern.exec(text);
  if (match === null) return refuse(path, 'time_format', malformed('2026-12-24T18:30:00+01:00'));
  const clock = readClock(match, 'utc');
  const offsetMs = readOffsetMs(match[8] ?? '');
  if (!clock.isValid || offsetMs === null) return refuse(path, 'time_exists', impossible(text));
  return bounded(path, new Date(clock.toMillis() - offsetMs), null, null);
}

function readLocal(text: string, timezone: string): DueTimeReading {
  const path = 'scheduled_local';
  if (!isZone(timezone)) {
    const message = `"${timezone}" is no IANA time zone, such as Europe/Berlin or UTC.`;
    return refuse('timezone', 'timezone_known', message);
  }
  if (instantPattern.test(text)) {
    const message = 'A wall time has no offset: leave it out, or use scheduled_at.';
    return refuse(path, 'local_time_without_offset', message);
  }
  const match = localPattern.exec(text);
  if (match === null) return refuse(path, 'time_format', malformed('2026-12-24T18:30'));
  if (!readClock(match, 'utc').isValid) return refuse(path, 'time_exists', impossible(text));
  const [instant] = readingsOf(match, timezone);
  if (instant === undefined) {
    const message = `${text} does not exist in ${timezone}: clocks are set forward past it.`;
    return refuse(path, 'local_time_does_not_exist', message);
  }
  return bounded(path, new Date(instant), text.replace(' ', 'T'), timezone);
}

/** Says which of two was taken, where a clock that is set back shows the wall time twice. */
export function repeatedTime({ scheduledAt, scheduledLocal, timezone }: DueTime): FieldProblem[] {
  if (scheduledAt === null || scheduledLocal === null || timezone === null) return [];
  const match = localPattern.exec(scheduledLocal);
  const [first, second] = match === null ? [] : readingsOf(match, timezone);
  if (second === undefined || first !== scheduledAt.getTime()) return [];
  const message = `${scheduledLocal} comes twice in ${timezone}, as clocks are set back: the first was taken, ${scheduledAt.toISOString()}. For the second, ${new Date(second).toISOString()}, use scheduled_at.`;
  return [{ path: 'scheduled_local', message, rule: 'local_time_repeated' }];
}

/**
 * Earliest first. Luxon moves a skipped time forward instead of refusing it, so what comes out is compared with what
 * went in.
 */
function readingsOf(match: RegExpExecArray, timezone: string): number[] {
  const wanted = readClock(match, 'utc').toFormat(wallClock);
  return readClock(match, timezone)
    .getPossibleOffsets()
    .filter((reading) => reading.toFormat(wallClock) === wanted)
    .map((reading) => reading.toMillis())
    .toSorted((one, other) => one - other);
}

const wallClock = 'yyyy-MM-dd HH:mm:ss.SSS';

function readClock(match: RegExpExecArray, zone: string): DateTime {
  const [, year, month, day, hour, minute, second = '0', fraction = ''] = match;
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  // Luxon takes 24:00 for the next day; nobody should have to know that.
  if (h > 23) return DateTime.invalid('hour');
  const millisecond = Number(fraction.padEnd(3, '0').slice(0, 3));
  const parts = { year: Number(year), month: Number(month), day: Number(day) };
  return DateTime.fromObject({ ...parts, hour: h, minute: m, second: s, millisecond }, { zone });
}

function readOffsetMs(text: string): number | null {
  if (/^z$/i.test(text)) return 0;
  const [, sign, hours, minutes = '0'] = /^([+-])(\d{2}):?(\d{2})?$/.exec(text) ?? [];
  if (Number(hours) > 15 || Number(minutes) > 59) return null;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** Node takes `+02:00` for a zone too, but that is an offset, which knows no summer time. */
function isZone(name: string): boolean {
  return /^[a-z]/i.test(name) && IANAZone.isValidZone(name);
}

function bounded(
  path: string,
  at: Date,
  scheduledLocal: string | null,
  timezone: string | null,
): DueTimeReading {
  if (at.getTime() >= earliest && at.getTime() < latest) {
    return accept(at, scheduledLocal, timezone);
  }
  return refuse(path, 'time_range', 'Due times lie between the years 2000 and 2199.');
}

function accept(
  scheduledAt: Date | null,
  scheduledLocal: string | null,
  timezone: string | null,
): DueTimeReading {
  return { due: { scheduledAt, scheduledLocal, timezone }, problem: null };
}

function refuse(path: string, rule: string, message: string): DueTimeReading {
  return { due: null, problem: { path, rule, message } };
}

function isGiven(value: string | null | undefined): value is string {
  return value !== null && value !== undefined;
}

function malformed(example: string): string {
  return `A time is written like ${example}.`;
}

function impossible(text: string): string {
  return `"${text}" names a day, time or offset that no calendar has.`;
}
