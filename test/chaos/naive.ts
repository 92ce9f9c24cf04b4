import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { type Arena, openArena } from './arena.ts';
import { makePages, plantedApp, postsOf, type StormPage, shareOf } from './calendar.ts';
import type { Ground } from './ground.ts';
import { addNaive } from './naive-queue.ts';
import { pageCount, type StormOptions } from './storm.ts';
import { faultsUsed, type Tally, tally } from './tally.ts';
import { createDice, eventsOf, latencyMs, setFaults, startKilling } from './weather.ts';

export interface NaiveReport extends Tally {
  readonly seconds: number;
  readonly secondsOfMost: number;
  readonly published: number;
  readonly kills: number;
  readonly lostAnswers: number;
  readonly failedCalls: number;
}

/** It knows one step. */
type NaiveOptions = Omit<StormOptions, 'steps'>;

const workerCount = 3;
/** Longer than BullMQ needs to find and repeat a job whose worker died. */
const quietMs = 45_000;
const giveUpAfterMs = 300_000;

/** The same storm over the obvious worker: see `naive-worker.ts`. */
export async function runNaive(ground: Ground, options: NaiveOptions): Promise<NaiveReport> {
  const arena = await openArena(ground, options.backend, {});
  const workers = new NaiveWorkers(arena, ground);
  try {
    const pages = await makePages(arena.meta, arena.db, pageCount);
    await arena.meta.control('PATCH', 'settings', { latency_ms: latencyMs });
    await arena.meta.control('POST', 'apps', { ...plantedApp, require_appsecret_proof: false });
    await setFaults(arena.meta, pages, options.seed);
    const messages = await enqueueAll(ground, arena, pages, options.posts);
    await workers.start();
    const startedAt = performance.now();
    const endedAt = await endure(ground, arena, workers, options);
    const { after, before } = await faultsUsed(arena.meta);
    return {
      ...(await tally(arena.meta, messages)),
      seconds: (endedAt - startedAt) / 1000,
      secondsOfMost: Number.NaN,
      published: await published(arena),
      kills: workers.kills,
      lostAnswers: after,
      failedCalls: before,
    };
  } finally {
    await workers.close();
    await arena.close();
  }
}

/** A table of its own, and a job for every row. */
async function enqueueAll(
  ground: Ground,
  arena: Arena,
  pages: readonly StormPage[],
  posts: number,
): Promise<readonly string[]> {
  await arena.db.query({
    text: `CREATE TABLE public.naive_posts (message text PRIMARY KEY, status text NOT NULL, external_id text)`,
  });
  const jobs = pages.flatMap((page, number) =>
    postsOf(arena.meta, number, shareOf(number, pages.length, posts)).map((post) => ({
      pageId: page.id,
      token: page.token,
      message: post.message,
      link: post.link ?? null,
      photos: post.media.map(({ url }) => url),
    })),
  );
  await arena.db.query({
    text: `INSERT INTO public.naive_posts SELECT message, 'approved', NULL FROM unnest($1::text[]) message`,
    values: [jobs.map(({ message }) => message)],
  });
  await addNaive(arena.backend, urlOf(ground, arena), jobs);
  return jobs.map(({ message }) => message);
}

function urlOf({ redisUrl }: Ground, { backend, databaseUrl }: Arena): string {
  return backend === 'redis' ? (redisUrl ?? '') : databaseUrl;
}

/** Until nothing has been posted for a while. Resolves with the moment of the last post. */
async function endure(
  ground: Ground,
  arena: Arena,
  workers: NaiveWorkers,
  { backend, posts, seed, sparesRedis = false }: NaiveOptions,
): Promise<number> {
  const stopKilling = startKilling(workers, createDice(seed));
  const coming = [...eventsOf(ground, backend === 'redis' && !sparesRedis)];
  const deadline = performance.now() + giveUpAfterMs;
  let [made, lastAt] = [0, performance.now()];
  while (performance.now() < Math.min(deadline, lastAt + quietMs)) {
    const now = (await arena.meta.posts()).length;
    if (now > made) [made, lastAt] = [now, performance.now()];
    const [next] = coming;
    if (next !== undefined && made >= next.at * posts) {
      coming.shift();
      await next.happen();
    }
    // The storm is over once nothing has moved for long: what is left may be repeated in peace.
    if (performance.now() - lastAt > 10_000) await stopKilling();
    await delay(250);
  }
  await stopKilling();
  return lastAt;
}

async function published({ databaseUrl }: Arena): Promise<number> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM public.naive_posts WHERE status = 'published'`,
  );
  await client.end();
  return rows[0]?.count ?? 0;
}

/** Started again whenever they are killed or end. */
class NaiveWorkers {
  readonly size = workerCount;
  readonly #args: readonly string[];
  readonly #children: (ChildProcess | undefined)[] = [];
  #isOpen = true;
  kills = 0;

  constructor(arena: Arena, ground: Ground) {
    this.#args = [arena.backend, urlOf(ground, arena), arena.databaseUrl, arena.meta.url];
  }

  async start(): Promise<void> {
    for (let number = 0; number < this.size; number += 1) this.#fork(number);
    await delay(1_000);
  }

  #fork(number: number): void {
    if (!this.#isOpen) return;
    const file = new URL('naive-worker.ts', import.meta.url).pathname;
    const child = fork(file, [...this.#args], { stdio: 'ignore' });
    this.#children[number] = child;
    child.once('exit', () => setTimeout(() => this.#fork(number), 300));
  }

  get living(): number {
    return this.#children.filter((child) => isLiving(child)).length;
  }

  async kill(number: number): Promise<boolean> {
    const child = this.#children[number];
    if (!isLiving(child)) return false;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    this.kills += 1;
    return true;
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    await Promise.all(this.#children.map((_, number) => this.kill(number)));
  }
}

function isLiving(child: ChildProcess | undefined): child is ChildProcess {
  return child !== undefined && child.exitCode === null && child.signalCode === null;
}
