import { spawn } from 'node:child_process';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { AppError, ConfigError } from '../../errors.ts';
import { sqlState } from '../client.ts';
import {
  type Account,
  ownerOf,
  programEnvironment,
  readClusterFile,
  runScript,
  sendSignal,
} from './account.ts';
import type { EmbeddedHome } from './home.ts';
import { accountOf, commandOf, isAlive, waitUntilGone } from './process.ts';

const maxLogBytes = 5_000_000;
const startLimitMs = 60_000;
const connectLimitMs = 2_000;

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/** The server that runs on this cluster, if any. */
export async function readPostmaster(clusterDir: string): Promise<Postmaster | undefined> {
  const text = await readClusterFile(clusterDir, pidFile);
  if (text === undefined) return undefined;
  // Lines: pid, data directory, start time, port, and more (PostgreSQL's miscadmin.h).
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  const owner = await ownerOf(dirname(clusterDir));
  const isServer =
    pid > 0 && isAlive(pid) && accountOf(pid) === owner?.uid && commandOf(pid).includes(clusterDir);
  return isServer ? { pid, port } : undefined;
}

/**
 * PostgreSQL refuses to start while any process at all has the pid that a crash left in its file,
 * but for its parent's: that is us. The rest of the file stays, as it leads PostgreSQL to processes
 * of the dead server that may still be writing.
 */
async function disownPidFile({ clusterDir, account }: EmbeddedHome): Promise<void> {
  const text = await readClusterFile(clusterDir, pidFile);
  if (text === undefined) return;
  const rest = text.split('\n').slice(1);
  const input = [String(process.pid), ...rest].join('\n');
  runScript(account, 'cat > "$1"', { args: [join(clusterDir, pidFile)], input });
}

const pidFile = 'postmaster.pid';

/** Starts the server and answers at once; a process group of its own keeps Ctrl-C away from it. */
export async function startServer(home: EmbeddedHome): Promise<Postmaster> {
  await disownPidFile(home);
  const port = await freePort();
  const log = await openLog(home);
  try {
    const child = spawn(join(home.binDir, 'postgres'), serverOptions(home, port), {
      ...home.account,
      cwd: '/',
      detached: true,
      env: programEnvironment,
      stdio: ['ignore', log.fd, log.fd],
    });
    child.on('error', () => undefined);
    child.unref();
    if (child.pid === undefined) throw await startFailed(home, 'its program could not be run');
    return { pid: child.pid, port };
  } finally {
    await log.close();
  }
}

export async function waitUntilReady(
  home: EmbeddedHome,
  server: Postmaster,
  url: string,
): Promise<void> {
  const until = performance.now() + startLimitMs;
  while (performance.now() < until) {
    if (!isAlive(server.pid)) throw await startFailed(home, 'it ended at once');
    if ((await tryToConnect(url)) === 'ready') return;
    await delay(30);
  }
  throw await startFailed(home, `it was not ready after ${startLimitMs / 1000} s`);
}

/** Whether a server accepts us there, given time to recover from a crash. */
export async function answers(url: string): Promise<boolean> {
  const until = performance.now() + startLimitMs;
  while (performance.now() < until) {
    const state = await tryToConnect(url);
    if (state !== 'starting') return state === 'ready';
    await delay(100);
  }
  return false;
}

/** Fast shutdown, then harder ones: every committed transaction survives each of them. */
export async function stopServer(pid: number, account?: Account, graceMs = 20_000): Promise<void> {
  const steps: ReadonlyArray<readonly ['SIGINT' | 'SIGQUIT' | 'SIGKILL', number]> = [
    ['SIGINT', graceMs],
    ['SIGQUIT', Math.min(graceMs, 5_000)],
    ['SIGKILL', 5_000],
  ];
  for (const [signal, limitMs] of steps) {
    if (!isAlive(pid)) return;
    sendSignal(account, pid, signal);
    if (await waitUntilGone(pid, limitMs)) return;
  }
  throw new AppError(
    'embedded_not_stopped',
    `PostgreSQL (pid ${pid}) does not end; end it by hand.`,
  );
}

function serverOptions(home: EmbeddedHome, port: number): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '128MB',
    fsync: 'on',
    synchronous_commit: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', home.clusterDir, '-p', String(port), ...flags];
}

async function openLog(home: EmbeddedHome): Promise<FileHandle> {
  const log = await open(home.logFile, 'a', 0o600);
  if ((await log.stat()).size > maxLogBytes) await log.truncate();
  return log;
}

async function startFailed(home: EmbeddedHome, reason: string): Promise<AppError> {
  const log = await readFile(home.logFile, 'utf8').catch(() => '');
  const last = log.trim().split('\n').slice(-5).join('\n');
  return new AppError(
    'embedded_start_failed',
    `PostgreSQL did not start: ${reason}. The end of ${home.logFile}:\n${last}`,
  );
}

async function tryToConnect(url: string): Promise<'ready' | 'starting' | 'refused'> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: connectLimitMs });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query({ text: 'SELECT 1' });
    return 'ready';
  } catch (error) {
    // invalid_password
    if (sqlState(error) === '28P01') throw passwordLost();
    // cannot_connect_now: starting up, recovering or shutting down.
    return sqlState(error) === '57P03' ? 'starting' : 'refused';
  } finally {
    await client.end().catch(() => undefined);
  }
}

function passwordLost(): ConfigError {
  return new ConfigError([
    'DATA_DIR: the password in postgres.json is not the one its database was made with; put the right file back, or move DATA_DIR away to begin anew',
  ]);
}

async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    server.close(() => resolve(port));
  });
  return promise;
}
