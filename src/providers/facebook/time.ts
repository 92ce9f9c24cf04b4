import { z } from 'zod';

/** Graph's times: `2026-11-20T04:05:47+0000`, without a colon in the zone, or unix seconds. */
export const graphTime = z
  .union([z.string(), z.number()])
  .nullish()
  .catch(null)
  .transform((value) => (value === null || value === undefined ? null : parseTime(value)));

/** Rounded up, so that no post goes out before its time. */
export function unixSeconds(at: Date): number {
  return Math.ceil(at.getTime() / 1000);
}

function parseTime(value: string | number): Date | null {
  const date = /^\d+$/.test(String(value))
    ? new Date(Number(value) * 1000)
    : parseText(String(value));
  return Number.isNaN(date.getTime()) ? null : date;
}

function parseText(text: string): Date {
  return new Date(text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
}
