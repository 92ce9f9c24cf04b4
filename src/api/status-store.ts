import { countRemainsSql } from '../attempts/leftover-store.ts';
import type { Sql } from '../db/client.ts';
import { tokenNotOpened } from '../integrations/account.ts';
import { startableSql } from '../watch/store.ts';

/** One count of the pipeline. */
export interface Measure {
  readonly provider: string;
  readonly measure:
    | 'posts'
    | 'waiting'
    | 'prepared'
    | 'unopened'
    | 'attention'
    | 'stuck'
    | 'integrations'
    | 'remains';
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
export async function measurePipeline(sql: Sql, stuckAfterMs: number): Promise<Measure[]> {
  return sql.query<Measure>({ name: 'measure_pipeline', text: statement, values: [stuckAfterMs] });
}

const age = 'extract(epoch FROM clock_timestamp() - min';

const statement = `
  WITH soon AS (
    SELECT provider, waiting, prepared_at, error ->> 'key' AS error_key FROM social_publisher.social_posts
     WHERE status = 'approved' AND next_run_at <= statement_timestamp() + interval '1 hour'
  ), in_flight AS (
    SELECT provider, status, updated_at FROM social_publisher.social_posts WHERE status IN ('queued', 'publishing')
  ), ${startableSql}
  SELECT provider, 'posts' AS measure, status AS key, count(*)::int, ${age}(updated_at))::float8 AS "oldestS"
    FROM in_flight GROUP BY provider, status
  UNION ALL
  SELECT provider, 'posts', 'due', count(*)::int, ${age}(since))::float8 FROM startable GROUP BY provider
  UNION ALL
  SELECT provider, 'stuck', '', count(*)::int, ${age}(since))::float8
    FROM startable WHERE since < statement_timestamp() - $1 * interval '1 millisecond' GROUP BY provider
  UNION ALL
  SELECT provider, 'waiting', waiting ->> 'reason', count(*)::int, NULL
    FROM soon WHERE waiting IS NOT NULL GROUP BY provider, waiting ->> 'reason'
  UNION ALL
  SELECT provider, 'prepared', '', count(*)::int, NULL FROM soon WHERE prepared_at IS NOT NULL GROUP BY provider
  UNION ALL
  SELECT provider, 'unopened', '', count(*)::int, NULL
    FROM soon WHERE error_key = '${tokenNotOpened}' AND waiting ->> 'reason' = 'integration' GROUP BY provider
  UNION ALL
  SELECT provider, 'attention', '', count(*)::int, NULL
    FROM social_publisher.social_posts WHERE attention IS NOT NULL GROUP BY provider
  UNION ALL
  SELECT provider, 'integrations', status, count(*)::int, NULL
    FROM social_publisher.integrations GROUP BY provider, status
  UNION ALL ${countRemainsSql}`;

/** Whether anybody has applied migrations yet: the API answers before that, at the first start. */
export async function hasTables(sql: Sql): Promise<boolean> {
  const [row] = await sql.query<{ readonly exists: boolean }>({
    text: `SELECT to_regclass('social_publisher.instance') IS NOT NULL AS exists`,
  });
  return row?.exists === true;
}
