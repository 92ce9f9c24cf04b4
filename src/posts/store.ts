import type { Sql } from '../db/client.ts';
import type { ErrorRecord } from '../errors.ts';
import type { PublishMode } from '../providers/content.ts';
import {
  type Attention,
  type Change,
  type PostStatus,
  type ProgramMove,
  transitions,
  type Waiting,
} from './post.ts';

/**
 * One conditional write of the program to one post: it happens only while the post has this version and one of these
 * statuses. Fields that are absent from `set` stay as they are.
 */
export interface PostChange {
  readonly id: string;
  readonly version: number;
  readonly from: readonly PostStatus[];
  readonly to: PostStatus;
  /** The column `change` as it was read: another one means that somebody else is at it. Absent: whatever it is. */
  readonly expects?: { readonly change: unknown };
  readonly set: PostFields;
}

export interface PostFields {
  readonly effectiveMode?: PublishMode | null;
  readonly calls?: number;
  readonly tries?: number;
  readonly nextRunAt?: Date | null;
  /** From now, by the database's clock; null ends the lease. */
  readonly leaseMs?: number | null;
  /** When it is next read back, from now by the database's clock. */
  readonly verifyInMs?: number | null;
  /** The same as a moment; null: never again. */
  readonly verifyAt?: Date | null;
  readonly seenAt?: Date | null;
  readonly missingAt?: Date | null;
  /** Null: it is not there, and may be sent again. */
  readonly externalId?: string | null;
  readonly publishUrl?: string | null;
  readonly error?: ErrorRecord | null;
  readonly attention?: Attention | null;
  readonly waiting?: Waiting | null;
  readonly preparedAt?: Date | null;
  readonly publishedAt?: Date | null;
  readonly latenessMs?: number | null;
  readonly change?: Change;
  /** When the change is next tried; null: it came to its end. */
  readonly changeAt?: Date | null;
  /** Text and time of the provider are content: they come with the next version. */
  readonly message?: string | null;
  readonly scheduledAt?: Date;
  /** Written with `scheduledAt` only. */
  readonly scheduledLocal?: string | null;
  readonly timezone?: string | null;
}

/** SQL: the head of every UPDATE of the program. Without the flag its trigger takes a write for an author's. */
export const updatePosts = 'UPDATE social_publisher.social_posts p SET internal_write = true,';

/** SQL: the new status of posts that are all `from`, for statements that find their posts themselves. */
export function moveSql<From extends PostStatus>(from: From, to: ProgramMove<From>): string {
  requireMove(from, to);
  return `status = '${to}'`;
}

function requireMove(from: PostStatus, to: PostStatus): void {
  const moves: readonly PostStatus[] = transitions[from].program;
  if (from === to || moves.includes(to)) return;
  throw new Error(`The program brings no post from ${from} to ${to}.`);
}

/**
 * SQL: the status of a post `p` that is looked up by its id. Plainly compared it would fit the partial indexes too, and
 * PostgreSQL, whose statistics are of a time when hardly any post had it, would read all posts that have it now.
 */
export const statusOfKnown = `(p.status || '')`;

const calledOff = `p.status = 'unknown' AND NOT p.resend AND x."to" IN ('approved', 'failed', 'missed')`;

const given = (field: keyof PostFields, value: string): string =>
  `WHEN x.set ? '${field}' THEN ${value}`;
const text = (field: keyof PostFields): string => given(field, `x.set ->> '${field}'`);
const int = (field: keyof PostFields): string => given(field, `(x.set ->> '${field}')::int`);
const at = (field: keyof PostFields): string => given(field, `(x.set ->> '${field}')::timestamptz`);
const json = (field: keyof PostFields): string =>
  given(field, `nullif(x.set -> '${field}', 'null')`);
const fromNow = (field: keyof PostFields): string =>
  given(field, `clock_timestamp() + (x.set ->> '${field}')::int * interval '1 millisecond'`);

/** Since when: one that rests again was ready before. */
const preparedAt = given(
  'preparedAt',
  `CASE WHEN x.set ->> 'preparedAt' IS NOT NULL
     THEN coalesce(p.prepared_at, (x.set ->> 'preparedAt')::timestamptz) END`,
);

/** By column: the cases in which it is written. */
const cases = {
  version: `WHEN x.set ?| ARRAY['scheduledAt', 'message'] THEN p.version + 1`,
  effective_mode: text('effectiveMode'),
  calls: int('calls'),
  tries: int('tries'),
  next_run_at: `WHEN ${calledOff} THEN NULL ${at('nextRunAt')}`,
  lease_until: fromNow('leaseMs'),
  verify_at: `${fromNow('verifyInMs')} ${at('verifyAt')}`,
  seen_at: at('seenAt'),
  missing_at: at('missingAt'),
  external_id: text('externalId'),
  publish_url: text('publishUrl'),
  error: json('error'),
  attention: `WHEN ${calledOff} THEN NULL ${json('attention')}`,
  waiting: `WHEN ${calledOff} THEN NULL ${json('waiting')}`,
  prepared_at: `WHEN x."to" IN ('failed', 'missed', 'cancelled') THEN NULL ${preparedAt}`,
  published_at: at('publishedAt'),
  lateness_ms: int('latenessMs'),
  change: json('change'),
  change_at: at('changeAt'),
  message: text('message'),
  scheduled_at: at('scheduledAt'),
  scheduled_local: given('scheduledAt', `x.set ->> 'scheduledLocal'`),
  timezone: given('scheduledAt', `x.set ->> 'timezone'`),
};
const assignments = Object.entries(cases)
  .map(([column, whens]) => `${column} = CASE ${whens} ELSE p.${column} END`)
  .join(', ');

/**
 * Returns the ids of the posts that were changed; the others are no longer what the caller believed. An unknown post
 * that somebody called off meanwhile is cancelled where it would otherwise be sent again, or ask for it. A move that
 * the table of transitions does not have is a defect: it throws, and nothing is written.
 */
export async function changePosts(
  sql: Sql,
  changes: readonly PostChange[],
): Promise<ReadonlySet<string>> {
  if (changes.length === 0) return new Set();
  for (const { from, to } of changes) for (const status of from) requireMove(status, to);
  const rows = await sql.query<{ id: string }>({
    name: 'posts_change',
    text: `${updatePosts} status = CASE WHEN ${calledOff} THEN 'cancelled' ELSE x."to" END, ${assignments}
           FROM jsonb_to_recordset($1::jsonb)
             AS x (id uuid, version int, "from" jsonb, "to" text, expects jsonb, set jsonb)
           WHERE p.id = x.id AND p.version = x.version AND x."from" ? p.status AND p.id = ANY ($2::uuid[])
             AND (x.expects IS NULL OR p.change IS NOT DISTINCT FROM nullif(x.expects -> 'change', 'null'))
           RETURNING p.id`,
    // The ids apart: of a recordset PostgreSQL expects a hundred rows, and reads a small table whole for those.
    values: [JSON.stringify(changes), changes.map((change) => change.id)],
  });
  return new Set(rows.map((row) => row.id));
}

/** The same for one post. False: it is no longer what the caller believed. */
export async function writePost(sql: Sql, change: PostChange): Promise<boolean> {
  return (await changePosts(sql, [change])).has(change.id);
}

/**
 * Approved posts `p` of integrations `i` are planned again, by the scheduler within a second, as each row without
 * `next_run_at` is. In the order of their ids, so that two of these cannot deadlock.
 */
export async function replan(sql: Sql, where: string, values: readonly unknown[]): Promise<void> {
  await sql.query({
    text: `WITH x AS (
             SELECT p.id FROM social_publisher.social_posts p
             JOIN social_publisher.integrations i ON i.id = p.integration_id
             WHERE p.status = 'approved' AND p.next_run_at IS NOT NULL AND ${where}
             ORDER BY p.id FOR UPDATE OF p
           )
           ${updatePosts} next_run_at = NULL, waiting = NULL FROM x WHERE p.id = x.id`,
    values,
  });
}

/**
 * Posts say what they wait for. `posts` is SQL that selects the `id` of each and its new `waiting`, and locks them;
 * `tables` the common table expressions that it reads. Resolves with how many were told.
 */
export async function setWaiting(
  sql: Sql,
  statement: {
    readonly name: string;
    readonly tables?: string;
    readonly posts: string;
    readonly values?: readonly unknown[];
  },
): Promise<number> {
  const { name, tables, posts, values = [] } = statement;
  const rows = await sql.query<{ id: string }>({
    name,
    text: `WITH ${tables === undefined ? '' : `${tables},`} x AS (${posts})
           ${updatePosts} waiting = x.waiting FROM x WHERE p.id = x.id RETURNING p.id`,
    values,
  });
  return rows.length;
}

/** The sweeper leaves a publishing post alone while its worker renews this. False: it is no longer this worker's. */
export async function renewLease(
  sql: Sql,
  post: { readonly id: string; readonly run: number },
  leaseMs: number,
): Promise<boolean> {
  const rows = await sql.query<{ id: string }>({
    name: 'posts_renew_lease',
    text: `${updatePosts} lease_until = clock_timestamp() + $3 * interval '1 millisecond'
           WHERE id = $1 AND run = $2 AND ${statusOfKnown} = 'publishing' RETURNING id`,
    values: [post.id, post.run, leaseMs],
  });
  return rows.length === 1;
}
