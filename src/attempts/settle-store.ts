import { bookCalls } from '../budgets/store.ts';
import type { Database, Sql } from '../db/client.ts';
import { sqlState } from '../db/statement.ts';
import type { ErrorRecord } from '../errors.ts';
import { changePosts, type PostChange } from '../posts/store.ts';
import type { AttemptState, CallRecord } from './attempt.ts';
import { appendEvidence, type EvidenceEntry } from './evidence.ts';

export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505';
}

/** How an attempt ended, or that it rests as `prepared` with what it staged, and what becomes of its post. */
export interface Settlement {
  readonly attemptId: string;
  readonly state: Exclude<AttemptState, 'sent'>;
  readonly externalId: string | null;
  readonly error: ErrorRecord | null;
  readonly calls: readonly CallRecord[];
  readonly budgetKey: string;
  readonly post: PostChange;
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
    const spendings = done.map(({ budgetKey, calls }) => ({ budgetKey, calls: calls.length }));
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
    state: item.state,
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
               AS x (id uuid, state text, external_id text, error jsonb, calls jsonb, look_at timestamptz)
           ), posts AS MATERIALIZED (
             SELECT p.id FROM social_publisher.social_posts p
             WHERE p.id = ANY ($2::uuid[]) ORDER BY p.id FOR UPDATE
           )
           UPDATE social_publisher.publish_attempts a
           SET state = x.state, external_id = x.external_id, error = x.error, calls = x.calls, reserved = 0,
             look_at = x.look_at,
             settled_at = CASE WHEN x.state <> 'prepared' THEN clock_timestamp() END
           FROM x WHERE a.id = x.id AND (SELECT count(*) FROM posts) >= 0
             AND ((a.state = 'prepared' AND a.reserved > 0) OR (a.state = 'sent' AND x.state <> 'prepared')
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
