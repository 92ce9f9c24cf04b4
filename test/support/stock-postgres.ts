import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type Account,
  programEnvironment,
  unprivilegedAccount,
} from '../../src/db/embedded/account.ts';
import type { EmbeddedHome } from '../../src/db/embedded/home.ts';
import {
  readPostmaster,
  startServer,
  stopServer,
  waitUntilReady,
} from '../../src/db/embedded/server.ts';
import type { RunFolder } from './run-folder.ts';

export interface TestServer {
  readonly url: string;
  /** Of a server of our own. */
  readonly clusterDir?: string;
  /** Also where it was restarted meanwhile. */
  stop(): Promise<void>;
}

/**
 * A new cluster of the PostgreSQL whose programs are in this folder, with the settings that it comes
 * with: unlike the embedded one, a packaged PostgreSQL compiles costly statements (JIT).
 */
export async function startStock(folder: RunFolder, binDir: string): Promise<TestServer> {
  const parent = join(folder.path, 'stock');
  const account = process.getuid?.() === 0 ? await unprivilegedAccount() : undefined;
  const home: EmbeddedHome = {
    binDir,
    clusterDir: join(parent, 'data'),
    logFile: join(parent, 'postgres.log'),
    ownerFile: join(parent, 'postgres.owner'),
    password: randomBytes(24).toString('base64url'),
    account,
  };
  await mkdir(parent, { mode: 0o700 });
  await giveTo(parent, account);
  await initdb(home, join(parent, 'password'));
  // By this a later run finds the server of one that was killed.
  await writeFile(join(folder.path, 'postgres.json'), JSON.stringify({ cluster_parent: parent }));
  const server = await startServer(home);
  const url = `postgresql://postgres:${home.password}@127.0.0.1:${server.port}/postgres`;
  await waitUntilReady(home, server, url);
  const killAtExit = (): void => void process.kill(server.pid, 'SIGINT');
  process.once('exit', killAtExit);
  return {
    url,
    clusterDir: home.clusterDir,
    async stop() {
      process.removeListener('exit', killAtExit);
      const running = await readPostmaster(home.clusterDir);
      if (running !== undefined) await stopServer(running.pid, account);
    },
  };
}

async function initdb(home: EmbeddedHome, passwordFile: string): Promise<void> {
  await writeFile(passwordFile, `${home.password}\n`, { mode: 0o600 });
  await giveTo(passwordFile, home.account);
  const options = [
    `--pgdata=${home.clusterDir}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C.UTF-8',
  ];
  await promisify(execFile)(join(home.binDir, 'initdb'), options, {
    ...home.account,
    cwd: '/',
    env: programEnvironment,
  });
}

async function giveTo(path: string, account: Account | undefined): Promise<void> {
  if (account !== undefined) await chown(path, account.uid, account.gid);
}
