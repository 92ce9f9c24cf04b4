import { randomUUID } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { ConfigError } from '../errors.ts';
import { isSame, processIdentity } from './embedded-process.ts';

const waitMs = 120_000;

const lockContent = z.object({ pid: z.number(), startedAt: z.string(), nonce: z.string() });

/** One process at a time between start and stop of the work, over a file that outlives a crash. */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const nonce = await acquire(file);
  try {
    return await work();
  } finally {
    if ((await holder(file))?.nonce === nonce) await rm(file, { force: true });
  }
}

async function acquire(file: string): Promise<string> {
  const nonce = randomUUID();
  const until = performance.now() + waitMs;
  while (performance.now() < until) {
    if (await create(file, nonce)) {
      // Another process may have taken our file for the stale one it was removing.
      await delay(20);
      if ((await holder(file))?.nonce === nonce) return nonce;
    }
    await removeIfStale(file);
    await delay(50);
  }
  throw new ConfigError([
    `DATA_DIR: another process has been starting PostgreSQL for ${waitMs / 1000} s; if none runs, remove ${file}`,
  ]);
}

async function create(file: string, nonce: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx', 0o644);
    await handle.writeFile(JSON.stringify({ ...processIdentity(process.pid), nonce }));
    await handle.close();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function removeIfStale(file: string): Promise<void> {
  const found = await holder(file);
  if (found === undefined ? !(await isAbandoned(file)) : isSame(found)) return;
  const aside = `${file}.${randomUUID()}`;
  // Renaming lets only one of several waiters take this very file away.
  await rename(file, aside).catch(() => undefined);
  await rm(aside, { force: true });
}

/** Its maker ended between creating and filling it. */
async function isAbandoned(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs > 2_000;
}

async function holder(file: string): Promise<z.infer<typeof lockContent> | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  try {
    return lockContent.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
