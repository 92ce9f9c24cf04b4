import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { ConfigError } from '../../errors.ts';

/** Tells a process from a later one that was given the same pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Empty where the system does not tell. */
  readonly startedAt: string;
}

export function processIdentity(pid: number): ProcessIdentity {
  return { pid, startedAt: procStat(pid)?.startTicks ?? '' };
}

export function isSame(identity: ProcessIdentity): boolean {
  return isAlive(identity.pid) && processIdentity(identity.pid).startedAt === identity.startedAt;
}

/** A process that ended but that nobody waited for counts as gone. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false;
  }
  return procStat(pid)?.state !== 'Z';
}

/** The command line of a process, empty when it cannot be told. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return askPs('args=', pid);
  }
}

/** Whom a process runs as. */
export function accountOf(pid: number): number | undefined {
  const found = statSync(`/proc/${pid}`, { throwIfNoEntry: false });
  if (found !== undefined) return found.uid;
  const text = askPs('uid=', pid).trim();
  return text === '' ? undefined : Number(text);
}

/** Answers whether the process was gone in time. */
export async function waitUntilGone(pid: number, timeoutMs: number): Promise<boolean> {
  const until = performance.now() + timeoutMs;
  while (isAlive(pid)) {
    if (performance.now() > until) return false;
    await delay(20);
  }
  return true;
}

function askPs(column: string, pid: number): string {
  try {
    return execFileSync('ps', ['-o', column, '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return '';
  }
}

/** Linux only: fields 3 and 22 of /proc/<pid>/stat, see proc_pid_stat(5). */
function procStat(pid: number): { state: string; startTicks: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the name in parentheses, which may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', startTicks: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

const waitMs = 120_000;

const lockContent = z.object({ pid: z.number(), startedAt: z.string(), nonce: z.string() });

/** One process at a time between start and stop of the work, over a file that outlives a crash. */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const nonce = await acquire(file);
  try {
    return await work();
  } finally {
    if ((await holder(file))?.nonce === nonce) await rm(file, { force: true });
  }
}

async function acquire(file: string): Promise<string> {
  const nonce = randomUUID();
  const until = performance.now() + waitMs;
  while (performance.now() < until) {
    if (await create(file, nonce)) {
      // Another process may have taken our file for the stale one it was removing.
      await delay(20);
      if ((await holder(file))?.nonce === nonce) return nonce;
    }
    await removeIfStale(file);
    await delay(50);
  }
  throw new ConfigError([
    `DATA_DIR: another process has been starting PostgreSQL for ${waitMs / 1000} s; if none runs, remove ${file}`,
  ]);
}

async function create(file: string, nonce: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o644);
    await handle.writeFile(JSON.stringify({ ...processIdentity(process.pid), nonce }));
    await handle.close();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function removeIfStale(file: string): Promise<void> {
  const found = await holder(file);
  if (found === undefined ? !(await isAbandoned(file)) : isSame(found)) return;
  const aside = `${file}.${randomUUID()}`;
  // Renaming lets only one of several waiters take this very file away.
  await rename(file, aside).catch(() => undefined);
  await rm(aside, { force: true });
}

/** Its maker ended between creating and filling it. */
async function isAbandoned(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > 2_000;
}

async function holder(file: string): Promise<z.infer<typeof lockContent> | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  try {
    return lockContent.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
