import type { PublishRow } from '../attempts/row.ts';
import type { Sql } from '../db/client.ts';
import { isOpenSql, isSlowSql } from '../integrations/health-store.ts';
import type { Waiting } from '../posts/post.ts';
import { moveSql, statusOfKnown, updatePosts } from '../posts/store.ts';

/** An approved post that nobody has planned yet: new, edited, retried, or its tenant or integration changed. */
export type UnplannedRow = Required<
  Pick<
    PublishRow,
    | 'id'
    | 'provider'
    | 'version'
    | 'message'
    | 'link'
    | 'appendLink'
    | 'media'
    | 'publishMode'
    | 'scheduledAt'
    | 'approvedAt'
    | 'autoPublish'
    | 'lateLimitS'
    | 'integrationStatus'
    | 'integrationError'
    | 'nearWindowUntil'
    | 'isTooNear'
    | 'capabilities'
    | 'now'
  >
> & { readonly isPrepared: boolean };

/** Locks them until the transaction ends; what another scheduler is planning is passed over. */
export async function lockUnplanned(tx: Sql, limit: number): Promise<readonly UnplannedRow[]> {
  return tx.query<UnplannedRow>({
    name: 'posts_lock_unplanned',
    text: `SELECT p.id, p.provider, p.version, p.message, p.link, p.append_link AS "appendLink", p.media, p.publish_mode AS "publishMode",
             p.scheduled_at AS "scheduledAt", coalesce(p.approved_at, p.created_at) AS "approvedAt",
             t.auto_publish AS "autoPublish", t.late_limit_s AS "lateLimitS",
             i.status AS "integrationStatus", i.error AS "integrationError", i.near_window_until AS "nearWindowUntil",
             coalesce(p.error ->> 'key' = 'facebook_schedule_too_late', false) AS "isTooNear", i.capabilities,
             p.prepared_at IS NOT NULL AS "isPrepared", clock_timestamp() AS now
           FROM social_publisher.social_posts p
           JOIN social_publisher.tenants t ON t.id = p.tenant_id
           JOIN social_publisher.integrations i ON i.id = p.integration_id
           WHERE p.status = 'approved' AND p.next_run_at IS NULL
           ORDER BY p.updated_at LIMIT $1 FOR UPDATE OF p SKIP LOCKED`,
    values: [limit],
  });
}

export interface Claimed {
  readonly id: string;
  readonly run: number;
}

/** So many of an integration's due posts are compared: a backlog is nearly in their order. No parameter, as the planner must know. */
const comparedAtOnce = 100;

/** How long a queued post may be without a worker before the sweeper asks whether a job still carries it. */
export const queuedLeaseMs = 10_000;

/**
 * Due posts become `queued`, each with its next run. Integrations take turns (every one's nearest due post comes
 * before anyone's second), at most `perIntegration` of one are in flight (a single one while its provider says that its
 * budget is nearly spent), and passed over are those that are out, held or paused, and rows that another scheduler
 * holds. Costs one index probe an active integration, however many posts lie in the future: the moment is
 * statement_timestamp(), because an index cannot be searched for the volatile clock_timestamp(). Nor does it grow with
 * the backlog: of each integration only the first `turns` are offered, nearest due of those that have waited longest.
 */
export async function claimDue(
  sql: Sql,
  claim: {
    readonly provider: string;
    readonly limit: number;
    readonly perIntegration: number;
    readonly turns: number;
  },
): Promise<{
  readonly claimed: readonly Claimed[];
  /** An integration had all of its turns: it may have more that is due. */
  readonly isCut: boolean;
}> {
  const rows = await sql.query<Claimed & { place: string; due_at: Date }>({
    name: 'posts_claim_due',
    text: `WITH turns AS MATERIALIZED (
             SELECT due.id, due.due_at, due.place
             FROM social_publisher.integrations i
             CROSS JOIN LATERAL (
               SELECT first.id, first.due_at, row_number() OVER (ORDER BY first.due_at, first.id) AS place FROM (
                 SELECT waiting.id, waiting.due_at FROM (
                   SELECT p.id, coalesce(p.scheduled_at, p.approved_at) AS due_at
                   FROM social_publisher.social_posts p
                   WHERE p.integration_id = i.id AND p.status = 'approved' AND p.next_run_at <= statement_timestamp()
                   ORDER BY p.next_run_at LIMIT ${comparedAtOnce}
                 ) waiting
                 ORDER BY waiting.due_at, waiting.id
                 LIMIT greatest(0, least($5, CASE WHEN ${isSlowSql} THEN 1 ELSE $3 END - (
                   SELECT count(*) FROM social_publisher.social_posts f
                   WHERE f.provider = $1 AND f.integration_id = i.id AND f.status IN ('queued', 'publishing'))))
               ) first
             ) due
             WHERE i.provider = $1 AND ${isOpenSql}
             ORDER BY due.place, due.due_at LIMIT $2
           ), mine AS MATERIALIZED (
             SELECT p.id, turns.place, turns.due_at FROM social_publisher.social_posts p
             JOIN turns ON turns.id = p.id
             WHERE ${statusOfKnown} = 'approved' AND p.next_run_at <= statement_timestamp()
             FOR UPDATE OF p SKIP LOCKED
           )
           ${updatePosts} ${moveSql('approved', 'queued')}, run = p.run + 1,
             lease_until = clock_timestamp() + $4 * interval '1 millisecond', waiting = NULL
           FROM mine WHERE p.id = mine.id RETURNING p.id, p.run, mine.place, mine.due_at`,
    values: [claim.provider, claim.limit, claim.perIntegration, queuedLeaseMs, claim.turns],
  });
  const claimed = rows.toSorted(
    (a, b) => Number(a.place) - Number(b.place) || a.due_at.getTime() - b.due_at.getTime(),
  );
  return {
    claimed: claimed.map(({ id, run }) => ({ id, run })),
    isCut: Number(claimed.at(-1)?.place) >= claim.turns,
  };
}

/** How many jobs of the provider are out, and how long until the next post is due; null: none is planned. */
export async function readAgenda(
  sql: Sql,
  provider: string,
): Promise<{ readonly queued: number; readonly nextInMs: number | null }> {
  const [row] = await sql.query<{ queued: number; next_in_ms: number | null }>({
    name: 'posts_agenda',
    text: `SELECT
             (SELECT count(*)::int FROM social_publisher.social_posts
              WHERE provider = $1 AND status = 'queued') AS queued,
             (SELECT (extract(epoch FROM min(next_run_at) - clock_timestamp()) * 1000)::float8
              FROM social_publisher.social_posts
              WHERE status = 'approved' AND next_run_at IS NOT NULL) AS next_in_ms`,
    values: [provider],
  });
  return { queued: row?.queued ?? 0, nextInMs: row?.next_in_ms ?? null };
}

export interface LinePost {
  readonly id: string;
  readonly calls: number;
}

/** Longer lines are told in parts: what is behind the first thousand gets its time when these are through. */
const longestLine = 1_000;

/** Due posts of the integration that are behind this one and need at least as many calls, nearest due first. */
export async function readWaitingLine(
  sql: Sql,
  after: { readonly integrationId: string; readonly dueAt: Date; readonly calls: number },
): Promise<readonly LinePost[]> {
  return sql.query<LinePost>({
    name: 'posts_waiting_line',
    text: `SELECT id, calls FROM social_publisher.social_posts
           WHERE integration_id = $1 AND status = 'approved' AND next_run_at <= statement_timestamp()
             AND coalesce(scheduled_at, approved_at) >= $2 AND calls >= $3
           ORDER BY coalesce(scheduled_at, approved_at), id LIMIT ${longestLine}`,
    values: [after.integrationId, after.dueAt, after.calls],
  });
}

export interface LinePlace {
  readonly id: string;
  readonly nextRunAt: Date;
  readonly waiting: Waiting;
}

/** Only those still due and unclaimed move; in the order of their ids, so that two lines cannot deadlock. */
export async function spreadLine(sql: Sql, places: readonly LinePlace[]): Promise<void> {
  if (places.length === 0) return;
  await sql.query({
    name: 'posts_spread_line',
    text: `WITH x AS (
             SELECT p.id, y."nextRunAt", y.waiting
             FROM jsonb_to_recordset($1::jsonb) AS y (id uuid, "nextRunAt" timestamptz, waiting jsonb)
             JOIN social_publisher.social_posts p ON p.id = y.id
             WHERE ${statusOfKnown} = 'approved' AND p.next_run_at <= statement_timestamp()
             ORDER BY p.id FOR UPDATE OF p SKIP LOCKED
           )
           ${updatePosts} next_run_at = x."nextRunAt", waiting = x.waiting
           FROM x WHERE p.id = x.id`,
    values: [JSON.stringify(places)],
  });
}
