import { readHiddenAfterMs, waitForLook } from '../attempts/attempt.ts';
import { callsOfLostWorker } from '../attempts/begin-store.ts';
import { setOrphaned } from '../attempts/leftover-store.ts';
import type { Sql } from '../db/client.ts';
import type { ErrorRecord } from '../errors.ts';
import { moveSql, statusOfKnown, updatePosts } from '../posts/store.ts';
import { type Claimed, queuedLeaseMs } from './due-store.ts';
import { waitForRead } from './recovery.ts';

/** SQL: books the calls of a CTE `attempts` (budget_key, calls), in an order in which two sweepers cannot deadlock. */
const bookingOfAttempts = `INSERT INTO social_publisher.call_usage AS u (budget_key, minute, calls)
  SELECT budget_key, date_trunc('minute', clock_timestamp()), sum(calls) FROM attempts
  GROUP BY budget_key ORDER BY budget_key
  ON CONFLICT (budget_key, minute) DO UPDATE SET calls = u.calls + EXCLUDED.calls`;

/** Queued posts that no worker has taken for a while; the sweeper that gets them is alone with them for as long again. */
export async function takeOverdueQueued(
  sql: Sql,
  provider: string,
  limit: number,
): Promise<readonly Claimed[]> {
  return sql.query<Claimed>({
    name: 'posts_take_overdue_queued',
    text: `${updatePosts} lease_until = clock_timestamp() + $3 * interval '1 millisecond'
           FROM (SELECT id FROM social_publisher.social_posts
                 WHERE provider = $1 AND status = 'queued' AND lease_until < statement_timestamp()
                 ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED) x
           WHERE p.id = x.id RETURNING p.id, p.run`,
    values: [provider, limit, queuedLeaseMs],
  });
}

/** The next run for posts whose job is gone: BullMQ would ignore an id that it still knows as failed. */
export async function raiseRuns(sql: Sql, lost: readonly Claimed[]): Promise<readonly Claimed[]> {
  if (lost.length === 0) return [];
  return sql.query<Claimed>({
    name: 'posts_raise_runs',
    text: `${updatePosts} run = p.run + 1,
             lease_until = clock_timestamp() + $3 * interval '1 millisecond'
           FROM unnest($1::uuid[], $2::int[]) AS x (id, run)
           WHERE p.id = x.id AND p.run = x.run AND ${statusOfKnown} = 'queued' RETURNING p.id, p.run`,
    values: [lost.map((post) => post.id), lost.map((post) => post.run), queuedLeaseMs],
  });
}

/** Publishing posts whose worker is gone before anything was sent: they go on with the attempt as it was prepared. */
export async function releaseUnsent(sql: Sql): Promise<number> {
  const rows = await sql.query<{ id: string }>({
    name: 'posts_release_unsent',
    text: `WITH x AS (
             SELECT p.id, a.id AS attempt_id, CASE WHEN a.resting THEN 0 ELSE ${callsOfLostWorker} END AS calls
             FROM social_publisher.social_posts p
             LEFT JOIN social_publisher.publish_attempts a ON a.post_id = p.id AND a.state = 'prepared'
             WHERE p.status = 'publishing' AND p.lease_until < statement_timestamp()
               AND NOT EXISTS (SELECT FROM social_publisher.publish_attempts e
                               WHERE e.post_id = p.id AND e.state IN ('sent', 'unknown', 'confirmed'))
             ORDER BY p.id LIMIT 500 FOR UPDATE OF p SKIP LOCKED
           ), attempts AS (
             UPDATE social_publisher.publish_attempts a
             SET reserved = 0, resting = true, booked = jsonb_array_length(a.calls), ${setOrphaned}
             FROM x WHERE a.id = x.attempt_id RETURNING a.budget_key, x.calls
           ), booked AS (
             ${bookingOfAttempts}
           )
           ${updatePosts} ${moveSql('publishing', 'approved')}, next_run_at = clock_timestamp(), lease_until = NULL
           FROM x WHERE p.id = x.id AND ${statusOfKnown} = 'publishing' RETURNING p.id`,
  });
  return rows.length;
}

/**
 * Attempts that were being prepared when their post was edited, withdrawn or cancelled: nothing will come of them, and
 * a worker that still is at one stops. What was set aside for them is free again.
 */
export async function abandonOvertaken(sql: Sql): Promise<void> {
  await sql.query({
    name: 'attempts_abandon_overtaken',
    text: `WITH x AS (
             SELECT a.id, ${callsOfLostWorker} AS calls FROM social_publisher.publish_attempts a
             JOIN social_publisher.social_posts p ON p.id = a.post_id
             WHERE a.state = 'prepared' AND NOT a.resting AND p.status <> 'publishing'
             ORDER BY p.id LIMIT 500 FOR UPDATE OF p, a SKIP LOCKED
           ), attempts AS (
             UPDATE social_publisher.publish_attempts a
             SET state = 'abandoned', reserved = 0, booked = jsonb_array_length(a.calls), settled_at = clock_timestamp(),
               ${setOrphaned}
             FROM x WHERE a.id = x.id RETURNING a.budget_key, x.calls
           )
           ${bookingOfAttempts}`,
  });
}

/**
 * Sent attempts whose worker had its five seconds and its deadline: the outcome is unknown from here on, and is looked
 * for after `lookAfterMs`. Resolves with the posts.
 */
export async function declareUnknown(
  sql: Sql,
  error: ErrorRecord,
  lookAfterMs: number,
): Promise<readonly string[]> {
  const rows = await sql.query<{ id: string }>({
    name: 'attempts_declare_unknown',
    text: `WITH x AS (
             SELECT p.id, a.id AS attempt_id, a.reserved FROM social_publisher.publish_attempts a
             JOIN social_publisher.social_posts p ON p.id = a.post_id
             WHERE a.state = 'sent' AND a.owned_until < statement_timestamp()
             ORDER BY p.id LIMIT 500 FOR UPDATE OF p SKIP LOCKED
           ), attempts AS (
             UPDATE social_publisher.publish_attempts a
             SET state = 'unknown', settled_at = clock_timestamp(), reserved = 0, error = $2,
               look_at = clock_timestamp() + interval '1 millisecond'
                 * CASE WHEN a.hidden_id IS NULL THEN $3 ELSE least($3, ${readHiddenAfterMs}) END
             FROM x WHERE a.id = x.attempt_id AND a.state = 'sent'
             RETURNING a.post_id, a.hidden_id, a.budget_key, greatest(x.reserved, 1) AS calls
           ), booked AS (
             ${bookingOfAttempts}
           )
           ${updatePosts} ${moveSql('publishing', 'unknown')}, lease_until = NULL,
             next_run_at = NULL, attention = NULL, error = $2,
             waiting = CASE WHEN x.hidden_id IS NULL THEN $1::jsonb ELSE $4::jsonb END
           FROM attempts x WHERE p.id = x.post_id AND ${statusOfKnown} = 'publishing' RETURNING p.id`,
    values: [
      JSON.stringify(waitForLook(new Date(Date.now() + lookAfterMs))),
      JSON.stringify(error),
      lookAfterMs,
      JSON.stringify(waitForRead(new Date(Date.now() + Math.min(lookAfterMs, readHiddenAfterMs)))),
    ],
  });
  return rows.map((row) => row.id);
}

/** Approved posts that nothing claims (their integration waits for a person, say) become missed all the same. */
export async function declareMissed(sql: Sql): Promise<number> {
  const rows = await sql.query<{ id: string }>({
    name: 'posts_declare_missed',
    text: `WITH x AS (
             SELECT late.id FROM social_publisher.integrations i
             JOIN social_publisher.tenants t ON t.id = i.tenant_id
             CROSS JOIN LATERAL (
               SELECT p.id FROM social_publisher.social_posts p
               WHERE p.integration_id = i.id AND p.status = 'approved' AND p.effective_mode <> 'draft'
                 AND p.scheduled_at < statement_timestamp() - t.late_limit_s * interval '1 second'
               ORDER BY p.scheduled_at LIMIT 500 FOR UPDATE OF p SKIP LOCKED
             ) late
           )
           ${updatePosts} ${moveSql('approved', 'missed')}, next_run_at = NULL, prepared_at = NULL,
             waiting = NULL, attention = jsonb_build_object(
               'reason', 'missed', 'since', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'text', 'It could not go out within its tenant''s limit after its time. Retry it with a new time, or cancel it.',
               'who', 'author', 'evidence', '[]'::jsonb, 'choices', '["retry", "cancel"]'::jsonb)
           FROM x WHERE p.id = x.id RETURNING p.id`,
  });
  return rows.length;
}
