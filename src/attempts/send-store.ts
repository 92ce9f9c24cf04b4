import type { Sql } from '../db/client.ts';
import { durableCommits } from '../db/connection.ts';
import { statusOfKnown } from '../posts/store.ts';
import type { CallRecord, StagedMedium } from './attempt.ts';
import { isUniqueViolation } from './settle-store.ts';

/** How long after a worker began to commit `sent` it may still start the call (design: invariant 2). */
export const sendWithinMs = 5_000;

/**
 * Keeps what was staged, and the calls so far, before the next outside call. False: the attempt is no longer this
 * worker's, its calls are booked, and it may make no more.
 */
export async function saveStaged(
  sql: Sql,
  attemptId: string,
  staged: readonly StagedMedium[],
  calls: readonly CallRecord[],
): Promise<boolean> {
  const rows = await sql.query<{ id: string }>({
    name: 'attempts_save_staged',
    text: `UPDATE social_publisher.publish_attempts SET staged = $2, calls = $3
           WHERE id = $1 AND state = 'prepared' AND reserved > 0 RETURNING id`,
    values: [attemptId, JSON.stringify(staged), JSON.stringify(calls)],
  });
  return rows.length === 1;
}

export type Sent = 'sent' | 'gone' | 'equal_in_flight';

/**
 * `prepared` → `sent`, under the post's row lock: an edit or a cancel that came first has won, one that comes later is
 * refused by the trigger. A tenant that opted out of publishing meanwhile is obeyed. The statement sees to it itself
 * that its commit waits for the disk: behind a pooler no session setting holds.
 */
export async function markSent(
  sql: Sql,
  attempt: {
    readonly id: string;
    readonly postId: string;
    readonly run: number;
    readonly version: number;
  },
  timeoutMs: number,
): Promise<Sent> {
  try {
    const rows = await sql.query<{ id: string }>({
      name: 'attempts_mark_sent',
      text: `WITH durable AS MATERIALIZED (${durableCommits('local')}), post AS (
               SELECT p.id, t.auto_publish, (SELECT count(*) FROM durable) FROM social_publisher.social_posts p
               JOIN social_publisher.tenants t ON t.id = p.tenant_id
               WHERE p.id = $2 AND ${statusOfKnown} = 'publishing' AND p.run = $3 AND p.version = $4 FOR UPDATE OF p
             )
             UPDATE social_publisher.publish_attempts a
             SET state = 'sent', sent_at = clock_timestamp(),
               owned_until = clock_timestamp() + $5 * interval '1 millisecond'
             FROM post WHERE a.id = $1 AND a.post_id = post.id AND a.state = 'prepared'
               AND (a.mode <> 'publish' OR post.auto_publish)
               AND NOT EXISTS (SELECT FROM social_publisher.instance WHERE fenced_at IS NOT NULL) RETURNING a.id`,
      values: [attempt.id, attempt.postId, attempt.run, attempt.version, sendWithinMs + timeoutMs],
    });
    return rows.length === 1 ? 'sent' : 'gone';
  } catch (error) {
    if (isUniqueViolation(error)) return 'equal_in_flight';
    throw error;
  }
}
