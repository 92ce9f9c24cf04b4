import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { notUsable } from '../../config/data-dir.ts';
import { AppError, ConfigError } from '../../errors.ts';
import type { DatabaseLog } from '../client.ts';
import {
  type Account,
  canReplace,
  isReachable,
  ownerOf,
  programEnvironment,
  readClusterFile,
  runScript,
  sharedFolder,
  unprivilegedAccount,
} from './account.ts';
import { findBinaries } from './binaries.ts';
import type { ProcessIdentity } from './process.ts';

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
  if (account !== undefined) await requireOutOfReach(account, [dir, parent]);
  return {
    binDir: await findBinaries({
      byOtherAccount: account !== undefined,
      cacheDir: isRoot() ? sharedFolder : () => Promise.resolve(parent),
    }),
    clusterDir: join(parent, 'data'),
    // In a folder that its account cannot write in: it is handed the open file.
    logFile: join(dir, 'postgres.log'),
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
    throw notUsable(file, error);
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

/** Root works in these folders by path: what it made there has to be what it finds there. */
async function requireOutOfReach(
  account: Account,
  [dir, parent]: readonly [string, string],
): Promise<void> {
  for (const folder of [dir, dirname(await realpath(parent))]) {
    if (!(await canReplace(account, folder))) continue;
    throw new ConfigError([
      `DATA_DIR: PostgreSQL would run as the account ${account.uid}, which can replace ${folder} or a folder above it: set DATA_DIR to a place where only root may write, or set DATABASE_URL`,
    ]);
  }
}

async function replaceFile(file: string, content: string, mode: number): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, content, { mode });
  await rename(draft, file);
}

const run = promisify(execFile);

/** Makes the files of a new, empty server, unless they are there. A killed attempt leaves nothing behind. */
export async function createCluster(home: EmbeddedHome): Promise<void> {
  if ((await majorVersionOf(home.clusterDir)) !== undefined) return;
  if (home.account === undefined) {
    await mkdir(dirname(home.clusterDir), { recursive: true, mode: 0o700 });
  }
  const draft = `${home.clusterDir}.new-${process.pid}`;
  const passwordFile = `${draft}-password`;
  runScript(home.account, 'rm -rf -- "$1".new-*', { args: [home.clusterDir] });
  runScript(home.account, 'umask 077; cat > "$1"', {
    args: [passwordFile],
    input: `${home.password}\n`,
  });
  try {
    await initdb(home, draft, passwordFile);
    await rename(draft, home.clusterDir);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** `18`, or nothing where there is no cluster. */
export async function majorVersionOf(clusterDir: string): Promise<string | undefined> {
  return (await readClusterFile(clusterDir, 'PG_VERSION'))?.trim();
}

async function initdb(home: EmbeddedHome, dir: string, passwordFile: string): Promise<void> {
  const options = [
    `--pgdata=${dir}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-instructions',
  ];
  try {
    await run(join(home.binDir, 'initdb'), options, {
      ...home.account,
      cwd: '/',
      env: programEnvironment,
    });
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new AppError(
      'embedded_initdb_failed',
      `PostgreSQL could not be set up in ${dir}: ${output === '' ? String(error) : output}`,
      { cause: error },
    );
  }
}
