import { execFile } from 'node:child_process';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '../errors.ts';
import { programEnvironment, readClusterFile, runScript } from './embedded-errand.ts';
import type { EmbeddedHome } from './embedded-home.ts';

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
