import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunFolder } from './run-folder.ts';

export interface TestRedis {
  readonly url: string;
  stop(): Promise<void>;
}

/** TEST_REDIS_URL when set, else a server of our own, or nothing where there is no redis-server. */
export async function startRedis(folder: RunFolder): Promise<TestRedis | undefined> {
  const given = process.env['TEST_REDIS_URL'];
  if (given !== undefined) return { url: given, stop: () => Promise.resolve() };
  const port = await freePort();
  const child = await spawnRedis(folder, port);
  if (child?.pid === undefined) return undefined;
  child.unref();
  const killAtExit = (): void => void child.kill();
  process.once('exit', killAtExit);
  await folder.recordRedis(child.pid);
  await waitUntilReady(port, child);
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      process.removeListener('exit', killAtExit);
      if (child.exitCode !== null) return;
      child.ref();
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    },
  };
}

async function spawnRedis(folder: RunFolder, port: number): Promise<ChildProcess | undefined> {
  const dir = join(folder.path, 'redis');
  await mkdir(dir);
  const options = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn('redis-server', flags, { stdio: 'ignore' });
  return once(child, 'spawn').then(
    () => child,
    () => undefined,
  );
}

async function waitUntilReady(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (child.exitCode !== null) break;
    if (await accepts(port)) return;
    await delay(20);
  }
  throw new Error(`redis-server did not start on port ${port}`);
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isOpen;
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
