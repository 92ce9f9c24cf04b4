import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { answers, readPostmaster } from '../../src/db/embedded/server.ts';
import { until } from '../support/fleet.ts';
import { startServer } from '../support/postgres-server.ts';
import { openRunFolder, type RunFolder } from '../support/run-folder.ts';
import { restartServer } from './revive.ts';

/** A PostgreSQL and, where this machine has one, a Redis of this run alone: it may do to them what it likes. */
export interface Ground {
  readonly serverUrl: string;
  readonly redisUrl: string | undefined;
  /** `SIGQUIT` is a crash: nothing is flushed but what was committed. */
  restartPostgres(signal: 'SIGQUIT' | 'SIGINT'): Promise<void>;
  flushRedis(): Promise<void>;
  /** Comes back empty. */
  restartRedis(): Promise<void>;
  /** Nothing is written to Redis until the returned function is called. */
  holdRedis(): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export async function openGround(): Promise<Ground> {
  const folder = await openRunFolder('onDisk');
  const server = await startServer(folder);
  const { url: serverUrl, clusterDir } = server;
  if (clusterDir === undefined) throw new Error('TEST_DATABASE_URL: chaos restarts its server');
  const redis = await startRedis(folder);
  const ask = async (...command: [string, ...string[]]): Promise<void> => {
    const client = new Redis(redis?.url ?? '');
    await client.call(...command);
    client.disconnect();
  };
  return {
    serverUrl,
    redisUrl: redis?.url,
    restartPostgres: (signal) => restartPostgres(serverUrl, clusterDir, signal),
    flushRedis: () => ask('FLUSHALL'),
    restartRedis: async () => redis?.restart(),
    async holdRedis() {
      await ask('CLIENT', 'PAUSE', '60000', 'WRITE');
      return () => ask('CLIENT', 'UNPAUSE');
    },
    async close() {
      await redis?.stop();
      await server.stop();
      await folder.remove();
    },
  };
}

async function restartPostgres(
  url: string,
  clusterDir: string,
  signal: 'SIGQUIT' | 'SIGINT',
): Promise<void> {
  const server = await readPostmaster(clusterDir);
  if (server === undefined) throw new Error('PostgreSQL does not run');
  await restartServer(server.pid, signal, 1_000);
  await until('PostgreSQL is back', () => answers(url), 30_000);
}

interface OwnRedis {
  readonly url: string;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** On a socket of its own choosing it could not come back at the same address: the port is chosen here. */
async function startRedis(folder: RunFolder): Promise<OwnRedis | undefined> {
  const dir = join(folder.path, 'redis');
  await mkdir(dir);
  const port = 20_000 + (process.pid % 10_000);
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', dir];
  const url = `redis://127.0.0.1:${port}`;
  const start = async (): Promise<ChildProcess | undefined> => {
    const child = spawn('redis-server', [...flags, '--appendonly', 'no'], { stdio: 'ignore' });
    const isThere = await once(child, 'spawn').then(
      () => true,
      () => false,
    );
    if (!isThere || child.pid === undefined) return undefined;
    await folder.recordRedis(child.pid);
    await until('Redis answers', () => responds(url), 10_000);
    return child;
  };
  let running = await start();
  if (running === undefined) return undefined;
  const stop = async (): Promise<void> => {
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, 'exit');
    running.kill('SIGKILL');
    await gone;
  };
  process.once('exit', () => running?.kill('SIGKILL'));
  return {
    url,
    stop,
    async restart() {
      await stop();
      running = await start();
    },
  };
}

async function responds(url: string): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
    return true;
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}
