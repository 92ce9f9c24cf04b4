import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startEmbedded } from '../../../src/db/embedded/embedded.ts';
import { readPostmaster, stopServer } from '../../../src/db/embedded/server.ts';
import { execute } from '../../support/postgres-server.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';

const program = fileURLToPath(new URL('../../support/hold-embedded.ts', import.meta.url));
const announcement = z.object({ url: z.string(), joined: z.boolean() });

let dataDir: string;
let clusterDir: string;

beforeEach(async () => {
  const folder = await createTemporaryFolder();
  dataDir = join(folder.path, 'data');
  clusterDir = join(dataDir, 'postgres', 'data');
  return async () => {
    const left = await readPostmaster(clusterDir);
    if (left !== undefined) await stopServer(left.pid);
    await folder.remove();
  };
});

/** Another process that uses the same data directory. */
async function otherProcess(): Promise<{ child: ChildProcess; url: string; joined: boolean }> {
  const child = spawn(process.execPath, [program, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = z.tuple([z.string()]).parse(await once(createInterface(child.stdout), 'line'));
  return { child, ...announcement.parse(JSON.parse(line)) };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}

describe('the embedded PostgreSQL', { timeout: 180_000 }, () => {
  it('starts with safe settings, keeps its data over a stop, and is reachable from here only', async () => {
    const first = await startEmbedded({ dataDir });
    expect(first.joined).toBe(false);
    const settings = await ask(
      first.url,
      `SELECT name, setting FROM pg_settings WHERE name IN
       ('fsync', 'listen_addresses', 'synchronous_commit', 'TimeZone', 'server_encoding', 'full_page_writes')
       ORDER BY name COLLATE "C"`,
    );
    expect(settings).toEqual([
      { name: 'TimeZone', setting: 'UTC' },
      { name: 'fsync', setting: 'on' },
      { name: 'full_page_writes', setting: 'on' },
      { name: 'listen_addresses', setting: '127.0.0.1' },
      { name: 'server_encoding', setting: 'UTF8' },
      { name: 'synchronous_commit', setting: 'on' },
    ]);
    await execute(first.url, 'CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)');
    await first.stop();
    expect(await readPostmaster(clusterDir)).toBeUndefined();
    const second = await startEmbedded({ dataDir });
    expect(await ask(second.url, 'SELECT id FROM kept')).toEqual([{ id: 7 }]);
    await second.stop();
  });

  it('wants a password, which only this account can read', async () => {
    const embedded = await startEmbedded({ dataDir });
    const url = new URL(embedded.url);
    url.password = 'guess';
    await expect(ask(url.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    await embedded.stop();
  });

  it('is joined by a second process, which leaves it running', async () => {
    const owner = await otherProcess();
    const guest = await startEmbedded({ dataDir });
    expect(guest).toMatchObject({ joined: true, url: owner.url });
    await guest.stop();
    expect(await ask(owner.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    await end(owner.child, 'SIGTERM');
    expect(await readPostmaster(clusterDir)).toBeUndefined();
  });

  it('is adopted after its owner was killed, with all that was committed', async () => {
    const owner = await otherProcess();
    await execute(owner.url, 'CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)');
    await end(owner.child, 'SIGKILL');
    const heir = await startEmbedded({ dataDir });
    expect(heir).toMatchObject({ joined: false, url: owner.url });
    expect(await ask(heir.url, 'SELECT id FROM kept')).toEqual([{ id: 7 }]);
    await heir.stop();
    expect(await readPostmaster(clusterDir)).toBeUndefined();
  });

  it('recovers when server and owner were killed and the pid now belongs to somebody else', async () => {
    const owner = await otherProcess();
    await execute(owner.url, 'CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)');
    const server = await readPostmaster(clusterDir);
    process.kill(server?.pid ?? 0, 'SIGKILL');
    await end(owner.child, 'SIGKILL');
    const pidFile = join(clusterDir, 'postmaster.pid');
    const lines = (await readFile(pidFile, 'utf8')).split('\n');
    await writeFile(pidFile, [String(process.pid), ...lines.slice(1)].join('\n'));
    const heir = await startEmbedded({ dataDir });
    expect(await ask(heir.url, 'SELECT id FROM kept')).toEqual([{ id: 7 }]);
    await heir.stop();
  });

  it('replaces a leftover that does not answer', async () => {
    const owner = await otherProcess();
    await end(owner.child, 'SIGKILL');
    const server = await readPostmaster(clusterDir);
    process.kill(server?.pid ?? 0, 'SIGSTOP');
    const heir = await startEmbedded({ dataDir });
    expect(await ask(heir.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    await heir.stop();
  });

  it('is started by one of several processes that begin at once', async () => {
    const all = await Promise.all([otherProcess(), otherProcess(), otherProcess()]);
    expect(all.filter(({ joined }) => joined)).toHaveLength(2);
    expect(new Set(all.map(({ url }) => url)).size).toBe(1);
    const guests = all.filter(({ joined }) => joined);
    const owners = all.filter(({ joined }) => !joined);
    for (const { child } of [...guests, ...owners]) await end(child, 'SIGTERM');
    expect(await readPostmaster(clusterDir)).toBeUndefined();
  });

  it('names DATA_DIR when this account cannot use it', async () => {
    const file = join(dataDir, '..', 'a-file');
    await writeFile(file, '');
    await expect(startEmbedded({ dataDir: join(file, 'data') })).rejects.toThrow(
      /DATA_DIR: .*a-file/,
    );
  });
});
