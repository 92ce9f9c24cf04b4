import type { Database, Sql } from '../db/client.ts';
import { isPausedSql } from '../pauses/store.ts';
import type { Attention } from '../posts/post.ts';
import { changePosts, type PostChange } from '../posts/store.ts';
import type { CallRecord, StagedMedium } from './attempt.ts';
import { appendEvidence, type EvidenceEntry } from './evidence.ts';

/** Nobody is in a hurry, and whoever retries a post soon may still use them. */
const grace = `interval '10 minutes'`;
/** What could not be deleted for so long stays. */
const triedFor = `interval '30 days'`;

/** SQL: an attempt `a` of a post `p` whose staged media nothing will use any more. */
const isLeftover = `a.state IN ('prepared', 'rejected', 'abandoned') AND a.staged <> '[]' AND a.reserved = 0
  AND (a.look_at IS NULL OR a.look_at <= statement_timestamp())
  AND coalesce(a.settled_at, a.started_at) < statement_timestamp() - ${grace}
  AND a.started_at > statement_timestamp() - ${triedFor}
  AND (p.status IN ('failed', 'cancelled', 'missed', 'published', 'scheduled', 'drafted')
       OR (a.version < p.version AND a.state <> 'prepared' AND p.status NOT IN ('publishing', 'unknown')))`;

/**
 * Attempts whose staged media are to be deleted; under their posts' locks, so that no worker begins with them. Each
 * comes again, later and later, until it was done. What another attempt of the post goes on with is not touched.
 */
export async function claimLeftovers(
  sql: Sql,
  limit: number,
): Promise<readonly { readonly attemptId: string; readonly dueAt: Date }[]> {
  return sql.query({
    name: 'attempts_claim_leftovers',
    text: `WITH due AS MATERIALIZED (
             SELECT a.id FROM social_publisher.publish_attempts a
             JOIN social_publisher.social_posts p ON p.id = a.post_id
             JOIN social_publisher.integrations i ON i.id = a.integration_id
             WHERE ${isLeftover} AND i.status = 'active' AND NOT ${isPausedSql}
             ORDER BY p.id LIMIT $1 FOR UPDATE OF p, a SKIP LOCKED
           )
           UPDATE social_publisher.publish_attempts a
           SET state = CASE WHEN a.state = 'prepared' THEN 'abandoned' ELSE a.state END,
             settled_at = coalesce(a.settled_at, clock_timestamp()),
             look_at = clock_timestamp() + greatest(interval '10 minutes', (clock_timestamp() - a.started_at) / 2)
           FROM due WHERE a.id = due.id RETURNING a.id AS "attemptId", a.look_at AS "dueAt"`,
    values: [limit],
  });
}

export interface Leftover {
  readonly postId: string;
  readonly sentAt: Date | null;
  readonly content: unknown;
  readonly mode: 'draft' | 'schedule' | 'publish';
  readonly scheduledAt: Date | null;
  readonly staged: unknown;
  /** Ids of media that another attempt of the post has, or may still need. */
  readonly used: readonly string[];
}

/** Null: it was not claimed, or there is nothing left. */
export async function loadLeftover(sql: Sql, attemptId: string): Promise<Leftover | null> {
  const [row] = await sql.query<Leftover>({
    name: 'attempts_load_leftover',
    text: `SELECT a.post_id AS "postId", a.content, a.mode, a.scheduled_at AS "scheduledAt", a.staged,
             (SELECT min(e.sent_at) FROM social_publisher.publish_attempts e
              WHERE e.post_id = a.post_id AND a.sent_at IS NOT NULL) AS "sentAt",
             ARRAY(SELECT m ->> 'id' FROM social_publisher.publish_attempts e, jsonb_array_elements(e.staged) m
                   WHERE e.post_id = a.post_id AND e.state IN ('prepared', 'sent', 'unknown', 'confirmed')) AS used
           FROM social_publisher.publish_attempts a
           WHERE a.id = $1 AND a.state IN ('rejected', 'abandoned') AND a.look_at IS NOT NULL AND a.staged <> '[]'`,
    values: [attemptId],
  });
  return row ?? null;
}

/** What is left of them now, and what was learned. */
export async function writeDropped(
  sql: Sql,
  attemptId: string,
  result: {
    readonly left: readonly StagedMedium[];
    readonly calls: readonly CallRecord[];
    readonly evidence: EvidenceEntry;
  },
): Promise<void> {
  await sql.query({
    name: 'attempts_write_dropped',
    text: `UPDATE social_publisher.publish_attempts a
           SET staged = $2, calls = a.calls || $3::jsonb, evidence = ${appendEvidence('$4')}
           WHERE a.id = $1 AND a.state IN ('rejected', 'abandoned')`,
    values: [
      attemptId,
      JSON.stringify(result.left),
      JSON.stringify(result.calls),
      JSON.stringify(result.evidence),
    ],
  });
}

/** They are in a post on the account: nothing is deleted, now or later, and a person is told. */
export async function keepLeftover(
  db: Database,
  attemptId: string,
  found: {
    readonly post: Omit<PostChange, 'set'>;
    readonly attention: Attention;
    readonly calls: readonly CallRecord[];
    readonly evidence: EvidenceEntry;
  },
): Promise<void> {
  await db.transaction(async (tx) => {
    await changePosts(tx, [{ ...found.post, set: { attention: found.attention } }]);
    await tx.query({
      text: `UPDATE social_publisher.publish_attempts a
             SET look_at = a.started_at + ${triedFor}, calls = a.calls || $2::jsonb,
               evidence = ${appendEvidence('$3')} WHERE a.id = $1`,
      values: [attemptId, JSON.stringify(found.calls), JSON.stringify(found.evidence)],
    });
  });
}
