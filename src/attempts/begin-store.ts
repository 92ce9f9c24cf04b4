import type { Database, Sql } from '../db/client.ts';
import {
  availableCalls,
  type Budget,
  bookCalls,
  loadBudgets,
  lockBudgets,
  type Spending,
} from '../integrations/budget-store.ts';
import { changePosts, type PostChange, statusOfKnown } from '../posts/store.ts';
import type { PostContent, PublishMode, StagedMedium } from '../providers/content.ts';
import { setOrphaned, withOrphan } from './leftover-store.ts';
import { sendWithinMs } from './settle-store.ts';

/**
 * SQL: the calls of an attempt `a` that its worker, which is gone, may have made and nobody has booked. Known are those
 * up to its last save; after it one more may have been under way, or the three of a look, which only follows an attempt
 * that was sent.
 */
export const callsOfLostWorker = `jsonb_array_length(a.calls) - a.booked + CASE WHEN EXISTS (
  SELECT FROM social_publisher.publish_attempts e WHERE e.post_id = a.post_id AND e.sent_at IS NOT NULL
) THEN 3 ELSE 1 END`;

/** A post that its worker wants to begin, as it was judged. */
export interface AttemptRequest {
  readonly postId: string;
  readonly integrationId: string;
  readonly version: number;
  readonly mode: PublishMode;
  readonly scheduledAt: Date | null;
  readonly dueAt: Date;
  readonly content: PostContent;
  readonly contentHash: string;
  /** The attempt of this version that rests as `prepared`: it goes on. */
  readonly resumes: string | null;
  /** An attempt of an older version rests: this one takes its place. */
  readonly replaces: boolean;
  /** Media that need not be staged again. */
  readonly staged: readonly StagedMedium[];
  readonly budgetKey: string;
  readonly calls: number;
  /** Calls that the attempt which goes on has set aside already. */
  readonly kept: number;
  /** What its first call does; for a visible one the attempt is opened as `sent`. */
  readonly opens: 'stages' | 'creates' | 'sends';
  /** A hand-over for later than tomorrow leaves room for what must go out before. */
  readonly leavesRoom: boolean;
}

export type AttemptResult =
  | { readonly kind: 'begun'; readonly attemptId: string; readonly run: number }
  /** Somebody edited, cancelled or claimed it, or its tenant may no longer publish: nothing was done. */
  | { readonly kind: 'gone' }
  /** A post of equal content is on its way to the same account. */
  | { readonly kind: 'equal_in_flight' }
  | { readonly kind: 'no_budget'; readonly budget: Budget };

export interface BeginSettings {
  readonly callsPerHour: number;
  readonly leaseMs: number;
  readonly timeoutMs: number;
}

/**
 * Claims queued posts, sets their calls aside and opens their attempts, all in one transaction: whoever has an attempt
 * has its calls, and nobody else has the post.
 */
export async function beginAttempts(
  db: Database,
  beginnings: readonly AttemptRequest[],
  settings: BeginSettings,
): Promise<readonly AttemptResult[]> {
  const alone = firstOfEachPost(beginnings);
  return db.transaction(async (tx) => {
    // Posts before budgets, as everybody locks them; sent together, in this order, as neither needs the other's answer.
    const [locked, budgets] = await Promise.all([
      lockQueued(tx, alone),
      lockAndLoadBudgets(tx, alone, settings.callsPerHour),
    ]);
    const ready = alone.filter((item) => locked.has(item.postId));
    const refused = await refuseBeyondBudget(tx, ready, budgets);
    const affordable = ready.filter((item) => !refused.has(item.postId));
    const opened = await openAttempts(tx, affordable, locked, settings.timeoutMs);
    await changePosts(
      tx,
      affordable
        .filter((item) => opened.has(item.postId))
        .map((item) => toPublishing(item, settings)),
    );
    const begins = new Set(alone);
    return beginnings.map((item): AttemptResult => {
      const run = begins.has(item) ? locked.get(item.postId) : undefined;
      if (run === undefined) return { kind: 'gone' };
      const budget = refused.get(item.postId);
      if (budget !== undefined) return { kind: 'no_budget', budget };
      const attemptId = opened.get(item.postId);
      return attemptId === undefined
        ? { kind: 'equal_in_flight' }
        : { kind: 'begun', attemptId, run };
    });
  });
}

/** Several jobs of one post may come at once: one of them gets the attempt, to the others the post is gone. */
function firstOfEachPost(beginnings: readonly AttemptRequest[]): readonly AttemptRequest[] {
  const first = new Map<string, AttemptRequest>();
  for (const item of beginnings) if (!first.has(item.postId)) first.set(item.postId, item);
  return [...first.values()];
}

function toPublishing(item: AttemptRequest, settings: BeginSettings): PostChange {
  return {
    id: item.postId,
    version: item.version,
    from: ['queued'],
    to: 'publishing',
    set: { effectiveMode: item.mode, calls: item.calls, leaseMs: settings.leaseMs, waiting: null },
  };
}

async function lockQueued(
  tx: Sql,
  beginnings: readonly AttemptRequest[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await tx.query<{ id: string; run: number }>({
    name: 'attempts_lock_queued',
    text: `SELECT p.id, p.run FROM social_publisher.social_posts p
           JOIN unnest($1::uuid[], $2::int[], $3::boolean[]) AS x (id, version, publishes) ON x.id = p.id
           JOIN social_publisher.tenants t ON t.id = p.tenant_id
           WHERE ${statusOfKnown} = 'queued' AND p.version = x.version AND (t.auto_publish OR NOT x.publishes)
             AND NOT EXISTS (SELECT FROM social_publisher.instance WHERE fenced_at IS NOT NULL)
           ORDER BY p.id FOR UPDATE OF p`,
    values: [
      beginnings.map((item) => item.postId),
      beginnings.map((item) => item.version),
      beginnings.map((item) => item.mode === 'publish'),
    ],
  });
  return new Map(rows.map((row) => [row.id, row.run]));
}

interface LoadedBudgets {
  readonly limit: number;
  readonly budgets: ReadonlyMap<string, Budget>;
  readonly now: Date;
}

async function lockAndLoadBudgets(
  tx: Sql,
  items: readonly AttemptRequest[],
  limit: number,
): Promise<LoadedBudgets> {
  const keys = [...new Set(items.map((item) => item.budgetKey))];
  const [, loaded] = await Promise.all([lockBudgets(tx, keys), loadBudgets(tx, keys, limit)]);
  return { limit, ...loaded };
}

/** Nearest due first; whoever does not fit whole gets nothing. */
async function refuseBeyondBudget(
  tx: Sql,
  ready: readonly AttemptRequest[],
  { limit, budgets, now }: LoadedBudgets,
): Promise<ReadonlyMap<string, Budget>> {
  const refused = new Map<string, Budget>();
  const left = new Map(budgets);
  const room = await neededWithinADay(
    tx,
    ready.filter((item) => item.leavesRoom),
  );
  for (const item of ready.toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime())) {
    const budget = left.get(item.budgetKey) ?? { limit, reserved: 0, used: [] };
    const kept = item.leavesRoom ? (room.get(item.integrationId) ?? 0) : 0;
    if (availableCalls(budget, now) + item.kept - kept < item.calls)
      refused.set(item.postId, budget);
    else
      left.set(item.budgetKey, { ...budget, reserved: budget.reserved + item.calls - item.kept });
  }
  return refused;
}

async function neededWithinADay(
  tx: Sql,
  far: readonly AttemptRequest[],
): Promise<ReadonlyMap<string, number>> {
  if (far.length === 0) return new Map();
  const rows = await tx.query<{ integration_id: string; calls: number }>({
    name: 'attempts_needed_within_a_day',
    text: `SELECT integration_id, sum(calls)::int AS calls FROM (
             SELECT integration_id, calls, scheduled_at FROM social_publisher.social_posts
             WHERE integration_id = ANY ($1::uuid[]) AND status = 'approved'
               AND scheduled_at < statement_timestamp() + interval '1 day'
             UNION ALL
             SELECT integration_id, calls, scheduled_at FROM social_publisher.social_posts
             WHERE integration_id = ANY ($1::uuid[]) AND status IN ('queued', 'publishing') AND status = 'queued'
               AND scheduled_at < statement_timestamp() + interval '1 day'
           ) AS soon GROUP BY integration_id`,
    values: [[...new Set(far.map((item) => item.integrationId))]],
  });
  return new Map(rows.map((row) => [row.integration_id, row.calls]));
}

/**
 * An attempt that rests goes on under the next run; one of an older version gives way to a new one.
 * Rows that a unique index refuses are those of equal content in flight (or of a post that was confirmed already).
 */
async function openAttempts(
  tx: Sql,
  items: readonly AttemptRequest[],
  runs: ReadonlyMap<string, number>,
  timeoutMs: number,
): Promise<ReadonlyMap<string, string>> {
  if (items.length === 0) return new Map();
  const replaced = items.filter((item) => item.replaces).map((item) => item.postId);
  if (replaced.length > 0) await abandonPrepared(tx, replaced);
  const rows = items.map((item) => ({
    post_id: item.postId,
    integration_id: item.integrationId,
    run: runs.get(item.postId),
    version: item.version,
    id: item.resumes,
    opens: item.opens,
    state: item.opens === 'sends' ? 'sent' : 'prepared',
    mode: item.mode,
    content_hash: item.contentHash,
    content: item.content,
    scheduled_at: item.scheduledAt,
    staged: item.staged,
    budget_key: item.budgetKey,
    reserved: item.calls,
  }));
  const resumed = rows.filter((row) => row.id !== null);
  const opened = [
    ...(await insertAttempts(
      tx,
      rows.filter((row) => row.id === null),
      timeoutMs,
    )),
    ...(await resumeAttempts(tx, resumed, timeoutMs)),
  ];
  return new Map(opened.map((row) => [row.post_id, row.id]));
}

interface Opened {
  readonly id: string;
  readonly post_id: string;
}

const begunTimes = `CASE WHEN x.state = 'sent' THEN clock_timestamp() END,
  CASE WHEN x.state = 'sent' THEN clock_timestamp() + $2 * interval '1 millisecond' END,
  CASE WHEN x.opens = 'creates' THEN clock_timestamp() END`;

async function insertAttempts(
  tx: Sql,
  rows: readonly object[],
  timeoutMs: number,
): Promise<readonly Opened[]> {
  if (rows.length === 0) return [];
  return tx.query<Opened>({
    name: 'attempts_open',
    text: `INSERT INTO social_publisher.publish_attempts
             (post_id, integration_id, run, version, state, mode, content_hash, content, scheduled_at, staged,
              budget_key, reserved, sent_at, owned_until, creating_at)
           SELECT x.post_id, x.integration_id, x.run, x.version, x.state, x.mode, x.content_hash, x.content,
             x.scheduled_at, x.staged, x.budget_key, x.reserved, ${begunTimes}
           FROM jsonb_to_recordset($1::jsonb) AS x (post_id uuid, integration_id uuid, run int, version int,
             state text, mode text, content_hash text, content jsonb, scheduled_at timestamptz, staged jsonb,
             budget_key text, reserved int, opens text)
           ON CONFLICT DO NOTHING RETURNING id, post_id`,
    values: [JSON.stringify(rows), sendWithinMs + timeoutMs],
  });
}

/** A call that was begun and never told of is one of the orphans from here on. */
async function resumeAttempts(
  tx: Sql,
  rows: readonly object[],
  timeoutMs: number,
): Promise<readonly Opened[]> {
  if (rows.length === 0) return [];
  return tx.query<Opened>({
    name: 'attempts_resume',
    text: `UPDATE social_publisher.publish_attempts a
           SET run = x.run, state = x.state, mode = x.mode, scheduled_at = x.scheduled_at, staged = x.staged,
             content_hash = x.content_hash, reserved = x.reserved, resting = false, error = NULL,
             (sent_at, owned_until, creating_at) = (SELECT coalesce(n.sent_at, a.sent_at), n.owned_until, n.creating_at
               FROM (SELECT ${begunTimes}) AS n (sent_at, owned_until, creating_at)),
             orphans = CASE WHEN a.creating_at IS NULL AND x.staged = '[]' AND a.staged <> '[]' AND a.hidden_id IS NULL
               THEN a.orphans || jsonb_build_object('id', NULL, 'media', a.staged) ELSE ${withOrphan} END
           FROM jsonb_to_recordset($1::jsonb) AS x (id uuid, run int, state text, mode text, content_hash text,
             scheduled_at timestamptz, staged jsonb, reserved int, opens text)
           WHERE a.id = x.id AND a.state = 'prepared' RETURNING a.id, a.post_id`,
    values: [JSON.stringify(rows), sendWithinMs + timeoutMs],
  });
}

/** What a worker that may still be at one of them can have used is booked. */
async function abandonPrepared(tx: Sql, postIds: readonly string[]): Promise<void> {
  const abandoned = await tx.query<Spending>({
    name: 'attempts_abandon_prepared',
    text: `WITH x AS MATERIALIZED (
             SELECT a.id, CASE WHEN a.resting THEN 0 ELSE ${callsOfLostWorker} END AS calls
             FROM social_publisher.publish_attempts a
             WHERE a.post_id = ANY ($1::uuid[]) AND a.state = 'prepared' ORDER BY a.post_id FOR UPDATE
           )
           UPDATE social_publisher.publish_attempts a
           SET state = 'abandoned', reserved = 0, booked = jsonb_array_length(a.calls), settled_at = clock_timestamp(),
             ${setOrphaned}
           FROM x WHERE a.id = x.id RETURNING a.budget_key AS "budgetKey", x.calls`,
    values: [postIds],
  });
  await bookCalls(tx, abandoned);
}
