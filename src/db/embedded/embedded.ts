import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { openDataDir } from '../../config/data-dir.ts';
import { ConfigError } from '../../errors.ts';
import type { DatabaseLog } from '../client.ts';
import { sendSignal } from './account.ts';
import {
  createCluster,
  type EmbeddedHome,
  majorVersionOf,
  openHome,
  readOwner,
  writeOwner,
} from './home.ts';
import { isAlive, isSame, processIdentity, withLock } from './process.ts';
import { answers, readPostmaster, startServer, stopServer, waitUntilReady } from './server.ts';

const databaseName = 'social_publisher';
const supportedMajor = '18';

export interface EmbeddedOptions {
  readonly dataDir: string;
  readonly logger?: DatabaseLog;
}

export interface Embedded {
  readonly url: string;
  /** Another living process started this server and will stop it. */
  readonly joined: boolean;
  /** Stops the server, unless it was joined. */
  stop(): Promise<void>;
}

/**
 * Makes sure a PostgreSQL of our own runs for this data directory: joins the one of a living
 * process, adopts the leftover of a killed one, or starts one. Throws ConfigError when this machine
 * or directory does not allow it.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const dir = openDataDir(options.dataDir);
  return withLock(join(dir, 'postgres.lock'), async () => {
    const home = await openHome(dir, options.logger);
    const running = await findRunning(home);
    const owner = running === undefined ? undefined : await readOwner(home);
    const joined = owner !== undefined && isSame(owner);
    const server = running ?? (await startFresh(home, options.logger));
    await createDatabase(home, server.port);
    const url = urlOf(home, server.port, databaseName);
    if (joined) return { url, joined, stop: () => Promise.resolve() };
    if (running !== undefined)
      options.logger?.info(server, 'adopted the PostgreSQL of a process that was killed');
    await writeOwner(home, processIdentity(process.pid));
    return { url, joined, stop: stopOnce(server.pid, home, options.logger) };
  });
}

interface RunningServer {
  readonly pid: number;
  readonly port: number;
}

async function findRunning(home: EmbeddedHome): Promise<RunningServer | undefined> {
  const postmaster = await readPostmaster(home.clusterDir);
  if (postmaster === undefined) return undefined;
  if (await answers(urlOf(home, postmaster.port, 'postgres'))) return postmaster;
  await stopServer(postmaster.pid, home.account, 2_000);
  return undefined;
}

async function startFresh(
  home: EmbeddedHome,
  logger: DatabaseLog | undefined,
): Promise<RunningServer> {
  await createCluster(home);
  const found = await majorVersionOf(home.clusterDir);
  if (found !== supportedMajor) {
    throw new ConfigError([
      `DATA_DIR: ${home.clusterDir} was written by PostgreSQL ${found}, this version brings ${supportedMajor}; dump it with the old version, or move it away to begin anew`,
    ]);
  }
  const server = await startPatiently(home);
  logger?.info({ postgresPid: server.pid, port: server.port }, 'embedded PostgreSQL started');
  return server;
}

/** Again when somebody took the port meanwhile, or while processes of a killed server still end. */
async function startPatiently(home: EmbeddedHome): Promise<RunningServer> {
  for (let tries = 1; ; tries += 1) {
    const server = await startServer(home);
    try {
      await waitUntilReady(home, server, urlOf(home, server.port, 'postgres'));
      return server;
    } catch (error) {
      const isRunning = isAlive(server.pid);
      await stopServer(server.pid, home.account);
      if (tries === 5 || isRunning) throw error;
      await delay(200 * tries);
    }
  }
}

function urlOf(home: EmbeddedHome, port: number, database: string): string {
  return `postgresql://postgres:${home.password}@127.0.0.1:${port}/${database}`;
}

async function createDatabase(home: EmbeddedHome, port: number): Promise<void> {
  const client = new Client({ connectionString: urlOf(home, port, 'postgres') });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [
      databaseName,
    ]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${databaseName}`);
  } finally {
    await client.end();
  }
}

/** Also when the program ends without calling it; a SIGKILL is left for the next start to clear up. */
function stopOnce(
  pid: number,
  { account }: EmbeddedHome,
  logger: DatabaseLog | undefined,
): () => Promise<void> {
  const onExit = (): void => {
    try {
      sendSignal(account, pid, 'SIGINT');
    } catch {
      // Already gone.
    }
  };
  process.once('exit', onExit);
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await stopServer(pid, account);
    process.removeListener('exit', onExit);
    logger?.info({ postgresPid: pid }, 'embedded PostgreSQL stopped');
  };
  return () => (stopping ??= stop());
}
