import { z } from 'zod';
import type { Database, Sql } from '../db/client.ts';
import type { ErrorRecord } from '../errors.ts';
import { isPausedSql } from '../pauses/store.ts';
import {
  mediaItemSchema,
  type PostContent,
  type PublishMode,
  type Waiting,
} from '../posts/post.ts';
import { waitForLook } from '../posts/recovery.ts';
import { changePosts, type PostChange, setWaiting, updatePosts } from '../posts/store.ts';
import type { AttemptState, CallRecord } from './attempt.ts';
import { appendEvidence, type EvidenceEntry } from './evidence.ts';
import type { Window } from './search.ts';

const contentSchema = z.object({
  message: z.string().nullable(),
  link: z.string().nullable(),
  media: z.array(mediaItemSchema),
});

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

/** The calls that one look is for. */
export interface SentCalls {
  readonly windows: readonly Window[];
  /** False: the attempt stands for calls that a lost database knew; its window is a guess. */
  readonly areOwn: boolean;
  /** How far the database's clock, which the windows are told by, is ahead of this machine's. */
  readonly databaseAheadMs: number;
}

/** Of this attempt, and of those of the same content that were taken for absent on the way to it. */
export async function readCalls(sql: Sql, attemptId: string): Promise<SentCalls> {
  const rows = await sql.query<Window & { readonly isOwn: boolean; readonly now: Date }>({
    name: 'attempts_read_calls',
    text: `SELECT e.sent_at AS "from", coalesce(e.owned_until, e.settled_at, clock_timestamp()) AS until,
             e.owned_until IS NOT NULL AS "isOwn", clock_timestamp() AS now
           FROM social_publisher.publish_attempts a
           JOIN social_publisher.publish_attempts e ON e.post_id = a.post_id AND e.content_hash = a.content_hash
           WHERE a.id = $1 AND e.sent_at IS NOT NULL
             AND (e.id = a.id OR (e.state = 'abandoned' AND e.hidden_id IS NULL AND e.sent_at > a.sent_at - interval '1 day'))
           ORDER BY e.sent_at`,
    values: [attemptId],
  });
  const now = rows[0]?.now ?? new Date();
  return {
    windows: rows.map(({ from, until }) => ({ from, until })),
    areOwn: rows.every(({ isOwn }) => isOwn),
    databaseAheadMs: now.getTime() - Date.now(),
  };
}

/** When the account last showed a post of ours that is public, of the tenant's newest ones; null: not lately. */
export async function readLastShownAt(
  sql: Sql,
  post: { readonly tenantId: string; readonly integrationId: string },
): Promise<Date | null> {
  const [row] = await sql.query<{ readonly at: Date | null }>({
    name: 'attempts_read_last_shown_at',
    text: `SELECT max(x.published_at) AS at FROM (
             SELECT p.integration_id, p.status, p.published_at FROM social_publisher.social_posts p
             WHERE p.tenant_id = $1 ORDER BY p.id DESC LIMIT 1000) x
           WHERE x.integration_id = $2 AND x.status = 'published' AND x.published_at > now() - interval '7 days'`,
    values: [post.tenantId, post.integrationId],
  });
  return row?.at ?? null;
}

/** Another post that may appear on the account at any moment. */
export interface Rival {
  readonly id: string;
  readonly content: PostContent;
  readonly mode: PublishMode;
  readonly scheduledAt: Date | null;
  readonly staged: readonly { readonly id: string }[];
  readonly window: Window;
}

const rivalSchema = z.object({
  id: z.string(),
  content: contentSchema,
  mode: z.enum(['draft', 'schedule', 'publish']),
  scheduledAt: z.date().nullable(),
  staged: z.array(z.looseObject({ id: z.string() })),
  from: z.date(),
  until: z.date(),
});

export async function readRivals(
  sql: Sql,
  post: { readonly id: string; readonly provider: string; readonly externalAccountId: string },
): Promise<readonly Rival[]> {
  const rows = await sql.query({
    name: 'attempts_read_rivals',
    text: `SELECT a.post_id AS id, a.content, a.mode, a.scheduled_at AS "scheduledAt", a.staged, a.sent_at AS "from",
             coalesce(a.owned_until, a.sent_at) AS until
           FROM social_publisher.publish_attempts a
           JOIN social_publisher.integrations i ON i.id = a.integration_id
           WHERE i.provider = $2 AND i.external_account_id = $3 AND a.post_id <> $1
             AND a.hidden_id IS NULL
             AND (a.state = 'sent' OR (a.state = 'unknown' AND a.look_at IS NOT NULL)) LIMIT 500`,
    values: [post.id, post.provider, post.externalAccountId],
  });
  return z
    .array(rivalSchema)
    .parse(rows)
    .map(({ from, until, ...rival }) => ({ ...rival, window: { from, until } }));
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

/**
 * The next look comes at once, and if it proves the post absent a person has decided that it is sent again. False: no
 * attempt of it is unknown.
 */
export async function lookNow(
  db: Database,
  postId: string,
  entry: EvidenceEntry,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    await tx.query({
      text: `${updatePosts} resend = true, attention = NULL,
               waiting = $2 WHERE id = $1 AND status = 'unknown'`,
      values: [postId, JSON.stringify(waitForLook(new Date()))],
    });
    const rows = await tx.query({
      text: `UPDATE social_publisher.publish_attempts a
             SET look_at = clock_timestamp(), evidence = ${appendEvidence('$2')}
             WHERE a.post_id = $1 AND a.state = 'unknown' RETURNING a.id`,
      values: [postId, JSON.stringify(entry)],
    });
    return rows.length === 1;
  });
}

/** Says once what an unknown post waits for, where its look could not even begin. */
export async function tellLookWaits(sql: Sql, postId: string, waiting: Waiting): Promise<void> {
  await setWaiting(sql, {
    name: 'posts_tell_look_waits',
    posts: `SELECT p.id, $2::jsonb AS waiting FROM social_publisher.social_posts p
            WHERE p.id = $1 AND p.status = 'unknown' AND p.waiting ->> 'reason' IS DISTINCT FROM $3 FOR UPDATE`,
    values: [postId, JSON.stringify(waiting), waiting.reason],
  });
}

/** Posts whose account cannot be asked say so instead of a moment that has passed. */
export async function tellHeldLooks(sql: Sql): Promise<void> {
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
