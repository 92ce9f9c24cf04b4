import { z } from 'zod';
import type { PublishMode } from '../providers/content.ts';

export const postStatuses = [
  'draft',
  'in_review',
  'approved',
  'queued',
  'publishing',
  'published',
  'scheduled',
  'drafted',
  'failed',
  'unknown',
  'missed',
  'cancelled',
] as const;
export type PostStatus = (typeof postStatuses)[number];

const atNetwork = ['published', 'scheduled', 'drafted'] as const;

/**
 * Where a post may go. `author`: what whoever writes its status makes of it, by HTTP or by SQL; the table's trigger
 * says the same. `wishes`: it stays as it is, and a worker does what is asked, or a look ends it. `program`: where our
 * own writes bring it, also after an answer that came late, or a look at what a restored database does not know.
 */
export const transitions = {
  draft: { author: ['in_review', 'approved', 'cancelled'], wishes: [], program: atNetwork },
  in_review: { author: ['draft', 'approved', 'cancelled'], wishes: [], program: atNetwork },
  approved: {
    author: ['draft', 'in_review', 'cancelled'],
    wishes: [],
    program: ['queued', 'failed', 'missed', 'unknown', ...atNetwork],
  },
  queued: {
    author: ['draft', 'in_review', 'cancelled'],
    wishes: [],
    program: ['publishing', 'approved', 'failed', 'missed', 'unknown', ...atNetwork],
  },
  publishing: {
    author: ['draft', 'in_review', 'cancelled'],
    wishes: [],
    program: ['approved', 'failed', 'missed', 'unknown', ...atNetwork],
  },
  // A person says that one which should not be visible is gone from the network.
  published: { author: [], wishes: [], program: ['cancelled'] },
  scheduled: { author: [], wishes: ['cancelled'], program: ['published', 'missed', 'cancelled'] },
  drafted: { author: [], wishes: ['cancelled'], program: ['published', 'missed', 'cancelled'] },
  failed: { author: ['approved', 'cancelled'], wishes: [], program: ['unknown', ...atNetwork] },
  unknown: {
    author: [],
    wishes: ['cancelled'],
    program: ['approved', 'failed', 'missed', 'cancelled', ...atNetwork],
  },
  missed: { author: ['approved', 'cancelled'], wishes: [], program: ['unknown', ...atNetwork] },
  cancelled: { author: [], wishes: [], program: atNetwork },
} as const satisfies Readonly<
  Record<PostStatus, Readonly<Record<'author' | 'wishes' | 'program', readonly PostStatus[]>>>
>;

/** Where the program may bring a post that is `From`. */
export type ProgramMove<From extends PostStatus> = (typeof transitions)[From]['program'][number];

export interface Waiting {
  readonly reason:
    | 'due_time'
    | 'window'
    | 'budget'
    | 'meta_limit'
    | 'media'
    | 'integration'
    | 'reconcile'
    | 'paused';
  /** ISO 8601 in UTC; null where no moment is known (a person must act). */
  readonly until: string | null;
  readonly text: string;
}

export interface Evidence {
  readonly external_id: string;
  readonly url: string | null;
  readonly seen_at: string;
}

/** Everything that a person is asked, or told and must look at; stable, and each with what the API's pages say of it. */
export const attentionReasons = {
  missed: 'It was too late when its turn came, or could not go out in time.',
  missed_window:
    "It was too late for the network's own scheduler, and its tenant does not publish by itself.",
  outside_window: 'Asked for too near for the network to schedule: it is a draft there.',
  visible_unexpectedly:
    'The network shows as public what was sent as a draft or with a later time.',
  unknown_outcome:
    'An answer was lost an hour ago, and no look could tell since; it is still looked for.',
  ambiguous: 'An answer was lost, and what is on the page may be this post.',
  unprovable: 'An answer was lost, and no look at the page can tell whether the post is there.',
  proven_absent:
    'An answer was lost and the post is not there; its tenant wants to be asked before it is sent again.',
  resend_limit: 'Its answers were lost as often as RESEND_LIMIT allows; it is not there.',
  said_duplicate:
    'An answer was lost, and the network refuses the post as a duplicate but does not show it.',
  hidden_post_missing:
    'The answer to showing a hidden post was lost, and it is there no more: perhaps a person deleted it, before or after it was seen.',
  found_earlier_attempt: 'What an earlier attempt made is on the page.',
  duplicate_found:
    'It was proven absent and sent again, and the first one came after all: one is too many.',
  restored_ambiguous:
    'Since the database was restored or moved: a post like this one is on the page.',
  not_live: 'The network did not show it at its time.',
  not_found: 'The network does not show it, and never has: the token may not see it.',
  vanished: 'It is gone: deleted by a person, or lost by the network.',
  deleted_at_provider: 'A person deleted it on the network before its time.',
} as const;
export type AttentionReason = keyof typeof attentionReasons;

export interface Attention {
  readonly reason: AttentionReason;
  readonly since: string;
  readonly text: string;
  readonly who: 'author' | 'tenant_admin' | 'operator';
  readonly evidence: readonly Evidence[];
  /** What a person can answer: `approve`, `cancel`, `retry`, `resolve_live`, `resolve_absent`. */
  readonly choices: readonly string[];
}

/** The mode that was asked for, or follows from the due time (design: a post's life). */
export function requestedMode(post: {
  publishMode: PublishMode | null;
  scheduledAt: Date | null;
}): PublishMode {
  return post.publishMode ?? (post.scheduledAt === null ? 'draft' : 'schedule');
}

const record = z.record(z.string(), z.unknown());
const shared = {
  state: z.enum(['pending', 'done', 'refused']),
  error: record.nullish().transform((error) => error ?? null),
  requested_at: z.string(),
  settled_at: z.string().optional(),
};

/**
 * The column `change`: what an author wants done with a post that its provider holds. `requested_at` makes each one
 * its own, so that a worker cannot settle another than the one it carried out.
 */
const changeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('cancel'), ...shared }),
  z.object({
    kind: z.literal('edit'),
    ...shared,
    /** Absent stays as it is. */
    message: z.string().nullable().optional(),
    scheduled_at: z.iso.datetime().optional(),
    /** The wall time that `scheduled_at` was given with. */
    scheduled_local: z.string().nullish(),
    timezone: z.string().nullish(),
  }),
]);

export type Change = z.output<typeof changeSchema>;
export type Edit = Extract<Change, { kind: 'edit' }>;

/** Null where there is none, or none that is still to be made. */
export function pendingChange(column: unknown): Change | null {
  const parsed = changeSchema.safeParse(column);
  return parsed.success && parsed.data.state === 'pending' ? parsed.data : null;
}

/** As the trigger of the table notes it when the status `cancelled` is asked for. */
export function pendingCancel(now: Date): Change {
  return { kind: 'cancel', state: 'pending', error: null, requested_at: now.toISOString() };
}

/** A post that is due sooner belongs to its provider: Meta refuses changes from three minutes before. */
export const untouchableMs = 5 * 60_000;
/** Meta publishes at or soon after the time; what is still not live then can be called off. */
const untouchableAfterMs = 10 * 60_000;

/** Whether a post due then may go live at any moment, or just did; in SQL `is_untouchable`. */
export function isUntouchable(dueAt: Date | null, now: Date): boolean {
  if (dueAt === null) return false;
  const aheadMs = dueAt.getTime() - now.getTime();
  return aheadMs < untouchableMs && aheadMs > -untouchableAfterMs;
}
