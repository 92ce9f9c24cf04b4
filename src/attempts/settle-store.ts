import { type Database, type Sql, sqlState } from '../db/client.ts';
import { durableCommits } from '../db/connection.ts';
import type { ErrorRecord } from '../errors.ts';
import { bookCalls } from '../integrations/budget-store.ts';
import { changePosts, type PostChange, statusOfKnown } from '../posts/store.ts';
import type { CallRecord, StagedMedium } from '../providers/content.ts';
import { type AttemptState, appendEvidence, type EvidenceEntry } from './attempt.ts';
import { withOrphan } from './leftover-store.ts';

/** How long after a worker began to commit `sent` it may still start the call (design: invariant 2). */
export const sendWithinMs = 5_000;

/** An attempt under the run that its worker has it in: a later run is somebody else's. */
export interface OwnAttempt {
  readonly id: string;
  readonly run: number;
}

/**
 * Keeps what was staged, and the calls so far, before the next outside call; `creates` when that call makes the hidden
 * post. False: the attempt is no longer this worker's, its calls are booked, and it may make no more.
 */
export async function saveStaged(
  sql: Sql,
  attempt: OwnAttempt,
  kept: {
    readonly staged: readonly StagedMedium[];
    readonly calls: readonly CallRecord[];
    readonly creates: boolean;
  },
): Promise<boolean> {
  const rows = await sql.query<{ id: string }>({
    name: 'attempts_save_staged',
    text: `UPDATE social_publisher.publish_attempts SET staged = $3, calls = $4,
             creating_at = CASE WHEN $5::boolean THEN clock_timestamp() END
           WHERE id = $1 AND run = $2 AND state = 'prepared' AND NOT resting RETURNING id`,
    values: [
      attempt.id,
      attempt.run,
      JSON.stringify(kept.staged),
      JSON.stringify(kept.calls),
      kept.creates,
    ],
  });
  return rows.length === 1;
}

/** A hidden post whose attempt was taken from its worker meanwhile: it is deleted later. */
export async function saveOrphan(sql: Sql, attemptId: string, hiddenId: string): Promise<void> {
  await sql.query({
    name: 'attempts_save_orphan',
    text: `UPDATE social_publisher.publish_attempts
           SET orphans = orphans || jsonb_build_object('id', $2::text, 'media', '[]'::jsonb)
           WHERE id = $1 AND hidden_id IS DISTINCT FROM $2`,
    values: [attemptId, hiddenId],
  });
}

export type Sent = 'sent' | 'gone' | 'equal_in_flight';

/** What is committed as `sent`, with the hidden post that is to be revealed. */
export interface Sending extends OwnAttempt {
  readonly postId: string;
  readonly version: number;
  readonly hiddenId: string | null;
}

/**
 * `prepared` → `sent`, under the post's row lock: an edit or a cancel that came first has won, one that comes later is
 * refused by the trigger. A tenant that opted out of publishing meanwhile is obeyed. The statement sees to it itself
 * that its commit waits for the disk: behind a pooler no session setting holds.
 */
export async function markSent(sql: Sql, attempt: Sending, timeoutMs: number): Promise<Sent> {
  try {
    const rows = await sql.query<{ id: string }>({
      name: 'attempts_mark_sent',
      text: `WITH durable AS MATERIALIZED (${durableCommits('local')}), post AS (
               SELECT p.id, t.auto_publish, (SELECT count(*) FROM durable) FROM social_publisher.social_posts p
               JOIN social_publisher.tenants t ON t.id = p.tenant_id
               WHERE p.id = $2 AND ${statusOfKnown} = 'publishing' AND p.run = $3 AND p.version = $4 FOR UPDATE OF p
             )
             UPDATE social_publisher.publish_attempts a
             SET state = 'sent', sent_at = clock_timestamp(),
               owned_until = clock_timestamp() + $5 * interval '1 millisecond',
               hidden_id = $6, hidden_at = CASE WHEN $6::text IS NULL THEN NULL
                 WHEN a.hidden_id = $6 THEN a.hidden_at ELSE clock_timestamp() END, creating_at = NULL
             FROM post WHERE a.id = $1 AND a.run = $3 AND a.post_id = post.id AND a.state = 'prepared' AND NOT a.resting
               AND (a.mode <> 'publish' OR post.auto_publish)
               AND NOT EXISTS (SELECT FROM social_publisher.instance WHERE fenced_at IS NOT NULL) RETURNING a.id`,
      values: [
        attempt.id,
        attempt.postId,
        attempt.run,
        attempt.version,
        sendWithinMs + timeoutMs,
        attempt.hiddenId,
      ],
    });
    return rows.length === 1 ? 'sent' : 'gone';
  } catch (error) {
    if (isUniqueViolation(error)) return 'equal_in_flight';
    throw error;
  }
}

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505';
}

/** How an attempt ended, or that it rests as `prepared` with what it staged, and what becomes of its post. */
export interface Settlement {
  readonly attemptId: string;
  readonly run: number;
  readonly state: Exclude<AttemptState, 'sent'>;
  readonly externalId: string | null;
  readonly error: ErrorRecord | null;
  readonly calls: readonly CallRecord[];
  /** Of its calls, those that were booked by earlier runs. */
  readonly booked: number;
  readonly budgetKey: string;
  readonly post: PostChange;
  /** The hidden post, once there is one. */
  readonly hiddenId: string | null;
  /** Of an attempt that rests: the calls that stay set aside for its reveal. */
  readonly keeps?: number;
  /** The answer of the call that makes the hidden post was lost: it may be there, with these photos. */
  readonly isOrphaned?: boolean;
  /** Of an attempt whose outcome is unknown: when it is looked for first. */
  readonly lookAt?: Date;
  /** An earlier attempt of the post about which a look has shown more than its own end did. */
  readonly revives?: Revival;
}

export interface Revival {
  readonly attemptId: string;
  /** `confirmed` with its external id, or `unknown` until a person has answered. */
  readonly state: 'confirmed' | 'unknown';
  readonly externalId: string | null;
  readonly evidence: EvidenceEntry;
}

/**
 * Attempt, post, budget and (by trigger) event in one transaction. False for an attempt that somebody else has
 * settled meanwhile; a confirmation or a proven rejection still replaces `unknown`, because it is knowledge.
 */
export async function settleAttempts(
  db: Database,
  settlements: readonly Settlement[],
): Promise<readonly boolean[]> {
  return db.transaction(async (tx) => {
    const settled = await closeAttempts(tx, settlements);
    const done = settlements.filter((item) => settled.has(item.attemptId));
    await reviveAttempts(
      tx,
      done.flatMap(({ revives }) => (revives === undefined ? [] : [revives])),
    );
    const spendings = done.map(({ budgetKey, calls, booked }) => {
      return { budgetKey, calls: calls.length - booked };
    });
    await Promise.all([
      changePosts(
        tx,
        done.map((item) => item.post),
      ),
      bookCalls(tx, spendings),
    ]);
    return settlements.map((item) => settled.has(item.attemptId));
  });
}

async function closeAttempts(
  tx: Sql,
  settlements: readonly Settlement[],
): Promise<ReadonlySet<string>> {
  const rows = settlements.map((item) => ({
    id: item.attemptId,
    run: item.run,
    state: item.state,
    hidden_id: item.hiddenId,
    reserved: item.keeps ?? 0,
    orphaned: item.isOrphaned ?? false,
    external_id: item.externalId,
    error: item.error,
    calls: item.calls,
    look_at: item.lookAt ?? null,
  }));
  // The posts are locked first, as everybody who touches both does.
  const closed = await tx.query<{ id: string }>({
    name: 'attempts_close',
    text: `WITH x AS MATERIALIZED (
             SELECT * FROM jsonb_to_recordset($1::jsonb)
               AS x (id uuid, run int, state text, hidden_id text, reserved int, orphaned boolean, external_id text,
                 error jsonb, calls jsonb, look_at timestamptz)
           ), posts AS MATERIALIZED (
             SELECT p.id FROM social_publisher.social_posts p
             WHERE p.id = ANY ($2::uuid[]) ORDER BY p.id FOR UPDATE
           )
           UPDATE social_publisher.publish_attempts a
           SET state = x.state, external_id = x.external_id, error = x.error, calls = x.calls, reserved = x.reserved,
             booked = jsonb_array_length(x.calls), resting = x.state = 'prepared', look_at = x.look_at,
             -- The id of one that was deleted stays: the attempt was one of two steps, and no list tells of it.
             hidden_id = coalesce(x.hidden_id, a.hidden_id),
             hidden_at = CASE WHEN x.hidden_id IS NULL THEN NULL WHEN a.hidden_id = x.hidden_id THEN a.hidden_at
               ELSE clock_timestamp() END,
             orphans = CASE WHEN x.orphaned THEN ${withOrphan} ELSE a.orphans END,
             staged = CASE WHEN x.orphaned THEN '[]' ELSE a.staged END, creating_at = NULL,
             settled_at = CASE WHEN x.state <> 'prepared' THEN clock_timestamp() END
           FROM x WHERE a.id = x.id AND a.run = x.run AND (SELECT count(*) FROM posts) >= 0
             AND ((a.state = 'prepared' AND NOT a.resting)
               -- What was refused when it was to be revealed is hidden still: it rests.
               OR (a.state = 'sent' AND (x.state <> 'prepared' OR a.hidden_id IS NOT NULL))
               OR (a.state = 'unknown' AND x.state IN ('confirmed', 'rejected'))
               -- Taken for absent, and then the answer came after all: as long as nothing else was begun.
               OR (a.state = 'abandoned' AND a.sent_at IS NOT NULL AND x.state = 'confirmed'
                 AND a.version = (SELECT p.version FROM social_publisher.social_posts p WHERE p.id = a.post_id)
                 AND NOT EXISTS (SELECT FROM social_publisher.publish_attempts e WHERE e.post_id = a.post_id
                   AND e.state IN ('prepared', 'sent', 'unknown', 'confirmed'))))
           RETURNING a.id`,
    values: [JSON.stringify(rows), settlements.map((item) => item.post.id)],
  });
  return new Set(closed.map((row) => row.id));
}

/** After the attempt that looked was closed: only one of a post may be open. */
async function reviveAttempts(tx: Sql, revivals: readonly Revival[]): Promise<void> {
  if (revivals.length === 0) return;
  const rows = revivals.map(({ attemptId: id, state, externalId: external_id, evidence }) => {
    return { id, state, external_id, evidence };
  });
  await tx.query({
    name: 'attempts_revive',
    text: `UPDATE social_publisher.publish_attempts a
           SET state = x.state, external_id = x.external_id, look_at = NULL, settled_at = clock_timestamp(),
             error = CASE WHEN x.state = 'confirmed' THEN NULL ELSE a.error END,
             evidence = ${appendEvidence('x.evidence')}
           FROM jsonb_to_recordset($1::jsonb) AS x (id uuid, state text, external_id text, evidence jsonb)
           WHERE a.id = x.id AND a.state IN ('rejected', 'abandoned') AND a.sent_at IS NOT NULL`,
    values: [JSON.stringify(rows)],
  });
}
