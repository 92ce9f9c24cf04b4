import { DateTime, IANAZone } from 'luxon';

const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `+15m` and the like count from the import; anything else is left to the rules of the API. */
export function resolveInstant(cell: string, now: Date): string {
  const [, count = '', unit = ''] = /^\+(\d{1,6})([smhd])$/.exec(cell) ?? [];
  if (unit === '') return cell;
  return new Date(now.getTime() + Number(count) * (unitMs[unit] ?? 0)).toISOString();
}

/** `+3d 18:30` is that wall time on the third day from today, today being what it is in the zone. */
export function resolveWallTime(cell: string, timezone: string, now: Date): string {
  const [, days = '', time = ''] = /^\+(\d{1,4})d[ T](\d{2}:\d{2}(?::\d{2})?)$/.exec(cell) ?? [];
  if (time === '') return cell.replace(' ', 'T');
  if (!IANAZone.isValidZone(timezone)) return cell;
  const day = DateTime.fromJSDate(now, { zone: timezone }).plus({ days: Number(days) });
  return `${day.toISODate()}T${time}`;
}
