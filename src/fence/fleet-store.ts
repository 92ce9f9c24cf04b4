import type { Database, Sql } from '../db/client.ts';
import type { Place } from './identity.ts';

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
