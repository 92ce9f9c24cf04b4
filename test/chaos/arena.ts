import { type Database, openDatabase } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import type { RoleName } from '../../src/roles.ts';
import { environmentOf, openFleet } from '../support/fleet.ts';
import { type Meta, startMeta } from '../support/meta.ts';
import type { Pipeline } from '../support/pipeline.ts';
import { execute, urlOf } from '../support/postgres-server.ts';
import type { QueueBackend } from '../support/redis.ts';
import { type RoleProcess, spawnRole } from '../support/role-process.ts';
import type { Ground } from './ground.ts';

/** One database, one sandbox and one queue, and processes as in production over them. */
export interface Arena {
  readonly backend: QueueBackend;
  readonly db: Database;
  readonly databaseUrl: string;
  readonly meta: Meta;
  readonly env: Readonly<Record<string, string>>;
  spawn(role: RoleName, env?: Readonly<Record<string, string>>): Promise<RoleProcess>;
  close(): Promise<void>;
}

/** Short enough that a lost answer is settled within seconds; the proportions are those of production. */
export const shortSettings = {
  GRAPH_TIMEOUT_MS: '1500',
  RECONCILE_INTERVAL_MS: '500',
  LEASE_MS: '3000',
  FACEBOOK_CALLS_PER_HOUR: '100000',
} as const;

let made = 0;

export async function openArena(
  ground: Ground,
  backend: QueueBackend,
  more: Readonly<Record<string, string>> = {},
): Promise<Arena> {
  made += 1;
  const name = `chaos_${process.pid}_${made}`;
  await execute(ground.serverUrl, `CREATE DATABASE ${name}`);
  const databaseUrl = urlOf(ground.serverUrl, name);
  await migrate(databaseUrl);
  const meta = await startMeta();
  const env = environmentOf({
    backend,
    databaseUrl,
    metaUrl: meta.url,
    redisUrl: ground.redisUrl ?? '',
    env: { ...shortSettings, ...more },
  });
  // Agrees on the queue and prepares it; no role of it is started here.
  const fleet = await openFleet({
    backend,
    databaseUrl,
    metaUrl: meta.url,
    redisUrl: ground.redisUrl ?? '',
    env: { ...shortSettings, ...more },
  });
  await fleet.close();
  const db = openDatabase({ url: databaseUrl, maxConnections: 4 });
  const processes: RoleProcess[] = [];
  const killAll = (): void => processes.forEach((child) => void child.kill());
  process.once('exit', killAll);
  return {
    backend,
    db,
    databaseUrl,
    meta,
    env,
    async spawn(role, own = {}) {
      const child = await spawnRole(role, { ...env, ...own });
      processes.push(child);
      return child;
    },
    async close() {
      await Promise.all(processes.map((child) => child.kill()));
      process.removeListener('exit', killAll);
      await db.close();
      await meta.close();
      await execute(ground.serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** The same over what a test file has. */
export function arenaOf(pipeline: Pipeline): Arena {
  return {
    backend: pipeline.backend,
    db: pipeline.fleet.db,
    databaseUrl: pipeline.databaseUrl,
    meta: pipeline.meta,
    env: {},
    spawn: (role, env) => pipeline.spawn(role, env),
    close: () => pipeline.close(),
  };
}
