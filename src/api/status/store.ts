import type { Sql } from '../../db/client.ts';

/** One count of the pipeline. */
export interface Measure {
  readonly provider: string;
  readonly measure: 'posts' | 'waiting' | 'attention' | 'stuck' | 'integrations';
  /** The status or the reason that is counted. */
  readonly key: string;
  readonly count: number;
  /** How long the oldest of them has been in that state, where it says when they became due. */
  readonly oldestS: number | null;
}

/**
 * Counts what is about to go out. Every branch reads a partial index of rows in motion (claim, wake, in flight,
 * unplanned, attention), so that a million posts of the far future cost nothing here.
 */
export async function measurePipeline(sql: Sql): Promise<Measure[]> {
  return sql.query<Measure>({ name: 'measure_pipeline', text: statement });
}

const age = 'extract(epoch FROM clock_timestamp() - min';

const statement = `
  WITH due AS (
    SELECT p.provider, p.next_run_at, p.waiting,
           i.status = 'active' AND (i.held_until IS NULL OR i.held_until <= statement_timestamp()) AS is_open
      FROM social_publisher.social_posts p
      JOIN social_publisher.integrations i ON i.id = p.integration_id
     WHERE p.status = 'approved' AND p.next_run_at IS NOT NULL AND p.next_run_at <= statement_timestamp() + interval '1 hour'
  ), unplanned AS (
    SELECT provider, updated_at FROM social_publisher.social_posts
     WHERE status = 'approved' AND next_run_at IS NULL
  ), in_flight AS (
    SELECT provider, status, updated_at FROM social_publisher.social_posts WHERE status IN ('queued', 'publishing')
  ), startable AS (
    SELECT provider, next_run_at AS since FROM due WHERE is_open AND next_run_at <= statement_timestamp()
    UNION ALL SELECT provider, updated_at FROM unplanned
    UNION ALL SELECT provider, updated_at FROM in_flight WHERE status = 'queued'
  )
  SELECT provider, 'posts' AS measure, status AS key, count(*)::int, ${age}(updated_at))::float8 AS "oldestS"
    FROM in_flight GROUP BY provider, status
  UNION ALL
  SELECT provider, 'posts', 'due', count(*)::int, ${age}(since))::float8 FROM startable GROUP BY provider
  UNION ALL
  SELECT provider, 'stuck', '', count(*)::int, ${age}(since))::float8
    FROM startable WHERE since < statement_timestamp() - interval '60 seconds' GROUP BY provider
  UNION ALL
  SELECT provider, 'waiting', waiting ->> 'reason', count(*)::int, NULL
    FROM due WHERE waiting IS NOT NULL GROUP BY provider, waiting ->> 'reason'
  UNION ALL
  SELECT provider, 'attention', '', count(*)::int, NULL
    FROM social_publisher.social_posts WHERE attention IS NOT NULL GROUP BY provider
  UNION ALL
  SELECT provider, 'integrations', status, count(*)::int, NULL
    FROM social_publisher.integrations GROUP BY provider, status`;

/** Whether anybody has applied migrations yet: the API answers before that, at the first start. */
export async function hasTables(sql: Sql): Promise<boolean> {
  const [row] = await sql.query<{ readonly exists: boolean }>({
    text: `SELECT to_regclass('social_publisher.instance') IS NOT NULL AS exists`,
  });
  return row?.exists === true;
}
