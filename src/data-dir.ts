import { accessSync, constants, mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from './errors.ts';

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
