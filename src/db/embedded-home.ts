import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  access,
  chmod,
  chown,
  mkdir,
  readFile,
  realpath,
  rename,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import type { DatabaseLog } from './client.ts';
import {
  type Account,
  isReachable,
  ownerOf,
  sharedFolder,
  unprivilegedAccount,
} from './embedded-account.ts';
import { findBinaries } from './embedded-binaries.ts';
import type { ProcessIdentity } from './embedded-process.ts';

/** Everything that belongs to the embedded PostgreSQL of one data directory. */
export interface EmbeddedHome {
  readonly binDir: string;
  readonly clusterDir: string;
  readonly logFile: string;
  readonly ownerFile: string;
  readonly password: string;
  /** Whom PostgreSQL runs as; nothing means the account of this process. */
  readonly account: Account | undefined;
}

const pointer = z.object({
  cluster_parent: z.string(),
  data_dir: z.string(),
  password: z.string(),
});
type Pointer = z.infer<typeof pointer>;

const owner = z.object({ pid: z.number(), startedAt: z.string() });

/** Finds, or makes, where binaries and data are. PostgreSQL refuses to run as root. */
export async function openHome(
  dir: string,
  logger: DatabaseLog | undefined,
): Promise<EmbeddedHome> {
  const { cluster_parent: parent, password } = await openPointer(dir, logger);
  const account = isRoot() ? await accountFor(parent) : undefined;
  return {
    binDir: await findBinaries({
      byOtherAccount: account !== undefined,
      cacheDir: isRoot() ? sharedFolder : () => Promise.resolve(parent),
    }),
    clusterDir: join(parent, 'data'),
    logFile: join(parent, 'postgres.log'),
    ownerFile: join(dir, 'postgres.owner'),
    password,
    account,
  };
}

export async function readOwner(home: EmbeddedHome): Promise<ProcessIdentity | undefined> {
  const text = await readFile(home.ownerFile, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : owner.parse(JSON.parse(text));
}

export async function writeOwner(home: EmbeddedHome, identity: ProcessIdentity): Promise<void> {
  await replaceFile(home.ownerFile, JSON.stringify(identity), 0o644);
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The real path of a data directory that this account can use; made when it is not there. */
export async function openDataDir(dataDir: string): Promise<string> {
  const path = resolve(dataDir);
  try {
    await mkdir(path, { recursive: true });
    const dir = await realpath(path);
    await access(dir, constants.W_OK | constants.X_OK);
    return dir;
  } catch (error) {
    throw notOurs(path, error);
  }
}

function notOurs(path: string, cause: unknown): ConfigError {
  const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  return new ConfigError([
    `DATA_DIR: this account cannot use ${path} (${reason}); it was probably made by another account, root for instance. Run as that account, give the directory to this one (chown -R), or set DATA_DIR to another`,
  ]);
}

async function openPointer(dir: string, logger: DatabaseLog | undefined): Promise<Pointer> {
  const file = join(dir, 'postgres.json');
  const known = await readPointer(file);
  if (known !== undefined && (await stillHolds(known, dir))) return known;
  const made: Pointer = {
    cluster_parent: await chooseParent(dir, logger),
    data_dir: dir,
    password: known?.password ?? randomBytes(24).toString('base64url'),
  };
  await replaceFile(file, `${JSON.stringify(made, undefined, 2)}\n`, 0o600);
  return made;
}

async function readPointer(file: string): Promise<Pointer | undefined> {
  try {
    return pointer.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw notOurs(file, error);
  }
}

/** A copied directory begins with data of its own; a moved one keeps what it had. */
async function stillHolds(known: Pointer, dir: string): Promise<boolean> {
  if (known.data_dir === dir) return true;
  const isInside = known.cluster_parent.startsWith(`${known.data_dir}/`);
  return !isInside && !(await exists(known.data_dir)) && (await exists(known.cluster_parent));
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function chooseParent(dir: string, logger: DatabaseLog | undefined): Promise<string> {
  if (!isRoot() || (await isReachable(dir))) return join(dir, 'postgres');
  const key = createHash('sha256').update(dir).digest('hex').slice(0, 16);
  const parent = join(await sharedFolder(), key);
  logger?.info(
    { parent },
    'DATA_DIR is closed to other accounts, PostgreSQL keeps its data elsewhere',
  );
  return parent;
}

async function accountFor(parent: string): Promise<Account> {
  const existing = await ownerOf(parent);
  if (existing !== undefined && existing.uid !== 0) return existing;
  const account = await unprivilegedAccount();
  await mkdir(parent, { recursive: true });
  await chown(parent, account.uid, account.gid);
  await chmod(parent, 0o700);
  return account;
}

async function replaceFile(file: string, content: string, mode: number): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, content, { mode });
  await rename(draft, file);
}
