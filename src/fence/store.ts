import { z } from 'zod';
import { type Database, type Sql, sqlState } from '../db/client.ts';
import { ConfigError } from '../errors.ts';
import { purposes, type Vault } from '../vault.ts';
import type { DatabaseIdentity, Identity, Place } from './fleet-store.ts';

export interface InstanceRow {
  readonly known: Identity;
  readonly fencedAt: Date | null;
  readonly reason: string | null;
  /** What the process that fenced was configured with. */
  readonly seen: Place | null;
  /** Which process that was; null when an older version closed it. */
  readonly closedBy: Closer | null;
  readonly unfencing: unknown;
  readonly now: Date;
}

const place = z.object({ publicUrl: z.string().nullable(), graphHost: z.string().nullable() });

const closer = z.object({
  host: z.string(),
  pid: z.number(),
  role: z.string(),
  graphBaseUrl: z.string(),
  publicUrl: z.string().nullable(),
});
export type Closer = z.output<typeof closer>;

const columns = `system_identifier AS "systemIdentifier", timeline_id AS "timelineId", database_id AS "databaseId",
  public_url AS "publicUrl", graph_host AS "graphHost", fenced_at AS "fencedAt", fence_reason AS reason,
  fence_seen AS seen, unfencing, clock_timestamp() AS now`;

type Row = Identity & Omit<InstanceRow, 'known' | 'seen' | 'closedBy'> & { readonly seen: unknown };

export async function readInstance(sql: Sql): Promise<InstanceRow> {
  const [row] = await sql.query<Row>({
    name: 'instance_read',
    text: `SELECT ${columns} FROM social_publisher.instance WHERE id = 1`,
  });
  if (row === undefined) throw new Error('the row of this installation is gone');
  const { systemIdentifier, timelineId, databaseId, publicUrl, graphHost } = row;
  const known = { systemIdentifier, timelineId, databaseId, publicUrl, graphHost };
  const closedBy = closer.nullable().catch(null).parse(row.seen);
  return { ...row, known, seen: place.nullable().parse(row.seen), closedBy };
}

const databaseId = `(SELECT d.oid::text || '.' || 'social_publisher.instance'::regclass::oid::text
  FROM pg_database d WHERE d.datname = current_database())`;

// The checkpoint tells a new timeline only after the first checkpoint on it, the write-ahead log at once.
const wholeIdentity = `SELECT (pg_control_system()).system_identifier::text AS "systemIdentifier",
  greatest((pg_control_checkpoint()).timeline_id, CASE WHEN NOT pg_is_in_recovery()
    THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END) AS "timelineId",
  ${databaseId} AS "databaseId"`;

/** `isPartial`: this server does not let us ask for its identifier and timeline, as some managed ones do not. */
export async function readDatabaseIdentity(
  sql: Sql,
): Promise<DatabaseIdentity & { readonly isPartial: boolean }> {
  try {
    const [row] = await sql.query<DatabaseIdentity>({ name: 'identity', text: wholeIdentity });
    return { ...(row ?? nothing), isPartial: false };
  } catch (error) {
    if (!forbidden.has(sqlState(error) ?? '')) throw error;
  }
  const [row] = await sql.query<Pick<DatabaseIdentity, 'databaseId'>>({
    name: 'identity_partial',
    text: `SELECT ${databaseId} AS "databaseId"`,
  });
  return { ...nothing, databaseId: row?.databaseId ?? null, isPartial: true };
}

/** insufficient_privilege, undefined_function, feature_not_supported. */
const forbidden = new Set(['42501', '42883', '0A000']);
const nothing: DatabaseIdentity = { systemIdentifier: null, timelineId: null, databaseId: null };

/** What was not known before is known from here on. */
export async function adoptIdentity(sql: Sql, present: Identity): Promise<void> {
  await sql.query({
    text: `UPDATE social_publisher.instance SET system_identifier = coalesce(system_identifier, $1),
             timeline_id = coalesce(timeline_id, $2), database_id = coalesce(database_id, $3),
             public_url = coalesce(public_url, $4), graph_host = coalesce(graph_host, $5)
           WHERE id = 1 AND fenced_at IS NULL`,
    values: identityValues(present),
  });
}

function identityValues(identity: Identity) {
  const { systemIdentifier, timelineId, databaseId: id, publicUrl, graphHost } = identity;
  return [systemIdentifier, timelineId, id, publicUrl, graphHost];
}

/** False: it was fenced already, and keeps its first reason. */
export async function closeFence(sql: Sql, reason: string, seen: Place & Closer): Promise<boolean> {
  const { publicUrl, graphHost, host, pid, role, graphBaseUrl } = seen;
  const rows = await sql.query({
    text: `UPDATE social_publisher.instance SET fenced_at = clock_timestamp(), fence_reason = $1, fence_seen = $2
           WHERE id = 1 AND fenced_at IS NULL RETURNING id`,
    values: [reason, JSON.stringify({ publicUrl, graphHost, host, pid, role, graphBaseUrl })],
  });
  return rows.length === 1;
}

/** From now on a process with this PUBLIC_URL is at home. False: it is fenced, and unfencing decides. */
export async function savePublicUrl({ prisma }: Database, publicUrl: string): Promise<boolean> {
  const where = { id: 1, fencedAt: null };
  return (await prisma.instance.updateMany({ where, data: { publicUrl } })).count === 1;
}

/** Takes the work of unfencing for one runner; one that was not heard of for half a minute has lost it. */
export async function claimUnfencing(sql: Sql, runner: string, progress: object): Promise<boolean> {
  const rows = await sql.query({
    text: `UPDATE social_publisher.instance SET unfencing = $2::jsonb || jsonb_build_object('runner', $1::text)
           WHERE id = 1 AND fenced_at IS NOT NULL AND (unfencing IS NULL OR unfencing ->> 'state' <> 'running'
             OR (unfencing ->> 'updated_at')::timestamptz < clock_timestamp() - interval '30 seconds')
           RETURNING id`,
    values: [runner, JSON.stringify(progress)],
  });
  return rows.length === 1;
}

/** False: somebody else has taken the work over. */
export async function saveProgress(sql: Sql, runner: string, progress: object): Promise<boolean> {
  const rows = await sql.query({
    text: `UPDATE social_publisher.instance SET unfencing = $2::jsonb || jsonb_build_object('runner', $1::text)
           WHERE id = 1 AND unfencing ->> 'runner' = $1 RETURNING id`,
    values: [runner, JSON.stringify(progress)],
  });
  return rows.length === 1;
}

/** Sends again from here on, as what the installation is now. False: another runner has taken over. */
export async function openFence(
  sql: Sql,
  runner: string,
  identity: Identity,
  progress: object,
): Promise<boolean> {
  const rows = await sql.query({
    text: `UPDATE social_publisher.instance SET system_identifier = $1, timeline_id = $2, database_id = $3,
             public_url = $4, graph_host = $5, fenced_at = NULL, fence_reason = NULL, fence_seen = NULL,
             unfencing = $7::jsonb || jsonb_build_object('runner', $6::text)
           WHERE id = 1 AND fenced_at IS NOT NULL AND unfencing ->> 'runner' = $6 RETURNING id`,
    values: [...identityValues(identity), runner, JSON.stringify(progress)],
  });
  // Those who plan and claim stood still: they look at once.
  await sql.query({ text: `SELECT pg_notify('social_publisher_posts', '')` });
  return rows.length === 1;
}

type Backend = 'redis' | 'postgres';

/**
 * The database remembers where the queue lives: two processes with different queues would each find the other's jobs
 * missing. Throws ConfigError when this process is configured otherwise.
 */
export async function agreeOnQueue(sql: Sql, backend: Backend): Promise<void> {
  const [row] = await sql.query<{ queue_backend: Backend }>({
    text: `UPDATE social_publisher.instance SET queue_backend = coalesce(queue_backend, $1)
           WHERE id = 1 RETURNING queue_backend`,
    values: [backend],
  });
  if (row === undefined || row.queue_backend === backend) return;
  throw new ConfigError([
    `REDIS_URL ${backend === 'redis' ? 'is set' : 'is not set'}, but the queue of this database lives in ${row.queue_backend}; \`npm run cli -- queue switch ${backend}\` changes that`,
  ]);
}

/**
 * Throws ConfigError while a token is sealed with a key that ENCRYPTION_KEYS does not hold, or holds another one for
 * under the same id. Answers kept for their Idempotency-Key do not count: a repetition is told that they do not open,
 * and after 30 days they are gone.
 */
export async function requireKeys(sql: Sql, vault: Vault): Promise<void> {
  const problems = (await findUnfitKeys(sql, vault)).map(({ keyId, isMissing }) =>
    isMissing
      ? `ENCRYPTION_KEYS lacks ${keyId}: tokens are sealed with it`
      : `ENCRYPTION_KEYS: the key "${keyId}" is not the one that sealed the tokens of this database: put the right key back under this id, and give the new key another id. An embedded database belongs to the secrets folder of its own DATA_DIR`,
  );
  if (problems.length > 0) throw new ConfigError(problems);
}

export interface UnfitKey {
  readonly keyId: string;
  /** Else there is a key of this id, which is not the one that sealed. */
  readonly isMissing: boolean;
}

/** The keys that tokens need and this vault lacks. */
export async function findUnfitKeys(sql: Sql, vault: Vault): Promise<readonly UnfitKey[]> {
  const tokens = await readSomeTokens(sql);
  return [...Map.groupBy(tokens, ({ sealed }) => vault.keyIdOf(sealed))]
    .filter(([, some]) => !some.some(({ sealed, ...binding }) => vault.opens(sealed, binding)))
    .map(([keyId]) => ({ keyId, isMissing: !vault.holds(keyId) }));
}

/** Several of each key, as a single one may be damaged. */
async function readSomeTokens(sql: Sql): Promise<readonly SealedToken[]> {
  return sql.query<SealedToken>({
    text: `SELECT "tenantId", "integrationId", purpose, sealed
           FROM (SELECT *, row_number() OVER (PARTITION BY split_part(sealed, '.', 2) ORDER BY "integrationId" DESC) AS nth
                 FROM (SELECT tenant_id AS "tenantId", id::text AS "integrationId", 'token' AS purpose, sealed_token AS sealed
                         FROM social_publisher.integrations WHERE sealed_token IS NOT NULL
                        UNION ALL
                       SELECT tenant_id, id::text, $1, sealed_token FROM social_publisher.logins
                        UNION ALL
                       SELECT tenant_id, app_id, $2, sealed_secret
                         FROM social_publisher.apps WHERE sealed_secret IS NOT NULL) all_kinds) x
           WHERE nth <= 20`,
    values: [purposes.login, purposes.appSecret],
  });
}

interface SealedToken {
  readonly tenantId: string;
  readonly integrationId: string;
  readonly purpose: string;
  readonly sealed: string;
}
