import { z } from 'zod';
import {
  type AnswerEntry,
  type AttemptState,
  appendEvidence,
  type EvidenceEntry,
} from '../attempts/attempt.ts';
import type { Database, Sql } from '../db/client.ts';
import type { ErrorRecord } from '../errors.ts';
import { isPausedSql } from '../integrations/pause-store.ts';
import type { PostStatus, Waiting } from '../posts/post.ts';
import type { PostRow } from '../posts/row.ts';
import {
  changePosts,
  type PostChange,
  type PostFields,
  setWaiting,
  writePost,
} from '../posts/store.ts';
import type { CallRecord, PublishMode } from '../providers/content.ts';
import { contentSchema } from '../providers/content.ts';

/** SQL: an integration `i` that the provider can be asked about now. */
const isUsable = `i.status = 'active' AND (i.held_until IS NULL OR i.held_until <= statement_timestamp())
  AND NOT ${isPausedSql}`;

/** SQL: one that an older version of this program left without a moment is due at once. */
const isDue = `a.state = 'unknown'
  AND (a.look_at <= statement_timestamp() OR (a.look_at IS NULL AND a.evidence = '[]'))`;

/**
 * Unknown attempts that are to be looked for; each is due again an interval later, should its job be lost. Accounts
 * take turns, and those that cannot be asked are passed over without losing anything.
 */
export async function claimLooks(
  sql: Sql,
  { limit, intervalMs }: { readonly limit: number; readonly intervalMs: number },
): Promise<readonly { readonly postId: string; readonly lookAt: Date }[]> {
  return sql.query({
    name: 'attempts_claim_looks',
    isPlannedAnew: true,
    text: `WITH turns AS MATERIALIZED (
             SELECT a.id FROM social_publisher.publish_attempts a
             JOIN social_publisher.integrations i ON i.id = a.integration_id
             WHERE ${isDue} AND ${isUsable}
             ORDER BY row_number() OVER (PARTITION BY a.integration_id ORDER BY a.look_at, a.id), a.look_at
             LIMIT $1
           ), mine AS MATERIALIZED (
             SELECT a.id FROM social_publisher.publish_attempts a JOIN turns USING (id)
             WHERE ${isDue} FOR UPDATE OF a SKIP LOCKED
           )
           UPDATE social_publisher.publish_attempts a
           SET look_at = clock_timestamp() + $2 * interval '1 millisecond'
           FROM mine WHERE a.id = mine.id RETURNING a.post_id AS "postId", a.look_at AS "lookAt"`,
    values: [limit, intervalMs],
  });
}

/** What an unknown attempt is judged by, besides its post's row. */
export interface UnknownAttempt {
  readonly id: string;
  readonly looks: number;
  /** When it is looked for next; null: only a person's wish brings a look. */
  readonly lookAt: Date | null;
  readonly evidence: unknown;
  readonly error: ErrorRecord | null;
  /** Since when it is unknown. */
  readonly settledAt: Date;
  /** Attempts since the post was last approved that were taken for absent. */
  readonly resends: number;
  readonly resend: boolean;
  readonly whenUnknown: 'send_again' | 'ask';
  /** What was to be revealed; null: it was sent in one step. */
  readonly hiddenId: string | null;
  readonly mode: PublishMode;
  readonly sentAt: Date;
}

/** Null when nothing about the post is unknown any more. */
export async function loadUnknown(sql: Sql, postId: string): Promise<UnknownAttempt | null> {
  const [row] = await sql.query<UnknownAttempt>({
    name: 'attempts_load_unknown',
    text: `SELECT a.id, a.looks, a.look_at AS "lookAt", a.evidence, a.error, coalesce(a.settled_at, a.sent_at) AS "settledAt",
             (SELECT count(*)::int FROM social_publisher.publish_attempts e
              WHERE e.post_id = p.id AND e.state = 'abandoned' AND e.sent_at >= p.approved_at) AS resends,
             p.resend, t.when_unknown AS "whenUnknown", a.hidden_id AS "hiddenId", a.mode, a.sent_at AS "sentAt"
           FROM social_publisher.publish_attempts a
           JOIN social_publisher.social_posts p ON p.id = a.post_id
           JOIN social_publisher.tenants t ON t.id = p.tenant_id
           JOIN social_publisher.integrations i ON i.id = p.integration_id
           WHERE a.post_id = $1 AND a.state = 'unknown'`,
    values: [postId],
  });
  return row ?? null;
}

/** What a look, or a person, makes of an unknown attempt and its post. */
export interface UnknownChange {
  readonly attemptId: string;
  /** As it was read: one that was looked for by somebody else meanwhile is left alone. Null: whatever it is. */
  readonly looksBefore: number | null;
  readonly state: Extract<AttemptState, 'unknown' | 'confirmed' | 'abandoned' | 'rejected'>;
  readonly looks: number;
  /** From now; null: it is looked for no more. */
  readonly lookInMs: number | null;
  /** It is sent again: when to look whether the first one came after all. */
  readonly recheckInMs?: number;
  readonly externalId: string | null;
  readonly evidence: EvidenceEntry;
  readonly calls: readonly CallRecord[];
  readonly post: PostChange;
}

/** Attempt, post and event in one transaction. False: it is no longer as it was read. */
export async function changeUnknown(db: Database, change: UnknownChange): Promise<boolean> {
  return db.transaction(async (tx) => {
    // The post first, as everybody who touches both does.
    await tx.query({
      name: 'attempts_lock_post',
      text: 'SELECT 1 FROM social_publisher.social_posts WHERE id = $1 FOR UPDATE',
      values: [change.post.id],
    });
    const rows = await tx.query<{ id: string }>({
      name: 'attempts_change_unknown',
      text: `UPDATE social_publisher.publish_attempts a
             SET state = $2, looks = $3, look_at = clock_timestamp() + $4 * interval '1 millisecond',
               external_id = $5, evidence = ${appendEvidence('$6')}, calls = a.calls || $7::jsonb,
               recheck_at = clock_timestamp() + $9::int * interval '1 millisecond',
               settled_at = CASE WHEN $2 = 'unknown' THEN a.settled_at ELSE clock_timestamp() END,
               error = CASE WHEN $2 = 'confirmed' THEN NULL ELSE a.error END
             WHERE a.id = $1 AND a.state = 'unknown' AND ($8::int IS NULL OR a.looks = $8) RETURNING a.id`,
      values: [
        change.attemptId,
        change.state,
        change.looks,
        change.lookInMs,
        change.externalId,
        JSON.stringify(change.evidence),
        JSON.stringify(change.calls),
        change.looksBefore,
        change.recheckInMs ?? null,
      ],
    });
    if (rows.length === 0) return false;
    await changePosts(tx, [change.post]);
    return true;
  });
}

/** A person has said of an attempt of this post that it made nothing. */
export async function wasAnsweredAbsent(sql: Sql, postId: string): Promise<boolean> {
  const rows = await sql.query<{ id: string }>({
    text: `SELECT id FROM social_publisher.publish_attempts
           WHERE post_id = $1 AND evidence @> '[{"answer": "absent"}]' LIMIT 1`,
    values: [postId],
  });
  return rows.length === 1;
}

/** Says once what an unknown post waits for, where its look could not even begin. */
export async function explainLookWaits(sql: Sql, postId: string, waiting: Waiting): Promise<void> {
  await setWaiting(sql, {
    name: 'posts_tell_look_waits',
    posts: `SELECT p.id, $2::jsonb AS waiting FROM social_publisher.social_posts p
            WHERE p.id = $1 AND p.status = 'unknown' AND p.waiting ->> 'reason' IS DISTINCT FROM $3 FOR UPDATE`,
    values: [postId, JSON.stringify(waiting), waiting.reason],
  });
}

/** Posts whose account cannot be asked say so instead of a moment that has passed. */
export async function explainHeldLooks(sql: Sql): Promise<void> {
  await setWaiting(sql, {
    name: 'posts_tell_held_looks',
    posts: `SELECT p.id, jsonb_build_object(
              'reason', CASE WHEN i.status <> 'active' THEN 'integration' WHEN ${isPausedSql} THEN 'paused'
                ELSE 'meta_limit' END,
              'until', to_char(CASE WHEN i.status = 'active' AND NOT ${isPausedSql} THEN i.held_until END
                AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
              'text', 'The network may have created this post. It cannot be looked for there at the moment; it goes on by itself.')
              AS waiting
            FROM social_publisher.publish_attempts a
            JOIN social_publisher.integrations i ON i.id = a.integration_id
            JOIN social_publisher.social_posts p ON p.id = a.post_id
            WHERE ${isDue} AND NOT (${isUsable})
              AND p.status = 'unknown' AND p.waiting ->> 'reason' IN ('reconcile', 'budget')
            ORDER BY p.id LIMIT 500 FOR UPDATE OF p SKIP LOCKED`,
  });
}

/** An effect can be that late at Meta. */
export const firstRecheckMs = 15 * 60_000;
const lastRecheck = `interval '2 hours'`;

/** Attempts that were sent again and are due for one more look; each is due again, should its job be lost. */
export async function claimRechecks(
  sql: Sql,
  limit: number,
): Promise<readonly { readonly postId: string; readonly attemptId: string; readonly at: Date }[]> {
  return sql.query({
    name: 'attempts_claim_rechecks',
    text: `WITH mine AS MATERIALIZED (
             SELECT a.id FROM social_publisher.publish_attempts a
             JOIN social_publisher.integrations i ON i.id = a.integration_id
             WHERE a.recheck_at <= statement_timestamp() AND ${isUsable}
             ORDER BY a.recheck_at LIMIT $1 FOR UPDATE OF a SKIP LOCKED
           )
           UPDATE social_publisher.publish_attempts a SET recheck_at = clock_timestamp() + interval '15 minutes'
           FROM mine WHERE a.id = mine.id
           RETURNING a.post_id AS "postId", a.id AS "attemptId", a.recheck_at AS at`,
    values: [limit],
  });
}

const recheckSchema = z.object({
  content: contentSchema,
  mode: z.enum(['draft', 'schedule', 'publish']),
  scheduledAt: z.date().nullable(),
  staged: z.array(z.looseObject({ id: z.string() })),
  externalId: z.string(),
  publishUrl: z.string().nullable(),
});
export type Recheck = z.output<typeof recheckSchema>;

/** Null: nothing of the post is at its network, so that there cannot be two. */
export async function loadRecheck(sql: Sql, attemptId: string): Promise<Recheck | null> {
  const [row] = await sql.query({
    name: 'attempts_load_recheck',
    text: `SELECT a.content, a.mode, a.scheduled_at AS "scheduledAt", a.staged,
             p.external_id AS "externalId", p.publish_url AS "publishUrl"
           FROM social_publisher.publish_attempts a JOIN social_publisher.social_posts p ON p.id = a.post_id
           WHERE a.id = $1 AND a.state = 'abandoned' AND p.external_id IS NOT NULL`,
    values: [attemptId],
  });
  return row === undefined ? null : recheckSchema.parse(row);
}

/** What one more look has shown: nothing, and it may come again until two hours have gone by; or another post. */
export async function writeRecheck(
  db: Database,
  attemptId: string,
  result: {
    readonly evidence: EvidenceEntry;
    readonly calls: readonly CallRecord[];
    /** A person is told: it is over. */
    readonly post: PostChange | null;
  },
): Promise<void> {
  await db.transaction(async (tx) => {
    if (result.post !== null) await changePosts(tx, [result.post]);
    await tx.query({
      name: 'attempts_write_recheck',
      text: `UPDATE social_publisher.publish_attempts a
             SET calls = a.calls || $2::jsonb, evidence = ${appendEvidence('$3')},
               recheck_at = CASE WHEN $4 OR a.settled_at + ${lastRecheck} <= clock_timestamp() THEN NULL
                 ELSE a.settled_at + ${lastRecheck} END
             WHERE a.id = $1`,
      values: [
        attemptId,
        JSON.stringify(result.calls),
        JSON.stringify(result.evidence),
        result.post !== null,
      ],
    });
  });
}

/** What a person found of a post that its network took, and that looks then found otherwise than it should be. */
export type HeldAnswer =
  | { readonly outcome: 'live'; readonly externalId: string }
  | { readonly outcome: 'absent' };

interface HeldEnd {
  readonly to: PostStatus;
  readonly set: PostFields;
  /** The confirmed attempt came to nothing: the post may be sent again, after a look. */
  readonly reopens: boolean;
}

/** Null: there is nothing to answer. False: the post is no longer as it was read. */
export async function resolveHeld(
  db: Database,
  post: PostRow,
  answer: HeldAnswer,
): Promise<boolean | null> {
  const end = endOf(post, answer);
  if (end === null) return null;
  const { id, version, status: from, change } = post;
  return db.transaction(async (tx) => {
    const { to, set } = end;
    if (!(await writePost(tx, { id, version, from: [from], expects: { change }, to, set })))
      return false;
    await writeAnswer(tx, post, answer, end.reopens);
    return true;
  });
}

const attentionShape = z.looseObject({ reason: z.string() });

function endOf(post: PostRow, answer: HeldAnswer): HeldEnd | null {
  const reason = attentionShape.safeParse(post.attention).data?.reason;
  if (answer.outcome === 'absent') return absent(post, reason);
  return answer.externalId === post.external_id ? live(post, reason) : null;
}

function live(
  { status, scheduled_at: dueAt }: PostRow,
  reason: string | undefined,
): HeldEnd | null {
  if (reason === 'visible_unexpectedly' || reason === 'not_found' || reason === 'duplicate_found') {
    return { to: status, set: { attention: null }, reopens: false };
  }
  if (reason !== 'vanished') return null;
  const times = dueAt === null ? {} : { publishedAt: dueAt };
  return { to: 'published', set: { attention: null, verifyAt: null, ...times }, reopens: false };
}

/** What was to go out and did not can be retried; what a person took away on purpose is called off. */
function absent({ status }: PostRow, reason: string | undefined): HeldEnd | null {
  const closed = { attention: null, verifyAt: null } as const;
  if (reason === 'visible_unexpectedly' || reason === 'deleted_at_provider') {
    return { to: 'cancelled', set: closed, reopens: false };
  }
  if (reason !== 'vanished' && reason !== 'not_found') return null;
  if (status === 'published') return { to: status, set: closed, reopens: false };
  return { to: 'missed', set: { ...closed, ...forgotten }, reopens: true };
}

const forgotten = { externalId: null, publishUrl: null, missingAt: null } as const;

async function writeAnswer(
  tx: Sql,
  post: PostRow,
  { outcome }: HeldAnswer,
  reopens: boolean,
): Promise<void> {
  const entry: AnswerEntry = {
    answered_at: new Date().toISOString(),
    answer: outcome,
    external_id: post.external_id,
    dismissed: [],
  };
  await tx.query({
    name: 'attempts_answer_held',
    text: `UPDATE social_publisher.publish_attempts a SET evidence = ${appendEvidence('$2')},
             state = CASE WHEN $3 THEN 'abandoned' ELSE a.state END
           WHERE a.post_id = $1 AND a.state = 'confirmed'`,
    values: [post.id, JSON.stringify(entry), reopens],
  });
}
