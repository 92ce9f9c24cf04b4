import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  linkSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import { type Config, embeddedDataDir, type LoadOptions, loadConfig } from './config.ts';
import { type Environment, isGiven } from './environment.ts';

/**
 * The real path of a data directory that this account can use; made where it is not there. Throws ConfigError. Root
 * takes only what belongs to root: in a folder of another account a link may lead it anywhere.
 */
export function openDataDir(dataDir: string): string {
  const path = resolve(dataDir);
  makeFolder(path);
  try {
    const dir = realpathSync(path);
    accessSync(dir, constants.W_OK | constants.X_OK);
    if (process.getuid?.() === 0) requireRoots(dir);
    return dir;
  } catch (error) {
    throw notUsable(path, error);
  }
}

/** One by one: where the file system takes no folders at all, Node's own recursion never ends. */
function makeFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw new ConfigError([`DATA_DIR: ${path} is a file, not a folder`]);
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return;
    throw new ConfigError([
      `DATA_DIR: the folder ${path} cannot be made (${systemCodeOf(error)}): make it for this account, or set DATA_DIR to another place`,
    ]);
  }
}

function requireRoots(dir: string): void {
  const { uid, gid, mode } = statSync(dir);
  const isOpen = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0);
  if (uid === 0 && !isOpen) return;
  throw new ConfigError([
    `DATA_DIR: this process is root, and ${dir} ${uid === 0 ? 'can be written to by other accounts' : 'belongs to another account'}: run as that account, give the folder to root alone (chown root, chmod go-w), or set DATA_DIR to another`,
  ]);
}

/** For what was found unusable in or below it. */
export function notUsable(path: string, cause: unknown): ConfigError {
  if (cause instanceof ConfigError) return cause;
  return new ConfigError([
    `DATA_DIR: this account cannot use ${path} (${systemCodeOf(cause)}); it was probably made by another account, root for instance. Run as that account, give the directory to this one (chown -R), or set DATA_DIR to another`,
  ]);
}

function systemCodeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

const kept = z.object({ ADMIN_TOKEN: z.string(), ENCRYPTION_KEYS: z.string() });
type Kept = z.infer<typeof kept>;

/** `loadConfig` for a process that may run on the embedded database: makes what is missing there. */
export function loadProcessConfig(env: Environment, options: LoadOptions = {}): Config {
  const dataDir = embeddedDataDir(env, options.readFile);
  return loadConfig(dataDir === undefined ? env : ensureEmbeddedSecrets(dataDir, env), options);
}

/**
 * The environment with `ADMIN_TOKEN` and `ENCRYPTION_KEYS` filled in where it lacks them. They are
 * made once and kept in `<dataDir>/secrets/secrets.json`, which only its owner can read. Throws
 * `ConfigError` when that file is there and unusable: new keys would lock the stored tokens away.
 * @internal for tests
 */
export function ensureEmbeddedSecrets(dataDir: string, env: Environment): Environment {
  const missing = (['ADMIN_TOKEN', 'ENCRYPTION_KEYS'] as const).filter(
    (name) => !isGiven(env, name),
  );
  if (missing.length === 0) return env;
  const secrets = readOrMake(dataDir);
  return { ...env, ...Object.fromEntries(missing.map((name) => [name, secrets[name]])) };
}

/** Where a person finds `ADMIN_TOKEN`, told without any part of it. */
export function placeOfAdminToken(env: Environment, dataDir: string): string {
  if (env['ADMIN_TOKEN_FILE']) return `in ${env['ADMIN_TOKEN_FILE']} (ADMIN_TOKEN_FILE)`;
  if (isGiven(env, 'ADMIN_TOKEN')) return 'ADMIN_TOKEN of the environment or of .env';
  return `ADMIN_TOKEN in ${secretsFile(dataDir)}`;
}

function secretsFile(dataDir: string): string {
  return join(dataDir, 'secrets', 'secrets.json');
}

/** A folder of its own, as the database server's account must get into `dataDir` but not in here. */
function readOrMake(dataDir: string): Kept {
  const path = secretsFile(openDataDir(dataDir));
  const folder = dirname(path);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const text = read(path) ?? make(folder, path);
    return kept.parse(JSON.parse(text));
  } catch (error) {
    throw unusable(path, error);
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Told by its code: what a parser says of a broken file quotes the file. */
function unusable(path: string, cause: unknown): ConfigError {
  return new ConfigError([
    `DATA_DIR: the secrets kept in ${path} cannot be used (${codeOf(cause) ?? 'broken content'}): restore the file, run as the account that owns it, or set ADMIN_TOKEN and ENCRYPTION_KEYS`,
  ]);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** Linked into place whole: of two processes that start together one wins, and both read its file. */
function make(folder: string, path: string): string {
  const draft = join(folder, `draft-${process.pid}-${randomBytes(6).toString('hex')}.json`);
  const secrets: Kept = {
    ADMIN_TOKEN: randomBytes(24).toString('base64url'),
    ENCRYPTION_KEYS: `embedded:${randomBytes(32).toString('base64')}`,
  };
  writeFileSync(draft, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(draft, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(path, 'utf8');
}
