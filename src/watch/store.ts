import type { Sql } from '../db/client.ts';
import { isOpenSql, isSlowSql } from '../integrations/health-store.ts';

/**
 * A common table `startable (id, provider, since)`: posts that could have started at `since` and have not, whoever is to
 * blame (planner, scheduler, queue or workers). What waits for its account, a limit, a pause or its time is not among them.
 */
export const startableSql = `startable AS (
  SELECT p.id, p.provider, greatest(p.next_run_at, i.held_until) AS since
    FROM social_publisher.social_posts p
    JOIN social_publisher.integrations i ON i.id = p.integration_id
   WHERE p.status = 'approved' AND p.next_run_at <= statement_timestamp() AND ${isOpenSql} AND NOT ${isSlowSql}
  UNION ALL
  SELECT id, provider, updated_at FROM social_publisher.social_posts
   WHERE status = 'approved' AND next_run_at IS NULL
  UNION ALL
  SELECT p.id, p.provider, greatest(coalesce(p.next_run_at, p.updated_at), i.held_until)
    FROM social_publisher.social_posts p
    JOIN social_publisher.integrations i ON i.id = p.integration_id
   WHERE p.status IN ('queued', 'publishing') AND p.status = 'queued'
)`;

export interface StuckPost {
  readonly id: string;
  readonly provider: string;
  readonly since: Date;
  readonly stuckS: number;
}

/** Posts that could have started longer ago than `afterMs` and have not, the longest first. */
export async function readStuck(
  sql: Sql,
  afterMs: number,
  limit: number,
): Promise<readonly StuckPost[]> {
  return sql.query<StuckPost>({
    name: 'watch_read_stuck',
    text: `WITH ${startableSql}
           SELECT id, provider, since, extract(epoch FROM clock_timestamp() - since)::float8 AS "stuckS"
           FROM startable WHERE since < statement_timestamp() - $1 * interval '1 millisecond'
           ORDER BY since LIMIT $2`,
    values: [afterMs, limit],
  });
}

/** A canary is put into each queue this often. */
const canaryEveryMs = 15_000;

/**
 * For one scheduler a period: when a canary of this queue was last seen, in seconds since 1970 (0: never). Null: it
 * was sent already.
 */
export async function sendCanary(sql: Sql, queue: string): Promise<number | null> {
  const [row] = await sql.query<{ seen_s: number }>({
    name: 'canaries_send',
    text: `INSERT INTO social_publisher.canaries AS c (queue, sent_at) VALUES ($1, clock_timestamp())
           ON CONFLICT (queue) DO UPDATE SET sent_at = clock_timestamp()
           WHERE c.sent_at <= statement_timestamp() - $2 * interval '1 millisecond'
           RETURNING coalesce(floor(extract(epoch FROM c.seen_at)), 0)::int AS seen_s`,
    values: [queue, canaryEveryMs],
  });
  return row?.seen_s ?? null;
}

export async function seeCanary(sql: Sql, queue: string): Promise<void> {
  await sql.query({
    name: 'canaries_see',
    text: `UPDATE social_publisher.canaries SET seen_at = clock_timestamp() WHERE queue = $1`,
    values: [queue],
  });
}

export interface Canary {
  readonly queue: string;
  readonly seenAt: Date | null;
  /** Since a worker last had one in hand, or since the first was sent; by the database's clock. */
  readonly ageS: number;
}

export async function readCanaries(sql: Sql): Promise<readonly Canary[]> {
  return sql.query<Canary>({
    name: 'canaries_read',
    text: `SELECT queue, seen_at AS "seenAt",
             extract(epoch FROM clock_timestamp() - coalesce(seen_at, first_sent_at))::float8 AS "ageS"
           FROM social_publisher.canaries`,
  });
}
