import { execFile } from 'node:child_process';
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '../errors.ts';
import type { EmbeddedHome } from './embedded-home.ts';

const run = promisify(execFile);

/** Makes the files of a new, empty server, unless they are there. A killed attempt leaves nothing behind. */
export async function createCluster(home: EmbeddedHome): Promise<void> {
  if ((await majorVersionOf(home.clusterDir)) !== undefined) return;
  const parent = dirname(home.clusterDir);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await removeDrafts(home.clusterDir);
  const draft = `${home.clusterDir}.new-${process.pid}`;
  const passwordFile = `${draft}-password`;
  await writeFile(passwordFile, `${home.password}\n`, { mode: 0o600 });
  if (home.account !== undefined) await chown(passwordFile, home.account.uid, home.account.gid);
  try {
    await initdb(home, draft, passwordFile);
    await rename(draft, home.clusterDir);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** `18`, or nothing where there is no cluster. */
export async function majorVersionOf(clusterDir: string): Promise<string | undefined> {
  const text = await readFile(join(clusterDir, 'PG_VERSION'), 'utf8').catch(() => undefined);
  return text?.trim();
}

/** The environment in which PostgreSQL's programs speak English and know no other settings. */
export const programEnvironment = { LC_ALL: 'C', PATH: '/usr/bin:/bin', TZ: 'UTC' };

async function removeDrafts(clusterDir: string): Promise<void> {
  const parent = dirname(clusterDir);
  const prefix = `${basename(clusterDir)}.new-`;
  const drafts = (await readdir(parent)).filter((name) => name.startsWith(prefix));
  await Promise.all(drafts.map((name) => rm(join(parent, name), { recursive: true, force: true })));
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
