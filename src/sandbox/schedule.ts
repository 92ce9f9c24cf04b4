import { invalidParameter } from './graph-error.ts';
import type { Page } from './model.ts';
import { weatherOf } from './weather.ts';
import type { World } from './world.ts';

const minimumMs = 10 * 60_000;
const dayMs = 86_400_000;
const unitMs: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: dayMs,
  week: 7 * dayMs,
};

/** Reads `scheduled_publish_time` (unix seconds, ISO 8601, `+2 weeks`) and holds it to the window. */
export function scheduleTime(world: World, page: Page, given: string): number {
  const now = world.clock.now();
  const days = weatherOf(world, page).window_days ?? page.maxScheduleDays;
  const at = parseTime(given, now);
  if (at === null || at < now + minimumMs || at > now + days * dayMs) {
    throw invalidParameter('The specified scheduled publish time is invalid');
  }
  return at;
}

/** Milliseconds since 1970, to whole seconds as Meta keeps them; null where it is no time. */
export function parseTime(given: string, now: number): number | null {
  const text = given.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const relative = /^\+\s*(\d+)\s*(second|minute|hour|day|week)s?$/i.exec(text);
  if (relative !== null) {
    const unit = unitMs[(relative[2] ?? '').toLowerCase()] ?? Number.NaN;
    return wholeSecond(now + Number(relative[1]) * unit);
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return null;
  const at = Date.parse(text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
  return Number.isNaN(at) ? null : wholeSecond(at);
}

function wholeSecond(at: number): number {
  return Math.floor(at / 1000) * 1000;
}
