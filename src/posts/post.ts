import { z } from 'zod';

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

export const publishModes = ['draft', 'schedule', 'publish'] as const;
export type PublishMode = (typeof publishModes)[number];

export const mediaItemSchema = z.strictObject({
  type: z.enum(['image', 'video']),
  url: z.string().min(1),
  alt_text: z.string().nullish(),
});
export type MediaItem = z.infer<typeof mediaItemSchema>;

/** What goes to the provider. A change of any of it raises the post's version. */
export interface PostContent {
  readonly message: string | null;
  readonly link: string | null;
  readonly media: readonly MediaItem[];
}

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

export interface Attention {
  /** Stable: `outside_window`, `unknown_outcome`, `missed`, `visible_unexpectedly`, … */
  readonly reason: string;
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
