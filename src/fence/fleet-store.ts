import type { Config } from '../config/config.ts';
import type { Database, Sql } from '../db/client.ts';

/** What an installation is: the database that it lives in, and the place that it stands in. Null: not known. */
export interface Identity extends Place, DatabaseIdentity {}

export interface DatabaseIdentity {
  /** Of the server: a restored dump, or a clone that was initialised anew, has another. */
  readonly systemIdentifier: string | null;
  /** Raised whenever a standby takes over and whenever a backup is recovered to a point in time. */
  readonly timelineId: number | null;
  /** Of the database and our table in it: another after a dump was read back into the same server. */
  readonly databaseId: string | null;
}

export interface Place {
  /** As configured; null where nobody said it. */
  readonly publicUrl: string | null;
  readonly graphHost: string | null;
}

const loopback = /^(?:localhost|127\.[\d.]+|\[::1\])$/;

/** Only what was configured: an address that follows from HOST and PORT may be another at every start. */
export function placeOf(config: Pick<Config, 'http' | 'graph'>): Place {
  const { publicUrl, host, port } = config.http;
  const derived = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return {
    publicUrl: publicUrl === derived ? null : publicUrl,
    graphHost: graphHostOf(config.graph.baseUrl),
  };
}

/** A sandbox on this machine may have another port each time; it is the same network all the same. */
export function graphHostOf(baseUrl: string): string {
  const { hostname, host } = new URL(baseUrl);
  return loopback.test(hostname) ? 'loopback' : host;
}

/** As far as both are known. */
export function isSamePlace(one: Place, other: Place): boolean {
  return (['publicUrl', 'graphHost'] as const).every(
    (name) => one[name] === null || other[name] === null || one[name] === other[name],
  );
}

/** Sentences that say what is not as it was; what is unknown on either side does not count. */
export function findDifferences(known: Identity, present: Identity): readonly string[] {
  return names.flatMap(([name, label]) => {
    const [before, now] = [known[name], present[name]];
    if (before === null || now === null || before === now) return [];
    return [`${label} was ${before} and is ${now}`];
  });
}

const names = [
  ['systemIdentifier', "PostgreSQL's system_identifier"],
  ['timelineId', "PostgreSQL's timeline"],
  ['databaseId', 'the database (its oid and that of our table)'],
  ['publicUrl', 'PUBLIC_URL'],
  ['graphHost', 'the host of GRAPH_BASE_URL'],
] as const satisfies readonly (readonly [keyof Identity, string])[];

/** A process of the program, as the others see it. */
export interface Member extends Place {
  readonly host: string;
  readonly pid: number;
  readonly role: string;
  readonly graphBaseUrl: string;
  /** By key id, see `Vault.checks`. */
  readonly keyChecks: Readonly<Record<string, string>>;
}

export interface SeenMember extends Member {
  readonly id: string;
  readonly seenAt: Date;
  /** Silent, but so is everybody: the database itself has only just started. */
  readonly isDoubtful: boolean;
}

/** A process that is alive is heard of six times in this time. */
const aliveFor = `interval '30 seconds'`;
export const beatEveryMs = 5_000;

/** One after the other: who enters has to see who is there. */
export async function lockInstance(tx: Sql): Promise<void> {
  await tx.query({ text: 'SELECT FROM social_publisher.instance WHERE id = 1 FOR UPDATE' });
}

/** Who is alive by the database's clock, and, just after the database has started, who may be. */
export async function readFleet(sql: Sql): Promise<readonly SeenMember[]> {
  return sql.query<SeenMember>({
    name: 'processes_read',
    text: `WITH x AS (
             SELECT *, abs(extract(epoch FROM clock_timestamp() - seen_at)) * interval '1 second' <= ${aliveFor} AS is_alive,
               pg_postmaster_start_time() > clock_timestamp() - ${aliveFor} AS is_new_server
             FROM social_publisher.processes
           )
           SELECT id, host, pid, role, public_url AS "publicUrl", graph_host AS "graphHost",
             graph_base_url AS "graphBaseUrl", key_checks AS "keyChecks", seen_at AS "seenAt", NOT is_alive AS "isDoubtful"
           FROM x WHERE is_alive OR is_new_server ORDER BY started_at`,
  });
}

export async function addMember(tx: Sql, member: Member): Promise<string> {
  await tx.query({
    text: `DELETE FROM social_publisher.processes WHERE seen_at < clock_timestamp() - interval '1 day'`,
  });
  const [row] = await tx.query<{ id: string }>({
    text: `INSERT INTO social_publisher.processes (host, pid, role, public_url, graph_host, graph_base_url, key_checks)
           VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
    values: valuesOf(member),
  });
  if (row === undefined) throw new Error('a process was not entered');
  return row.id;
}

/** Also brings back one that was taken for gone while it slept. */
export async function beat(sql: Sql, id: string, member: Member): Promise<void> {
  await sql.query({
    name: 'processes_beat',
    text: `INSERT INTO social_publisher.processes (id, host, pid, role, public_url, graph_host, graph_base_url, key_checks)
           VALUES ($8, $1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp()`,
    values: [...valuesOf(member), id],
  });
}

export async function removeMember({ prisma }: Database, id: string): Promise<void> {
  await prisma.process.deleteMany({ where: { id } });
}

function valuesOf(member: Member): unknown[] {
  const { host, pid, role, publicUrl, graphHost, graphBaseUrl, keyChecks } = member;
  return [host, pid, role, publicUrl, graphHost, graphBaseUrl, JSON.stringify(keyChecks)];
}
