import { z } from 'zod';
import type { ErrorRecord } from '../errors.ts';
import type { SealedAccount } from '../integrations/account.ts';
import type { Hold } from '../integrations/integration.ts';
import type { PostStatus } from '../posts/post.ts';
import {
  callRecordSchema,
  contentSchema,
  mediaItemSchema,
  type PostContent,
  type PublishMode,
  type StagedMedium,
  stagedMediaSchema,
} from '../providers/content.ts';
import { type AttemptState, attemptStates } from './attempt.ts';

/** Everything a worker needs to judge and publish one post, read in one statement. */
export interface PublishRow extends SealedAccount {
  readonly id: string;
  readonly tenantId: string;
  readonly integrationId: string;
  readonly provider: string;
  readonly status: PostStatus;
  readonly version: number;
  readonly run: number;
  readonly tries: number;
  readonly message: string | null;
  readonly link: string | null;
  readonly appendLink: boolean;
  readonly media: unknown;
  readonly publishMode: PublishMode | null;
  readonly scheduledAt: Date | null;
  readonly approvedAt: Date;
  readonly autoPublish: boolean;
  readonly lateLimitS: number;
  readonly integrationStatus: string;
  /** What moved it out of `active`. */
  readonly integrationError?: ErrorRecord | null;
  readonly nearWindowUntil: Date | null;
  readonly isTooNear: boolean;
  /** Of the integration, see `providers/capabilities.ts`. */
  readonly capabilities: unknown;
  /** The account may not be called before then. */
  readonly heldUntil: Date | null;
  /** Why; null: a limit of its provider. */
  readonly heldFor?: Hold | null;
  /** The provider has not answered the last calls of this account. */
  readonly isAiling?: boolean;
  /** When the post failed last; null: never, since it was approved. */
  readonly failedAt?: Date | null;
  /** The attempt that rests as `prepared`, of whichever version. */
  readonly prepared: unknown;
  /** Hidden posts of earlier attempts that were to be revealed: [{attemptId, hiddenId}]. */
  readonly earlierHidden: unknown;
  /** When the first attempt was sent that this post ever had, whatever its end. */
  readonly firstSentAt: Date | null;
  /** What the last sent attempt carried, for a look at the provider. */
  readonly lastSent: unknown;
  /** Posts at the provider that a person has seen and does not take for this one. */
  readonly dismissed: readonly string[];
  /** The database's clock. */
  readonly now: Date;
}

const stagedIds = z
  .array(z.looseObject({ id: z.string() }))
  .nullable()
  .transform((media) => (media ?? []).map(({ id }) => id));

/** Of the column, which is null where a post has no attempt. */
export function stagedIdsOf(staged: unknown): readonly string[] {
  return stagedIds.parse(staged);
}

const sentAttempt = z.object({
  id: z.string(),
  state: z.enum(attemptStates),
  version: z.number(),
  sentAt: z.coerce.date(),
  ownedUntil: z.coerce.date().nullable(),
  isDropping: z.boolean(),
  content: contentSchema,
  mode: z.enum(['draft', 'schedule', 'publish']),
  staged: stagedMediaSchema,
  scheduledAt: z.string().nullable(),
});

export interface SentBefore {
  readonly attemptId: string;
  /** `abandoned`: its outcome was unknown until looks proved it absent. */
  readonly state: AttemptState;
  readonly version: number;
  readonly sentAt: Date;
  /** Until then the call can have had its effect. */
  readonly ownedUntil: Date;
  /** Its staged media are being deleted. */
  readonly isDropping: boolean;
  readonly content: PostContent;
  readonly mode: PublishMode;
  readonly staged: readonly StagedMedium[];
  readonly scheduledAt: Date | null;
  readonly firstSentAt: Date;
}

export function sentBefore(row: PublishRow): SentBefore | null {
  if (row.firstSentAt === null) return null;
  const { id: attemptId, scheduledAt, ownedUntil, ...sent } = sentAttempt.parse(row.lastSent);
  return {
    ...sent,
    attemptId,
    ownedUntil: ownedUntil ?? sent.sentAt,
    scheduledAt: scheduledAt === null ? null : new Date(scheduledAt),
    firstSentAt: row.firstSentAt,
  };
}

const preparedAttempt = z.object({
  id: z.string(),
  version: z.number(),
  mode: z.enum(['draft', 'schedule', 'publish']),
  staged: stagedMediaSchema,
  hiddenId: z.string().nullable(),
  hiddenAt: z.coerce.date().nullable(),
  /** A call that makes the hidden post was begun, and nobody has its answer. */
  isCreating: z.boolean(),
  calls: z.array(callRecordSchema),
  booked: z.number(),
  reserved: z.number(),
});

export type PreparedAttempt = z.output<typeof preparedAttempt>;

/** The attempt that rests, if it is of the post's present content. */
export function preparedBefore(row: PublishRow): PreparedAttempt | null {
  if (row.prepared === null) return null;
  const prepared = preparedAttempt.parse(row.prepared);
  return prepared.version === row.version ? prepared : null;
}

const hiddenAttempts = z.array(z.object({ attemptId: z.string(), hiddenId: z.string() }));

export function earlierHidden(row: PublishRow): z.output<typeof hiddenAttempts> {
  return row.earlierHidden === null ? [] : hiddenAttempts.parse(row.earlierHidden);
}

/** Media of an attempt that is proven absent: the next one shows with the very same ids, or is refused. */
export function provenStaged(row: PublishRow): readonly StagedMedium[] {
  const before = sentBefore(row);
  if (before === null || before.isDropping) return [];
  return before.state === 'abandoned' && before.version === row.version ? before.staged : [];
}

/** The text that goes out: with `appendLink` it ends with the link, unless it holds it already. */
export function textOf({ message, link, appendLink }: PostText): string | null {
  if (!appendLink || !link || message?.includes(link) === true) return message;
  return message?.trim() ? `${message.trimEnd()}\n\n${link}` : link;
}

export interface PostText {
  readonly message: string | null;
  readonly link: string | null;
  /** The link stands in the text, and is not sent as a link of its own. */
  readonly appendLink: boolean;
}

/** What a row would send, or what is wrong with its media: a calendar writes that column itself. */
export function readContent(
  row: PostText & {
    readonly media: unknown;
  },
): { readonly content: PostContent; readonly problem: MediaProblem | null } {
  const parsed = z.array(mediaItemSchema).safeParse(row.media);
  const link = row.appendLink ? null : row.link;
  const content = { message: textOf(row), link, media: parsed.data ?? [] };
  const [issue] = parsed.error?.issues ?? [];
  if (issue === undefined) return { content, problem: null };
  const path = issue.path.map((part) =>
    typeof part === 'number' ? `[${part}]` : `.${String(part)}`,
  );
  return { content, problem: { path: `media${path.join('')}`, message: issue.message } };
}

export interface MediaProblem {
  readonly path: string;
  readonly message: string;
}
