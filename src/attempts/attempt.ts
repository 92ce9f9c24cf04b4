import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { PostContent, PublishMode } from '../posts/post.ts';

export const attemptStates = [
  'prepared',
  'sent',
  'confirmed',
  'rejected',
  'unknown',
  'abandoned',
] as const;
export type AttemptState = (typeof attemptStates)[number];

/** What a call to a provider does there (design: invariant 2). */
export const effects = ['reads', 'stages', 'reveals', 'publishes', 'changes'] as const;
export type Effect = (typeof effects)[number];

/** One call as a person may see it: the path without its query, no secrets; `at` is ISO 8601 in UTC. */
export const callRecordSchema = z.object({
  method: z.string(),
  path: z.string(),
  effect: z.enum(effects),
  /** The HTTP status; null while under way or when no answer came. */
  status: z.number().nullable(),
  at: z.string(),
});
export type CallRecord = Readonly<z.output<typeof callRecordSchema>>;

/** How soon a hidden post is read whose reveal had no answer: a read by id does not lag as lists do. */
export const readHiddenAfterMs = 5_000;

/** A medium that is at the provider but in no post yet. */
export interface StagedMedium {
  readonly index: number;
  readonly id: string;
  /** ISO 8601 in UTC: staged media do not live for ever. */
  readonly at: string;
}

/**
 * Message, link, media, mode and schedule time as one hash. Two posts of the same hash on one account could not be
 * told apart after a lost answer, so they go out one at a time.
 */
export function contentHash(
  content: PostContent,
  mode: PublishMode,
  scheduledAt: Date | null,
): string {
  const message = (content.message ?? '').replaceAll('\r\n', '\n').trim().normalize('NFC');
  const time = mode === 'schedule' ? (scheduledAt?.getTime() ?? null) : null;
  const parts = [message, content.link, content.media.map((item) => item.url), mode, time];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
