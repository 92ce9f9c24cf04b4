import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../errors.ts';
import type { Account } from './embedded-account.ts';

// PostgreSQL's account owns the folder of its data and may put a link or a pipe anywhere in it. What root has to do
// there, a child of that account does, with that account's rights; what root reads there, it looks at first.

/** The environment in which PostgreSQL's programs speak English and know no other settings. */
export const programEnvironment = { LC_ALL: 'C', PATH: '/usr/bin:/bin', TZ: 'UTC' };

/** More than any of its small files has. */
const mostBytes = 4_096;
const longestMs = 30_000;

/** A shell script as this account, or as our own; `$1` and so on are its arguments. */
export function runScript(
  account: Account | undefined,
  script: string,
  given: { readonly args: readonly string[]; readonly input?: string },
): void {
  const { status, error, stderr } = spawnSync('/bin/sh', ['-c', script, 'sh', ...given.args], {
    ...account,
    cwd: '/',
    env: programEnvironment,
    input: given.input ?? '',
    encoding: 'utf8',
    timeout: longestMs,
  });
  if (error === undefined && status === 0) return;
  const reason = error?.message ?? stderr.trim();
  throw new AppError('embedded_errand_failed', `PostgreSQL could not be prepared: ${reason}`);
}

/** As the account itself sends it: of another's processes it reaches none. */
export function sendSignal(
  account: Account | undefined,
  pid: number,
  signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL',
): void {
  if (account === undefined) {
    process.kill(pid, signal);
    return;
  }
  const args = [signal.slice(3), String(pid)];
  // One that has ended meanwhile is as good as one that was told to.
  runScript(account, 'kill -s "$1" "$2" 2>&- || true', { args });
}

/** A file of the cluster, if it is a plain one of the account that the cluster's folder was given to. */
export async function readClusterFile(
  clusterDir: string,
  name: string,
): Promise<string | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(join(clusterDir, name), flags).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const found = await file.stat();
    const { uid } = await lstat(dirname(clusterDir));
    if (!found.isFile() || found.uid !== uid) return undefined;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(mostBytes), 0, mostBytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
