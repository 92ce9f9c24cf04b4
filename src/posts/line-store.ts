import type { Sql } from '../db/client.ts';
import type { Waiting } from './post.ts';
import { statusOfKnown, updatePosts } from './store.ts';

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
