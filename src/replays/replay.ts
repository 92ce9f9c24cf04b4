import { z } from 'zod';
import type { ErrorClass } from '../errors.ts';

/** What can be replayed at all: a post that is where it should be is never sent anew. */
export const replayableStatuses = ['failed', 'missed', 'unknown'] as const;
export type ReplayableStatus = (typeof replayableStatuses)[number];

export interface ReplayFilter {
  readonly tenantId: string | null;
  readonly classes: readonly ErrorClass[] | null;
  readonly statuses: readonly ReplayableStatus[];
  /** Of the due time; without one, of the approval. */
  readonly from: Date | null;
  readonly to: Date | null;
}

export interface ReplayPlan {
  readonly filter: ReplayFilter;
  readonly spreadS: number;
  /** The new due time of the first post; null keeps each post's own, or means now where that has gone by. */
  readonly scheduledAt: Date | null;
}

/** More than this is several replays: an answer about it could not be read by anybody. */
export const mostPosts = 5_000;

export const replayStates = ['running', 'done', 'stopped'] as const;
export const itemStates = ['pending', 'done', 'skipped', 'stopped'] as const;
export type ItemState = (typeof itemStates)[number];

/** What became of one post of a replay. */
export const itemResult = z.looseObject({
  /** Its new due time, where the replay gave one. */
  due_at: z.string().nullish(),
  /** Of the post, after it was acted on. */
  status: z.string().nullish(),
  /** Why it was skipped. */
  reason: z.string().nullish(),
});
export type ItemResult = z.output<typeof itemResult>;

/** When each of so many posts is acted on: evenly over the spread, the first at once. */
export function offsetsMs(count: number, spreadS: number): readonly number[] {
  const step = count > 1 ? (spreadS * 1000) / (count - 1) : 0;
  return Array.from({ length: count }, (_, index) => Math.round(index * step));
}
