import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

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
