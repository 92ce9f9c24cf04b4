import { bookCalls } from '../budgets/store.ts';
import type { Database, Sql } from '../db/client.ts';
import { sqlState } from '../db/statement.ts';
import type { ErrorRecord } from '../errors.ts';
import { changePosts, type PostChange } from '../posts/store.ts';
import type { AttemptState, CallRecord } from './attempt.ts';
import { appendEvidence, type EvidenceEntry } from './evidence.ts';
import { withOrphan } from './leftover-store.ts';

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
