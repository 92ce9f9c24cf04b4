import type { Sql } from '../db/client.ts';
import { durableCommits } from '../db/connection.ts';
import { statusOfKnown } from '../posts/store.ts';
import type { CallRecord, StagedMedium } from './attempt.ts';
import { isUniqueViolation } from './settle-store.ts';

/** How long after a worker began to commit `sent` it may still start the call (design: invariant 2). */
export const sendWithinMs = 5_000;

/** An attempt under the run that its worker has it in: a later run is somebody else's. */
export interface OwnAttempt {
  readonly id: string;
  readonly run: number;
}

/**
 * Keeps what was staged, and the calls so far, before the next outside call; `creates` when that call makes the hidden
 * post. False: the attempt is no longer this worker's, its calls are booked, and it may make no more.
 */
export async function saveStaged(
  sql: Sql,
  attempt: OwnAttempt,
  kept: {
    readonly staged: readonly StagedMedium[];
    readonly calls: readonly CallRecord[];
    readonly creates: boolean;
  },
): Promise<boolean> {
  const rows = await sql.query<{ id: string }>({
    name: 'attempts_save_staged',
    text: `UPDATE social_publisher.publish_attempts SET staged = $3, calls = $4,
             creating_at = CASE WHEN $5::boolean THEN clock_timestamp() END
           WHERE id = $1 AND run = $2 AND state = 'prepared' AND NOT resting RETURNING id`,
    values: [
      attempt.id,
      attempt.run,
      JSON.stringify(kept.staged),
      JSON.stringify(kept.calls),
      kept.creates,
    ],
  });
  return rows.length === 1;
}

/** A hidden post whose attempt was taken from its worker meanwhile: it is deleted later. */
export async function saveOrphan(sql: Sql, attemptId: string, hiddenId: string): Promise<void> {
  await sql.query({
    name: 'attempts_save_orphan',
    text: `UPDATE social_publisher.publish_attempts
           SET orphans = orphans || jsonb_build_object('id', $2::text, 'media', '[]'::jsonb)
           WHERE id = $1 AND hidden_id IS DISTINCT FROM $2`,
    values: [attemptId, hiddenId],
  });
}

export type Sent = 'sent' | 'gone' | 'equal_in_flight';

/** What is committed as `sent`, with the hidden post that is to be revealed. */
export interface Sending extends OwnAttempt {
  readonly postId: string;
  readonly version: number;
  readonly hiddenId: string | null;
}

/**
 * `prepared` → `sent`, under the post's row lock: an edit or a cancel that came first has won, one that comes later is
 * refused by the trigger. A tenant that opted out of publishing meanwhile is obeyed. The statement sees to it itself
 * that its commit waits for the disk: behind a pooler no session setting holds.
 */
export async function markSent(sql: Sql, attempt: Sending, timeoutMs: number): Promise<Sent> {
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
               owned_until = clock_timestamp() + $5 * interval '1 millisecond',
               hidden_id = $6, hidden_at = CASE WHEN $6::text IS NULL THEN NULL
                 WHEN a.hidden_id = $6 THEN a.hidden_at ELSE clock_timestamp() END, creating_at = NULL
             FROM post WHERE a.id = $1 AND a.run = $3 AND a.post_id = post.id AND a.state = 'prepared' AND NOT a.resting
               AND (a.mode <> 'publish' OR post.auto_publish)
               AND NOT EXISTS (SELECT FROM social_publisher.instance WHERE fenced_at IS NOT NULL) RETURNING a.id`,
      values: [
        attempt.id,
        attempt.postId,
        attempt.run,
        attempt.version,
        sendWithinMs + timeoutMs,
        attempt.hiddenId,
      ],
    });
    return rows.length === 1 ? 'sent' : 'gone';
  } catch (error) {
    if (isUniqueViolation(error)) return 'equal_in_flight';
    throw error;
  }
}
