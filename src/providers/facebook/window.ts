import type { HandoverWindow } from '../provider.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/**
 * When Facebook's scheduler takes a post. Meta's reference says 75 days, its guide 30, and clients
 * that ran into refusals hold to 29.
 */
export const handoverWindow: HandoverWindow = {
  minAheadMs: 10 * minuteMs,
  maxAheadMs: 75 * dayMs,
  certainAheadMs: 29 * dayMs,
};
