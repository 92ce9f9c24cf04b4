import {
  access,
  chmod,
  constants,
  glob,
  mkdtemp,
  readdir,
  readFile,
  rm,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { isSame, processIdentity } from '../../src/db/embedded/process.ts';
import { readPostmaster, stopServer } from '../../src/db/embedded/server.ts';

const prefix = 'social-publisher-test-';
const runFile = 'run.json';

const identity = z.object({ pid: z.number(), startedAt: z.string() });
const run = z.object({ owner: identity, redis: identity.optional() });
const pointer = z.object({ cluster_parent: z.string() });

/** A temporary folder of one test run, and what it takes to clear up after a run that was killed. */
export interface RunFolder {
  readonly path: string;
  /** The data directory of the run's embedded PostgreSQL. */
  readonly dataDir: string;
  recordRedis(pid: number): Promise<void>;
  remove(): Promise<void>;
}

/**
 * `onDisk`: for whoever measures what a commit costs. Else in memory where the machine has the room: making and dropping
 * the databases of two hundred files is mostly waiting for the disk.
 */
export async function openRunFolder(place: 'onDisk' | 'inMemory'): Promise<RunFolder> {
  await removeLeftovers();
  const parent = place === 'inMemory' && (await hasRoom(memory)) ? memory : tmpdir();
  const path = await mkdtemp(join(parent, prefix));
  // As root, PostgreSQL runs as another account.
  await chmod(path, 0o755);
  const owner = processIdentity(process.pid);
  const record = (more: object): Promise<void> =>
    writeFile(join(path, runFile), JSON.stringify({ owner, ...more }));
  await record({});
  return {
    path,
    dataDir: join(path, 'postgres'),
    recordRedis: (pid) => record({ redis: processIdentity(pid) }),
    remove: () => removeFolder(path),
  };
}

const memory = '/dev/shm';
const enoughBytes = 8 * 1024 ** 3;

async function hasRoom(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize >= enoughBytes;
  } catch {
    return false;
  }
}

async function leftIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.startsWith(prefix)).map((name) => join(folder, name));
}

async function removeLeftovers(): Promise<void> {
  for (const path of [...(await leftIn(tmpdir())), ...(await leftIn(memory))]) {
    const found = await readJson(join(path, runFile), run);
    if (found === undefined || isSame(found.owner)) continue;
    if (found.redis !== undefined && isSame(found.redis)) process.kill(found.redis.pid, 'SIGTERM');
    await removeFolder(path);
  }
}

/** The embedded servers of the run and of single tests, wherever their data are. */
async function clustersOf(path: string): Promise<string[]> {
  const parents: string[] = [];
  for await (const file of glob(join(path, '**', 'postgres.json'))) {
    const known = await readJson(file, pointer);
    if (known !== undefined) parents.push(known.cluster_parent);
  }
  return parents;
}

async function removeFolder(path: string): Promise<void> {
  for (const parent of await clustersOf(path)) {
    const server = await readPostmaster(join(parent, 'data'));
    if (server !== undefined) await stopServer(server.pid);
    await rm(parent, { recursive: true, force: true });
  }
  // A process of a test may just be writing here as it ends.
  await rm(path, { recursive: true, force: true, maxRetries: 5 });
}

async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    // Not there, or another run is just writing it.
    return undefined;
  }
}
