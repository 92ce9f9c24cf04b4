import type { AccountUsage } from '../providers/provider.ts';

/** From here on the calls of an account are spread; from `readsStopAt` on only publishing calls. In percent. */
export const slowFrom = 75;
export const readsStopAt = 90;
/** What was said longer ago than this says nothing any more: who does not call is not told that it got better. */
export const usageCountsForMs = 15 * 60_000;

const fullWaitMs = 5 * 60_000;
const shortestHoldMs = 1_000;
/** Below this many points a change is no news. */
const newsPoints = 5;
/** News or not, it is written again before it stops counting. */
const renewAfterMs = 5 * 60_000;

/** What one answer says about an account: the fuller of its own budget and the app's. Null: nothing. */
export function percentOf({ percent, appPercent }: AccountUsage): number | null {
  if (percent === null && appPercent === null) return null;
  return Math.round(Math.max(percent ?? 0, appPercent ?? 0));
}

/**
 * How long the account rests after an answer that says so: not at all below 75 %, then a second that doubles every five
 * points, so that the last calls are spread out; at 100 % as long as told, or five minutes. A full app is no reason to
 * stop an account, which has a budget of its own: only Meta's refusal is.
 */
export function restMs(usage: AccountUsage): number {
  if (usage.percent !== null && usage.percent >= 100) return usage.regainMs ?? fullWaitMs;
  const percent = Math.min(100, percentOf(usage) ?? 0);
  if (percent < slowFrom) return 0;
  return shortestHoldMs * 2 ** ((percent - slowFrom) / 5);
}

export interface KnownUsage {
  readonly percent: number;
  readonly writtenAtMs: number;
}

/** Whether it is worth a write: the row is told what changes what we do, and not of every call. */
export function isNews(known: KnownUsage | undefined, percent: number, nowMs: number): boolean {
  if (known === undefined) return true;
  if (nowMs - known.writtenAtMs >= renewAfterMs) return true;
  if (zoneOf(known.percent) !== zoneOf(percent)) return true;
  return Math.abs(percent - known.percent) >= newsPoints;
}

function zoneOf(percent: number): number {
  return [slowFrom, readsStopAt, 100].filter((bound) => percent >= bound).length;
}
