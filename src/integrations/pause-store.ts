import type { Database, Sql } from '../db/client.ts';
import { NotFoundError } from '../errors.ts';
import { replan, setWaiting } from '../posts/store.ts';
import {
  findPause,
  type Pausable,
  type Pause,
  type PauseScope,
  pauseEnding,
  pauseScopes,
  pauseSubjects,
} from './pause.ts';

/** A pause is honoured this long after it was made, at the latest. */
const freshForMs = 1_000;

interface Known {
  readonly at: number;
  readonly pauses: Promise<readonly Pause[]>;
}

const lastRead = new WeakMap<Sql, Known>();

/**
 * The pause that holds this row, or null. Asked right before anything is sent, read or changed at a provider; one read
 * a second answers the whole process. Throws while the database is away: then nothing may be sent anyway.
 */
export async function readPause(
  { db }: { readonly db: Sql },
  row: Pausable,
): Promise<Pause | null> {
  return findPause(await pausesOf(db), row);
}

/** After this process itself paused something, or lifted a pause. */
export function forgetPauses(db: Sql): void {
  lastRead.delete(db);
}

function pausesOf(db: Sql): Promise<readonly Pause[]> {
  const last = lastRead.get(db);
  const now = performance.now();
  if (last !== undefined && now - last.at < freshForMs) return last.pauses;
  const pauses = readPauses(db);
  lastRead.set(db, { at: now, pauses });
  pauses.catch(() => lastRead.delete(db));
  return pauses;
}

const columns = `id, scope, target, reason, created_by AS "createdBy", created_at AS "createdAt"`;

/** True for a row `i` of the integrations that a pause holds; each list is read once a statement. */
export const isPausedSql = `(EXISTS (SELECT FROM social_publisher.pauses WHERE scope = 'all')
  OR i.provider IN (SELECT target FROM social_publisher.pauses WHERE scope = 'provider')
  OR i.tenant_id::text IN (SELECT target FROM social_publisher.pauses WHERE scope = 'tenant')
  OR i.id::text IN (SELECT target FROM social_publisher.pauses WHERE scope = 'integration'))`;

export interface NewPause {
  readonly id: string;
  readonly scope: PauseScope;
  readonly target: string;
  readonly reason: string | null;
  readonly createdBy: string;
}

/** What is paused already by the same hand stays as it is. What is due of it says so at once. */
export async function addPause(
  db: Database,
  pause: NewPause,
): Promise<{ readonly pause: Pause; readonly isNew: boolean }> {
  return db.transaction(async (tx) => {
    const [added] = await tx.query<Pause>({
      text: `INSERT INTO social_publisher.pauses (id, scope, target, reason, created_by)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING ${columns}`,
      values: [pause.id, pause.scope, pause.target, pause.reason, pause.createdBy],
    });
    if (added === undefined) return { pause: await findKnown(tx, pause), isNew: false };
    await explainPauses(tx);
    return { pause: added, isNew: true };
  });
}

async function findKnown(tx: Sql, { scope, target, createdBy }: NewPause): Promise<Pause> {
  const [known] = await tx.query<Pause>({
    text: `SELECT ${columns} FROM social_publisher.pauses
           WHERE scope = $1 AND target = $2 AND created_by = $3`,
    values: [scope, target, createdBy],
  });
  if (known === undefined) throw noSuchPause();
  return known;
}

/** Whether there is such a tenant or integration; for a tenant: whether it is its own. */
export async function isKnownTarget(
  { prisma }: Database,
  { scope, target: id }: { readonly scope: 'tenant' | 'integration'; readonly target: string },
  tenantId: string | undefined,
): Promise<boolean> {
  if (scope === 'tenant' && tenantId !== undefined && id !== tenantId) return false;
  const known =
    scope === 'tenant'
      ? prisma.tenant.count({ where: { id } })
      : prisma.integration.count({
          where: { id, ...(tenantId === undefined ? {} : { tenantId }) },
        });
  return (await known) > 0;
}

/** All of them; read by every worker every second, so there had better be few. */
export async function readPauses(sql: Sql): Promise<readonly Pause[]> {
  return sql.query<Pause>({
    name: 'pauses_read',
    text: `SELECT ${columns} FROM social_publisher.pauses ORDER BY id`,
  });
}

export interface PauseFilter {
  /** Of this tenant and its integrations only; undefined: all. */
  readonly tenantId: string | undefined;
  readonly before: string | null;
  readonly limit: number;
}

/** Newest first. */
export async function listPauses(sql: Sql, filter: PauseFilter): Promise<readonly Pause[]> {
  return sql.query<Pause>({
    text: `SELECT ${columns} FROM social_publisher.pauses
           WHERE ($1::uuid IS NULL OR (scope = 'tenant' AND target = $1::text) OR (scope = 'integration'
               AND target IN (SELECT id::text FROM social_publisher.integrations WHERE tenant_id = $1)))
             AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
    values: [filter.tenantId ?? null, filter.before, filter.limit],
  });
}

/**
 * Lifts a pause: what it held is planned again within a second, unless another pause holds it. With `createdBy` only a
 * pause of that hand. Throws NotFoundError.
 */
export async function removePause(db: Database, id: string, createdBy?: string): Promise<void> {
  await db.transaction(async (tx) => {
    const rows = await tx.query({
      text: `DELETE FROM social_publisher.pauses
             WHERE id = $1 AND ($2::text IS NULL OR created_by = $2) RETURNING id`,
      values: [id, createdBy ?? null],
    });
    if (rows.length === 0) throw noSuchPause();
    const isDue = `p.next_run_at <= statement_timestamp() AND p.waiting ->> 'reason' = 'paused'`;
    await replan(tx, `${isDue} AND NOT ${isPausedSql}`, []);
  });
}

/** As `textOfPause` writes it, for all posts in one statement. */
const textSql = `CASE held.scope ${pauseScopes
  .map((scope) => `WHEN '${scope}' THEN '${pauseSubjects[scope]}'`)
  .join(' ')} END || ' paused' || coalesce(': ' || held.reason, '') || '. ${pauseEnding}'`;

/**
 * Due posts of what is paused say that they wait for it: nothing else would touch them, as nothing claims them. Those
 * of a dead account go on saying that. Resolves with how many were told.
 */
export async function explainPauses(sql: Sql): Promise<number> {
  return setWaiting(sql, {
    name: 'posts_tell_paused',
    tables: `held AS MATERIALIZED (
      SELECT i.id, first.scope, first.reason FROM social_publisher.integrations i
      CROSS JOIN LATERAL (
        SELECT x.scope, x.reason FROM social_publisher.pauses x
        WHERE x.scope = 'all' OR (x.scope = 'provider' AND x.target = i.provider)
          OR (x.scope = 'tenant' AND x.target = i.tenant_id::text)
          OR (x.scope = 'integration' AND x.target = i.id::text)
        ORDER BY array_position('{all,provider,tenant,integration}', x.scope) LIMIT 1
      ) first
      WHERE i.status = 'active' AND EXISTS (SELECT FROM social_publisher.pauses)
    )`,
    posts: `SELECT p.id, jsonb_build_object('reason', 'paused', 'until', NULL, 'text', ${textSql}) AS waiting
            FROM held JOIN social_publisher.social_posts p ON p.integration_id = held.id
            WHERE p.status = 'approved' AND p.next_run_at <= statement_timestamp()
              AND p.waiting ->> 'reason' IS DISTINCT FROM 'paused'
            ORDER BY p.id LIMIT 5000 FOR UPDATE OF p SKIP LOCKED`,
  });
}

function noSuchPause(): NotFoundError {
  return new NotFoundError('not_found', 'There is no such pause.');
}
