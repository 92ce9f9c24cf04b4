import type { Sql } from '../db/client.ts';
import type { ErrorRecord } from '../errors.ts';
import type { Attention, PostStatus, PublishMode, Waiting } from './post.ts';

/**
 * One conditional write of the program to one post: it happens only while the post has this version and one of these
 * statuses. Fields that are absent from `set` stay as they are.
 */
export interface PostChange {
  readonly id: string;
  readonly version: number;
  readonly from: readonly PostStatus[];
  readonly to: PostStatus;
  readonly set: PostFields;
}

export interface PostFields {
  readonly effectiveMode?: PublishMode | null;
  readonly calls?: number;
  readonly tries?: number;
  readonly nextRunAt?: Date | null;
  /** From now, by the database's clock; null ends the lease. */
  readonly leaseMs?: number | null;
  /** From now, by the database's clock. */
  readonly verifyInMs?: number | null;
  readonly externalId?: string | null;
  readonly publishUrl?: string | null;
  readonly error?: ErrorRecord | null;
  readonly attention?: Attention | null;
  readonly waiting?: Waiting | null;
  readonly preparedAt?: Date | null;
  readonly publishedAt?: Date | null;
  readonly latenessMs?: number | null;
}

/**
 * SQL: the status of a post `p` that is looked up by its id. Plainly compared it would fit the partial indexes too, and
 * PostgreSQL, whose statistics are of a time when hardly any post had it, would read all posts that have it now.
 */
export const statusOfKnown = `(p.status || '')`;

const calledOff = `p.status = 'unknown' AND NOT p.resend AND x."to" IN ('approved', 'failed', 'missed')`;

/**
 * Returns the ids of the posts that were changed; the others are no longer what the caller believed. An unknown post
 * that somebody called off meanwhile is cancelled where it would otherwise be sent again, or ask for it.
 */
export async function changePosts(
  sql: Sql,
  changes: readonly PostChange[],
): Promise<ReadonlySet<string>> {
  if (changes.length === 0) return new Set();
  const rows = await sql.query<{ id: string }>({
    name: 'posts_change',
    text: `UPDATE social_publisher.social_posts p SET internal_write = true,
             status = CASE WHEN ${calledOff} THEN 'cancelled' ELSE x."to" END,
             effective_mode = CASE WHEN x.set ? 'effectiveMode' THEN x.set ->> 'effectiveMode' ELSE p.effective_mode END,
             calls = CASE WHEN x.set ? 'calls' THEN (x.set ->> 'calls')::int ELSE p.calls END,
             tries = CASE WHEN x.set ? 'tries' THEN (x.set ->> 'tries')::int ELSE p.tries END,
             next_run_at = CASE WHEN ${calledOff} THEN NULL
               WHEN x.set ? 'nextRunAt' THEN (x.set ->> 'nextRunAt')::timestamptz ELSE p.next_run_at END,
             lease_until = CASE WHEN x.set ? 'leaseMs'
               THEN clock_timestamp() + (x.set ->> 'leaseMs')::int * interval '1 millisecond' ELSE p.lease_until END,
             verify_at = CASE WHEN x.set ? 'verifyInMs'
               THEN clock_timestamp() + (x.set ->> 'verifyInMs')::int * interval '1 millisecond' ELSE p.verify_at END,
             external_id = CASE WHEN x.set ? 'externalId' THEN x.set ->> 'externalId' ELSE p.external_id END,
             publish_url = CASE WHEN x.set ? 'publishUrl' THEN x.set ->> 'publishUrl' ELSE p.publish_url END,
             error = CASE WHEN x.set ? 'error' THEN nullif(x.set -> 'error', 'null') ELSE p.error END,
             attention = CASE WHEN ${calledOff} THEN NULL
               WHEN x.set ? 'attention' THEN nullif(x.set -> 'attention', 'null') ELSE p.attention END,
             waiting = CASE WHEN ${calledOff} THEN NULL
               WHEN x.set ? 'waiting' THEN nullif(x.set -> 'waiting', 'null') ELSE p.waiting END,
             prepared_at = CASE WHEN x.set ? 'preparedAt'
               THEN (x.set ->> 'preparedAt')::timestamptz ELSE p.prepared_at END,
             published_at = CASE WHEN x.set ? 'publishedAt'
               THEN (x.set ->> 'publishedAt')::timestamptz ELSE p.published_at END,
             lateness_ms = CASE WHEN x.set ? 'latenessMs' THEN (x.set ->> 'latenessMs')::int ELSE p.lateness_ms END
           FROM jsonb_to_recordset($1::jsonb) AS x (id uuid, version int, "from" jsonb, "to" text, set jsonb)
           WHERE p.id = x.id AND p.version = x.version AND x."from" ? p.status AND p.id = ANY ($2::uuid[])
           RETURNING p.id`,
    // The ids apart: of a recordset PostgreSQL expects a hundred rows, and reads a small table whole for those.
    values: [JSON.stringify(changes), changes.map((change) => change.id)],
  });
  return new Set(rows.map((row) => row.id));
}

/** The sweeper leaves a publishing post alone while its worker renews this. False: it is no longer this worker's. */
export async function renewLease(
  sql: Sql,
  post: { readonly id: string; readonly run: number },
  leaseMs: number,
): Promise<boolean> {
  const rows = await sql.query<{ id: string }>({
    name: 'posts_renew_lease',
    text: `UPDATE social_publisher.social_posts p SET internal_write = true,
             lease_until = clock_timestamp() + $3 * interval '1 millisecond'
           WHERE id = $1 AND run = $2 AND ${statusOfKnown} = 'publishing' RETURNING id`,
    values: [post.id, post.run, leaseMs],
  });
  return rows.length === 1;
}
