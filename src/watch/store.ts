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
  SELECT id, provider, coalesce(next_run_at, updated_at) FROM social_publisher.social_posts
   WHERE status IN ('queued', 'publishing') AND status = 'queued'
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
