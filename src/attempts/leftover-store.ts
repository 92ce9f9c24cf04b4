import type { Database, Sql } from '../db/client.ts';
import type { Sealed } from '../integrations/account.ts';
import { isPausedSql } from '../integrations/pause-store.ts';
import { sealedAccountSql } from '../integrations/store.ts';
import type { Attention } from '../posts/post.ts';
import { changePosts, type PostChange } from '../posts/store.ts';
import type { CallRecord, StagedMedium } from '../providers/content.ts';
import { type AttemptState, appendEvidence, type EvidenceEntry } from './attempt.ts';

/**
 * SQL: what an attempt `a` may have left. A call that makes a hidden post and was never told of may have made it with
 * the attempt's photos: from then on they are for nothing else.
 */
export const withOrphan = `CASE WHEN a.creating_at IS NULL THEN a.orphans ELSE a.orphans || jsonb_build_object(
  'id', NULL, 'media', a.staged, 'from', a.creating_at, 'until', clock_timestamp()) END`;

/** SQL: for an attempt `a` that its worker does not go on with. */
export const setOrphaned = `orphans = ${withOrphan},
  staged = CASE WHEN a.creating_at IS NULL THEN a.staged ELSE '[]' END, creating_at = NULL`;

/** Nobody is in a hurry, and whoever retries a post soon may still use its photos. */
const grace = `interval '10 minutes'`;
/** What could not be deleted for so long stays. */
const triedFor = `interval '30 days'`;

/** SQL: an attempt `a` of a post `p` whose staged media nothing will use any more. */
const hasUnusedMedia = `a.state IN ('prepared', 'rejected', 'abandoned') AND a.staged <> '[]' AND a.hidden_at IS NULL
  AND (a.resting OR a.state <> 'prepared')
  AND coalesce(a.settled_at, a.started_at) < statement_timestamp() - ${grace}
  AND (p.status IN ('failed', 'cancelled', 'missed', 'published', 'scheduled', 'drafted')
       OR (a.version < p.version AND a.state <> 'prepared' AND p.status NOT IN ('publishing', 'unknown')))`;

/** SQL: one whose hidden post was discarded, or that lost answers have left something of. */
const hasHidden = `((a.hidden_at IS NOT NULL AND a.state IN ('rejected', 'abandoned')) OR a.orphans @? '$[*] ? (!exists(@.kept))')
  AND coalesce(a.settled_at, a.sent_at, a.started_at) < statement_timestamp() - interval '1 minute'`;

/** SQL: one that rests with a hidden post, of a post that came to an end meanwhile; a retry soon may still show it. */
const holdsForNobody = `a.hidden_at IS NOT NULL AND a.state = 'prepared' AND a.resting
  AND p.status NOT IN ('approved', 'queued', 'publishing', 'unknown')
  AND p.updated_at < statement_timestamp() - ${grace}`;

/** SQL: the partial index `publish_attempts_leftovers` has just these. */
const isLeftover = `((a.state IN ('prepared', 'rejected', 'abandoned') AND (a.staged <> '[]' OR a.hidden_at IS NOT NULL)) OR a.orphans <> '[]')
  AND (a.drop_at IS NULL OR a.drop_at <= statement_timestamp())
  AND a.started_at > statement_timestamp() - ${triedFor}
  AND ((${hasUnusedMedia}) OR (${hasHidden}) OR (${holdsForNobody}))`;

/**
 * SQL: what is hidden at the providers and of no use any more, counted by provider: `to_delete`, or `kept` where nobody
 * can tell whose it is, people see it, or deleting it was given up. Read by the index of leftovers.
 */
export const countRemainsSql = `
  SELECT i.provider, 'remains', x.key, count(*)::int, NULL
    FROM social_publisher.publish_attempts a
    JOIN social_publisher.integrations i ON i.id = a.integration_id
    CROSS JOIN LATERAL (
      SELECT CASE WHEN a.started_at <= statement_timestamp() - ${triedFor} THEN 'kept' ELSE 'to_delete' END AS key
       WHERE a.hidden_id IS NOT NULL AND a.state IN ('rejected', 'abandoned')
      UNION ALL
      SELECT CASE WHEN o ? 'kept' OR a.started_at <= statement_timestamp() - ${triedFor} THEN 'kept' ELSE 'to_delete' END
        FROM jsonb_array_elements(a.orphans) o
    ) x
   WHERE (a.state IN ('prepared', 'rejected', 'abandoned') AND (a.staged <> '[]' OR a.hidden_id IS NOT NULL)) OR a.orphans <> '[]'
   GROUP BY i.provider, x.key`;

/**
 * Attempts whose remains are to be deleted; under their posts' locks, so that no worker begins with them. Each comes
 * again, later and later, until it was done. What another attempt of the post goes on with is not touched.
 */
export async function claimLeftovers(
  sql: Sql,
  limit: number,
): Promise<readonly { readonly attemptId: string; readonly dueAt: Date }[]> {
  return sql.query({
    name: 'attempts_claim_leftovers',
    text: `WITH due AS MATERIALIZED (
             SELECT a.id, a.state = 'prepared' AND ((${hasUnusedMedia}) OR (${holdsForNobody})) AS ends FROM social_publisher.publish_attempts a
             JOIN social_publisher.social_posts p ON p.id = a.post_id
             JOIN social_publisher.integrations i ON i.id = a.integration_id
             WHERE ${isLeftover} AND i.status = 'active' AND NOT ${isPausedSql}
             ORDER BY p.id LIMIT $1 FOR UPDATE OF p, a SKIP LOCKED
           )
           UPDATE social_publisher.publish_attempts a
           SET state = CASE WHEN due.ends THEN 'abandoned' ELSE a.state END,
             reserved = CASE WHEN due.ends THEN 0 ELSE a.reserved END,
             settled_at = CASE WHEN due.ends THEN clock_timestamp() ELSE a.settled_at END,
             drop_at = clock_timestamp() + greatest(interval '10 minutes', (clock_timestamp() - a.started_at) / 2)
           FROM due WHERE a.id = due.id RETURNING a.id AS "attemptId", a.drop_at AS "dueAt"`,
    values: [limit],
  });
}

export interface Leftover {
  readonly postId: string;
  readonly state: AttemptState;
  readonly sentAt: Date | null;
  readonly content: unknown;
  readonly mode: 'draft' | 'schedule' | 'publish';
  readonly scheduledAt: Date | null;
  readonly staged: unknown;
  readonly hiddenId: string | null;
  readonly orphans: unknown;
  /** Ids of media that another attempt of the post has, or may still need. */
  readonly used: readonly string[];
  /** Where the attempt was made: its post may have been moved to another account since. */
  readonly account: Sealed & { readonly provider: string };
}

/** Null: it was not claimed. */
export async function loadLeftover(sql: Sql, attemptId: string): Promise<Leftover | null> {
  const [row] = await sql.query<Leftover>({
    name: 'attempts_load_leftover',
    text: `SELECT a.post_id AS "postId", a.state, a.content, a.mode, a.scheduled_at AS "scheduledAt", a.staged,
             CASE WHEN a.hidden_at IS NOT NULL THEN a.hidden_id END AS "hiddenId", a.orphans,
             (SELECT min(e.sent_at) FROM social_publisher.publish_attempts e
              WHERE e.post_id = a.post_id AND a.sent_at IS NOT NULL AND e.hidden_id IS NULL AND e.run <= a.run) AS "sentAt",
             ARRAY(SELECT m ->> 'id' FROM social_publisher.publish_attempts e, jsonb_array_elements(e.staged) m
                   WHERE e.post_id = a.post_id AND e.state IN ('prepared', 'sent', 'unknown', 'confirmed')) AS used,
             to_json(x) AS account
           FROM social_publisher.publish_attempts a
           CROSS JOIN LATERAL (SELECT i.id AS "integrationId", i.tenant_id AS "tenantId", i.provider, ${sealedAccountSql}
                               FROM social_publisher.integrations i WHERE i.id = a.integration_id) x
           WHERE a.id = $1 AND a.drop_at IS NOT NULL`,
    values: [attemptId],
  });
  return row ?? null;
}

/** What is left of it now, and what was learned. */
export async function writeDropped(
  sql: Sql,
  attemptId: string,
  result: {
    readonly staged: readonly StagedMedium[];
    /** What it had hidden is there no more. */
    readonly isGone: boolean;
    readonly orphans: readonly object[];
    /** Those that were dealt with, as they were read. */
    readonly knownOrphans: unknown;
    readonly calls: readonly CallRecord[];
    readonly evidence: EvidenceEntry;
  },
): Promise<void> {
  await sql.query({
    name: 'attempts_write_dropped',
    // Of an attempt that is alive, what it holds is its own: only its orphans were dealt with.
    text: `UPDATE social_publisher.publish_attempts a
           SET staged = CASE WHEN a.state IN ('rejected', 'abandoned') THEN $2::jsonb ELSE a.staged END,
             hidden_at = CASE WHEN a.state IN ('rejected', 'abandoned') AND $3 THEN NULL ELSE a.hidden_at END,
             -- Those that came while these were looked for stay.
             orphans = $4::jsonb || coalesce((SELECT jsonb_agg(e) FROM jsonb_array_elements(a.orphans) e
               WHERE NOT $7::jsonb @> jsonb_build_array(e)), '[]'),
             calls = a.calls || $5::jsonb, booked = a.booked + jsonb_array_length($5::jsonb),
             evidence = ${appendEvidence('$6')}
           WHERE a.id = $1`,
    values: [
      attemptId,
      JSON.stringify(result.staged),
      result.isGone,
      JSON.stringify(result.orphans),
      JSON.stringify(result.calls),
      JSON.stringify(result.evidence),
      JSON.stringify(result.knownOrphans),
    ],
  });
}

/** Which of these are posts of our rows, or hidden posts of their attempts. */
export async function readOwnIds(
  sql: Sql,
  provider: string,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const rows = await sql.query<{ id: string }>({
    text: `SELECT external_id AS id FROM social_publisher.social_posts
           WHERE external_id = ANY ($1::text[]) AND provider = $2
           UNION ALL SELECT hidden_id FROM social_publisher.publish_attempts WHERE hidden_id = ANY ($1::text[])`,
    values: [ids, provider],
  });
  return new Set(rows.map((row) => row.id));
}

/** Whether the answer of a call that makes a hidden post on this account may still come. */
export async function isCreating(sql: Sql, budgetKey: string): Promise<boolean> {
  const rows = await sql.query({
    text: `SELECT 1 AS one FROM social_publisher.publish_attempts
           WHERE budget_key = $1 AND reserved > 0 AND creating_at IS NOT NULL LIMIT 1`,
    values: [budgetKey],
  });
  return rows.length === 1;
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
             SET drop_at = a.started_at + ${triedFor}, calls = a.calls || $2::jsonb,
               evidence = ${appendEvidence('$3')} WHERE a.id = $1`,
      values: [attemptId, JSON.stringify(found.calls), JSON.stringify(found.evidence)],
    });
  });
}
