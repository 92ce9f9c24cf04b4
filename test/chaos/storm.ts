import { setTimeout as delay } from 'node:timers/promises';
import type { RoleName } from '../../src/roles.ts';
import { print } from '../bench/print.ts';
import type { QueueBackend } from '../support/redis.ts';
import { type Arena, openArena } from './arena.ts';
import { approveAll, makePages, plantedApp, postsOf, type StormPage, shareOf } from './calendar.ts';
import type { Steps } from './cells.ts';
import type { Ground } from './ground.ts';
import { type Herd, startHerd } from './herd.ts';
import { type Found, findPlanted } from './planted.ts';
import { faultsUsed, statuses, type Tally, tally, wronglyBound } from './tally.ts';
import { createDice, eventsOf, latencyMs, setFaults, startKilling } from './weather.ts';

export interface StormOptions {
  readonly backend: QueueBackend;
  readonly steps: Steps;
  readonly posts: number;
  readonly seed: number;
  /** False: nothing is disturbed, for comparison. */
  readonly isStormy: boolean;
  /** Nothing happens to Redis. */
  readonly sparesRedis?: boolean;
}

export interface StormReport extends Tally {
  /** Until all were published, and until all but one in a hundred. */
  readonly seconds: number;
  readonly secondsOfMost: number;
  readonly published: number;
  /** Every other status, with its count. */
  readonly others: string;
  readonly wronglyBound: number;
  readonly kills: number;
  readonly lostAnswers: number;
  readonly failedCalls: number;
  readonly events: readonly string[];
  /** Where a planted secret was found; null where nobody looked. */
  readonly found: readonly Found[] | null;
}

export const pageCount = 100;
/** A photo refused four times in a row waits ten minutes for its fifth try. */
const giveUpAfterMs = 960_000;
const roles: readonly RoleName[] = [
  'publisher',
  'publisher',
  'publisher',
  'scheduler',
  'scheduler',
  'background',
  'background',
];
const env = {
  CONCURRENCY: '20',
  LOG_LEVEL: 'debug',
  META_APP_ID: plantedApp.id,
  META_APP_SECRET: plantedApp.secret,
} as const;

/** Approves the posts, all due at once, and lets the processes publish them through what happens meanwhile. */
export async function runStorm(ground: Ground, options: StormOptions): Promise<StormReport> {
  const arena = await openArena(ground, options.backend, {
    ...env,
    FACEBOOK_STEPS: options.steps,
  });
  let herd: Herd | undefined;
  try {
    const pages = await makePages(arena.meta, arena.db, pageCount);
    await arena.meta.control('PATCH', 'settings', { latency_ms: latencyMs });
    if (options.isStormy) await setFaults(arena.meta, pages, options.seed);
    herd = await startHerd((role) => arena.spawn(role), roles);
    await approveAll(arena.meta, arena.db, pages, options.posts);
    const endured = await endure(ground, arena, herd, options);
    const report = await reportOf(arena, pages, options.posts);
    const found = options.isStormy ? await findPlanted(ground, arena, herd.output()) : null;
    return { ...report, ...endured, kills: herd.kills, found };
  } finally {
    await herd?.close();
    await arena.close();
  }
}

/** Until all are published; resolves with what happened to the servers meanwhile. */
async function endure(
  ground: Ground,
  { db }: Arena,
  herd: Herd,
  { backend, posts, seed, isStormy }: StormOptions,
): Promise<Pick<StormReport, 'seconds' | 'secondsOfMost' | 'events'>> {
  const startedAt = performance.now();
  const deadline = startedAt + giveUpAfterMs;
  const stopKilling = isStormy ? startKilling(herd, createDice(seed)) : () => Promise.resolve();
  const coming = isStormy ? [...eventsOf(ground, backend === 'redis')] : [];
  const happened: string[] = [];
  let published = 0;
  let secondsOfMost = Number.NaN;
  const passed = (): number => (performance.now() - startedAt) / 1000;
  while (published < posts && performance.now() < deadline) {
    const now = await statuses(db).catch(() => null);
    published = now?.get('published') ?? published;
    if (Number.isNaN(secondsOfMost) && published >= posts * 0.99) secondsOfMost = passed();
    const [next] = coming;
    if (next !== undefined && published >= next.at * posts) {
      coming.shift();
      await next.happen();
      happened.push(next.name);
      print(`  ${next.name} with ${published} of ${posts} published`);
    }
    await delay(100);
  }
  const seconds = passed();
  await stopKilling();
  return { seconds, secondsOfMost, events: happened };
}

async function reportOf(
  { db, meta }: Arena,
  pages: readonly StormPage[],
  posts: number,
): Promise<Omit<StormReport, 'seconds' | 'secondsOfMost' | 'kills' | 'events' | 'found'>> {
  const messages = pages.flatMap((_, number) =>
    postsOf(meta, number, shareOf(number, pages.length, posts)).map(({ message }) => message),
  );
  const now = await statuses(db);
  const others = [...now].filter(([status]) => status !== 'published');
  const { after, before } = await faultsUsed(meta);
  return {
    ...(await tally(meta, messages)),
    published: now.get('published') ?? 0,
    others: others.map(([status, count]) => `${count} ${status}`).join(', '),
    wronglyBound: await wronglyBound(db, meta),
    lostAnswers: after,
    failedCalls: before,
  };
}
