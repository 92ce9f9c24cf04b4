import { z } from 'zod';
import type { Database, Sql } from '../db/client.ts';
import type { ErrorClass } from '../errors.ts';
import type { SealedAccount } from '../integrations/account.ts';
import { sealedAccountSql } from '../integrations/store.ts';
import type { PublishMode } from '../providers/content.ts';

/** What can be replayed at all: a post that is where it should be is never sent anew. */
export const replayableStatuses = ['failed', 'missed', 'unknown'] as const;
type ReplayableStatus = (typeof replayableStatuses)[number];

interface ReplayFilter {
  readonly tenantId: string | null;
  readonly classes: readonly ErrorClass[] | null;
  readonly statuses: readonly ReplayableStatus[];
  /** Of the due time; without one, of the approval. */
  readonly from: Date | null;
  readonly to: Date | null;
}

export interface ReplayPlan {
  readonly filter: ReplayFilter;
  readonly spreadS: number;
  /** The new due time of the first post; null keeps each post's own, or means now where that has gone by. */
  readonly scheduledAt: Date | null;
}

/** More than this is several replays: an answer about it could not be read by anybody. */
export const mostPosts = 5_000;

export const replayStates = ['running', 'done', 'stopped'] as const;
export const itemStates = ['pending', 'done', 'skipped', 'stopped'] as const;
type ItemState = (typeof itemStates)[number];

/** What became of one post of a replay. */
const itemResult = z.looseObject({
  /** Its new due time, where the replay gave one. */
  due_at: z.string().nullish(),
  /** Of the post, after it was acted on. */
  status: z.string().nullish(),
  /** Why it was skipped. */
  reason: z.string().nullish(),
});
type ItemResult = z.output<typeof itemResult>;

/** When each of so many posts is acted on: evenly over the spread, the first at once. */
export function offsetsMs(count: number, spreadS: number): readonly number[] {
  const step = count > 1 ? (spreadS * 1000) / (count - 1) : 0;
  return Array.from({ length: count }, (_, index) => Math.round(index * step));
}

/** A post that a filter chose, with everything that a dry run says about it. */
export interface ReplayPost extends SealedAccount {
  readonly id: string;
  readonly tenantId: string;
  readonly integrationId: string;
  readonly provider: string;
  readonly status: ReplayableStatus;
  readonly version: number;
  readonly message: string | null;
  readonly link: string | null;
  readonly appendLink: boolean;
  readonly media: unknown;
  readonly publishMode: PublishMode | null;
  readonly scheduledAt: Date | null;
  readonly approvedAt: Date;
  readonly autoPublish: boolean;
  readonly lateLimitS: number;
  readonly nearWindowUntil: Date | null;
  readonly capabilities: unknown;
  readonly integrationStatus: string;
  readonly errorClass: string | null;
  /** Null: no attempt of it was ever sent in one step. */
  readonly firstSentAt: Date | null;
  /** Hidden posts of its attempts that were to be shown. */
  readonly hidden: readonly string[];
  readonly staged: unknown;
  readonly now: Date;
}

const chosen = `p.status = ANY ($1::text[]) AND ($2::uuid IS NULL OR p.tenant_id = $2)
  AND ($3::text[] IS NULL OR p.error ->> 'class' = ANY ($3))
  AND ($4::timestamptz IS NULL OR coalesce(p.scheduled_at, p.approved_at, p.created_at) >= $4)
  AND ($5::timestamptz IS NULL OR coalesce(p.scheduled_at, p.approved_at, p.created_at) < $5)`;

function filterValues({ statuses, tenantId, classes, from, to }: ReplayFilter) {
  return [statuses, tenantId, classes, from, to];
}

/** Nearest due first; one more than may be replayed at once when there are more. */
export async function choosePosts(sql: Sql, filter: ReplayFilter): Promise<readonly ReplayPost[]> {
  return sql.query<ReplayPost>({
    text: `SELECT p.id, p.tenant_id AS "tenantId", p.integration_id AS "integrationId", p.provider, p.status, p.version,
             p.message, p.link, p.append_link AS "appendLink", p.media, p.publish_mode AS "publishMode", p.scheduled_at AS "scheduledAt",
             coalesce(p.approved_at, p.created_at) AS "approvedAt", t.auto_publish AS "autoPublish",
             t.late_limit_s AS "lateLimitS", i.near_window_until AS "nearWindowUntil", i.capabilities, i.status AS "integrationStatus",
             ${sealedAccountSql},
             p.error ->> 'class' AS "errorClass", s.first_sent_at AS "firstSentAt", coalesce(s.hidden, '{}') AS hidden, s.staged, clock_timestamp() AS now
           FROM social_publisher.social_posts p
           JOIN social_publisher.tenants t ON t.id = p.tenant_id
           JOIN social_publisher.integrations i ON i.id = p.integration_id
           LEFT JOIN LATERAL (
             SELECT min(a.sent_at) FILTER (WHERE a.hidden_id IS NULL) AS first_sent_at,
               array_agg(a.hidden_id) FILTER (WHERE a.hidden_id IS NOT NULL) AS hidden,
               jsonb_path_query_array(jsonb_agg(a.staged), '$[*][*]') AS staged
             FROM social_publisher.publish_attempts a WHERE a.post_id = p.id AND a.sent_at IS NOT NULL
           ) s ON true
           WHERE ${chosen} ORDER BY coalesce(p.scheduled_at, p.approved_at, p.created_at), p.id LIMIT ${mostPosts + 1}`,
    values: filterValues(filter),
  });
}

export interface ReplayRow {
  readonly id: string;
  readonly filter: unknown;
  readonly spreadS: number;
  readonly scheduledAt: Date | null;
  readonly state: (typeof replayStates)[number];
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  readonly pending: number;
  readonly done: number;
  readonly skipped: number;
  readonly stopped: number;
}

const count = (state: ItemState) =>
  `(SELECT count(*)::int FROM social_publisher.replay_items n WHERE n.replay_id = r.id AND n.state = '${state}') AS ${state}`;
const columns = `r.id, r.filter, r.spread_s AS "spreadS", r.scheduled_at AS "scheduledAt", r.state,
  r.created_by AS "createdBy", r.created_at AS "createdAt", r.ended_at AS "endedAt",
  ${count('pending')}, ${count('done')}, ${count('skipped')}, ${count('stopped')}`;

/** The audit row (who, when, what) and one item a post, each with its moment. */
export async function createReplay(
  db: Database,
  replay: {
    readonly id: string;
    readonly createdBy: string;
    readonly plan: ReplayPlan;
    /** The filter as it was asked for. */
    readonly asked: object;
    readonly posts: readonly ReplayPost[];
  },
): Promise<void> {
  const { id, plan, posts } = replay;
  const offsets = offsetsMs(posts.length, plan.spreadS);
  const items = posts.map(({ id: postId, version }, index) => {
    const offset = offsets[index] ?? 0;
    if (plan.scheduledAt === null) return { post_id: postId, version, offset, result: {} };
    // With a time of their own the posts go out spread by themselves.
    const dueAt = new Date(plan.scheduledAt.getTime() + offset).toISOString();
    return { post_id: postId, version, offset: 0, result: { due_at: dueAt } };
  });
  await db.transaction(async (tx) => {
    await tx.query({
      text: `INSERT INTO social_publisher.replays (id, filter, spread_s, scheduled_at, created_by, state, ended_at)
             VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $6 = 'done' THEN clock_timestamp() END)`,
      values: [
        id,
        JSON.stringify(replay.asked),
        plan.spreadS,
        plan.scheduledAt,
        replay.createdBy,
        items.length === 0 ? 'done' : 'running',
      ],
    });
    await tx.query({
      text: `INSERT INTO social_publisher.replay_items (replay_id, post_id, version, result, run_at)
             SELECT $1, x.post_id, x.version, x.result, statement_timestamp() + x.offset * interval '1 millisecond'
             FROM jsonb_to_recordset($2::jsonb) AS x (post_id uuid, version int, "offset" int, result jsonb)`,
      values: [id, JSON.stringify(items)],
    });
  });
}

export async function findReplay(sql: Sql, id: string): Promise<ReplayRow | null> {
  const [row] = await sql.query<ReplayRow>({
    text: `SELECT ${columns} FROM social_publisher.replays r WHERE r.id = $1`,
    values: [id],
  });
  return row ?? null;
}

/** Newest first, those before the id `before`. */
export async function listReplays(
  sql: Sql,
  page: { readonly before: string | null; readonly limit: number },
): Promise<ReplayRow[]> {
  return sql.query<ReplayRow>({
    text: `SELECT ${columns} FROM social_publisher.replays r
           WHERE $1::uuid IS NULL OR r.id < $1 ORDER BY r.id DESC LIMIT $2`,
    values: [page.before, page.limit],
  });
}

export interface ReplayItem {
  readonly postId: string;
  readonly version: number;
  readonly state: ItemState;
  readonly result: ItemResult;
  readonly runAt: Date;
}

export async function listItems(
  { prisma }: Database,
  replayId: string,
  limit: number,
): Promise<readonly ReplayItem[]> {
  const rows = await prisma.replayItem.findMany({
    where: { replayId },
    orderBy: [{ runAt: 'asc' }, { postId: 'asc' }],
    take: limit,
  });
  return rows.map((row) => ({
    ...row,
    state: z.enum(itemStates).parse(row.state),
    result: itemResult.parse(row.result),
  }));
}

/** What was not acted on stays as it is. Again: nothing more happens. */
export async function stopReplay(db: Database, id: string): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query({
      text: `UPDATE social_publisher.replays SET state = 'stopped', ended_at = clock_timestamp()
             WHERE id = $1 AND state = 'running'`,
      values: [id],
    });
    await tx.query({
      text: `UPDATE social_publisher.replay_items i SET state = 'stopped'
             FROM social_publisher.replays r
             WHERE i.replay_id = $1 AND r.id = i.replay_id AND r.state = 'stopped' AND i.state = 'pending'`,
      values: [id],
    });
  });
}

export interface DueItem {
  readonly replayId: string;
  readonly postId: string;
  readonly version: number;
  /** Null when the post is gone. */
  readonly tenantId: string | null;
  readonly result: ItemResult;
}

/** Items whose moment has come; each comes again a minute later, should this process end before it was acted on. */
export async function claimDueItems(sql: Sql, limit: number): Promise<readonly DueItem[]> {
  const rows = await sql.query<Omit<DueItem, 'result'> & { readonly result: unknown }>({
    name: 'replays_claim_items',
    text: `WITH mine AS MATERIALIZED (
             SELECT i.replay_id, i.post_id FROM social_publisher.replay_items i
             JOIN social_publisher.replays r ON r.id = i.replay_id AND r.state = 'running'
             WHERE i.state = 'pending' AND i.run_at <= statement_timestamp()
             ORDER BY i.run_at LIMIT $1 FOR UPDATE OF i SKIP LOCKED
           )
           UPDATE social_publisher.replay_items i SET run_at = clock_timestamp() + interval '1 minute'
           FROM mine LEFT JOIN social_publisher.social_posts p ON p.id = mine.post_id
           WHERE i.replay_id = mine.replay_id AND i.post_id = mine.post_id
           RETURNING i.replay_id AS "replayId", i.post_id AS "postId", i.version, p.tenant_id AS "tenantId", i.result`,
    values: [limit],
  });
  return rows.map((row) => ({ ...row, result: itemResult.parse(row.result) }));
}

export interface ItemEnd {
  readonly replayId: string;
  readonly postId: string;
  readonly state: 'done' | 'skipped';
  readonly result: ItemResult;
}

/** Also ends the replays whose last item this was. Resolves with their ids. */
export async function endItems(db: Database, ends: readonly ItemEnd[]): Promise<readonly string[]> {
  return db.transaction(async (tx) => {
    await tx.query({
      text: `UPDATE social_publisher.replay_items i SET state = x.state, result = i.result || x.result,
               run_at = clock_timestamp()
             FROM jsonb_to_recordset($1::jsonb) AS x ("replayId" uuid, "postId" uuid, state text, result jsonb)
             WHERE i.replay_id = x."replayId" AND i.post_id = x."postId" AND i.state IN ('pending', 'stopped')`,
      values: [JSON.stringify(ends)],
    });
    const ended = await tx.query<{ id: string }>({
      text: `UPDATE social_publisher.replays r SET state = 'done', ended_at = clock_timestamp()
             WHERE r.id = ANY ($1::uuid[]) AND r.state = 'running' AND NOT EXISTS (
               SELECT FROM social_publisher.replay_items i WHERE i.replay_id = r.id AND i.state = 'pending')
             RETURNING r.id`,
      values: [[...new Set(ends.map(({ replayId }) => replayId))]],
    });
    return ended.map(({ id }) => id);
  });
}
