import { spawnSync } from 'node:child_process';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { AppError, ConfigError } from '../../errors.ts';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** An account that exists already; nothing is added to the machine. */
export async function unprivilegedAccount(): Promise<Account> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = lines.find((line) => line.startsWith(`${name}:`))?.split(':');
    const uid = Number(fields?.[2]);
    const gid = Number(fields?.[3]);
    if (uid > 0 && gid > 0) return { uid, gid };
  }
  throw new ConfigError([
    'DATABASE_URL: not set, and PostgreSQL cannot run as root: this machine has neither an account postgres nor nobody; run as another account or set DATABASE_URL',
  ]);
}

export async function ownerOf(path: string): Promise<Account | undefined> {
  return stat(path).catch(() => undefined);
}

/** Whether every account may pass through to this directory. */
export async function isReachable(path: string): Promise<boolean> {
  for (let dir = path; ; dir = dirname(dir)) {
    const { mode } = await stat(dir);
    if ((mode & 0o001) === 0) return false;
    if (dir === dirname(dir)) return true;
  }
}

/** Whether this account could put another folder in the place of this one, or write in it. */
export async function canReplace({ uid, gid }: Account, path: string): Promise<boolean> {
  for (let dir = path; ; dir = dirname(dir)) {
    const found = await stat(dir);
    const isWritable =
      (found.mode & 0o002) !== 0 || (found.gid === gid && (found.mode & 0o020) !== 0);
    // In a sticky folder such as /tmp nobody moves what is another's.
    const isGuarded = dir !== path && (found.mode & 0o1000) !== 0;
    if (found.uid === uid || (isWritable && !isGuarded)) return true;
    if (dir === dirname(dir)) return false;
  }
}

/** A folder of root's that every account can pass through, for what must leave a closed directory. */
export async function sharedFolder(): Promise<string> {
  for (const parent of ['/var/lib', tmpdir()]) {
    const folder = join(parent, 'social-publisher');
    await mkdir(folder, { mode: 0o755 }).catch(() => undefined);
    const found = await lstat(folder).catch(() => undefined);
    // In a world-writable parent another account may have been there first.
    const isOurs = found?.isDirectory() === true && found.uid === 0 && (found.mode & 0o022) === 0;
    if (isOurs && (await isReachable(folder))) return folder;
  }
  throw new ConfigError([
    `DATABASE_URL: not set, and PostgreSQL cannot run as root from a closed directory: neither /var/lib/social-publisher nor ${join(tmpdir(), 'social-publisher')} can be used; set DATA_DIR to a directory other accounts can enter, or set DATABASE_URL`,
  ]);
}

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
