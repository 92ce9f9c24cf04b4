import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { print } from '../bench/print.ts';
import { until } from '../support/fleet.ts';
import type { QueueBackend } from '../support/redis.ts';
import type { RoleProcess } from '../support/role-process.ts';
import { somePosts } from '../support/rows.ts';
import { type Arena, openArena } from './arena.ts';
import { makePages, plantedApp, type StormPage, type StormPost, shareOf } from './calendar.ts';
import type { Ground } from './ground.ts';
import { statuses } from './tally.ts';
import { type Endured, proveEndured } from './trouble-report.ts';
import { latencyMs } from './weather.ts';

/** What befalls all Pages at once, is nobody's post's fault, and is over after a while. */
interface Trouble {
  readonly what: string;
  readonly minutes: number;
  /** Messages to the operator, over all processes. */
  readonly errorLines: number;
  begin(arena: Arena, pages: readonly StormPage[]): Promise<void>;
  end(arena: Arena, pages: readonly StormPage[]): Promise<void>;
}

const outages = ['code_1', 'code_2', 'code_2_503', 'html'] as const;
const setSecret = ({ meta }: Arena, secret: string) =>
  meta.control('PATCH', `apps/${plantedApp.id}`, { secret });

const troubles: Readonly<Record<'outage' | 'secret', Trouble>> = {
  outage: {
    what: 'Meta answers every call with a 5xx',
    minutes: 30,
    errorLines: 0,
    begin: ({ meta }, pages) =>
      forEach(pages, ({ id }, number) => {
        const weather = { outage: outages[number % outages.length] };
        return meta.control('PATCH', `pages/${id}`, { weather });
      }),
    end: ({ meta }, pages) =>
      forEach(pages, ({ id }) => meta.control('PATCH', `pages/${id}`, { weather: null })),
  },
  secret: {
    what: 'the secret of the app is another one at Meta',
    minutes: 60,
    errorLines: 1,
    begin: async (arena) => {
      await setSecret(arena, 'rotated');
    },
    end: async (arena) => {
      await setSecret(arena, plantedApp.secret);
    },
  },
};

async function forEach(
  pages: readonly StormPage[],
  work: (page: StormPage, number: number) => Promise<unknown>,
): Promise<void> {
  await Promise.all(pages.map(work));
}

const pageCount = 100;
const photoPosts: Readonly<Record<number, number>> = { 1: 1, 5: 1, 6: 2, 9: 1 };
/** The product as it is delivered: nothing is shorter than in production. */
const asDelivered = {
  GRAPH_TIMEOUT_MS: '60000',
  RECONCILE_INTERVAL_MS: '60000',
  LEASE_MS: '60000',
  FACEBOOK_CALLS_PER_HOUR: '200',
  META_APP_ID: plantedApp.id,
  META_APP_SECRET: plantedApp.secret,
} as const;
/** What is due at the beginning is ready by then. */
const aheadMs = 60_000;
const giveUpMs = 900_000;

interface TroubleOptions {
  readonly backend: QueueBackend;
  readonly name: keyof typeof troubles;
  readonly posts: number;
  readonly minutes: number | null;
}

/** Runs and prints one trouble, in real time; resolves with how many promises were broken. */
export async function proveTrouble(
  ground: Ground,
  { backend, name, posts, minutes }: TroubleOptions,
): Promise<number> {
  const trouble = troubles[name];
  const arena = await openArena(ground, backend, asDelivered);
  const living: RoleProcess[] = [];
  try {
    const pages = await makePages(arena.meta, arena.db, pageCount);
    await arena.meta.control('PATCH', 'settings', { latency_ms: latencyMs });
    const roles = ['publisher', 'publisher', 'scheduler', 'background'] as const;
    living.push(...(await Promise.all(roles.map((role) => arena.spawn(role)))));
    const lastsMs = (minutes ?? trouble.minutes) * 60_000;
    const endured = await endure(arena, pages, { trouble, posts, lastsMs });
    const lines = living.flatMap((child) => errorLinesOf(child.output()));
    const { what, errorLines } = trouble;
    const whole = { ...endured, what, lastsMs, pages: pageCount, errorLines, lines };
    return await proveEndured(`${name}, ${backend} queue`, arena, whole);
  } finally {
    await Promise.all(living.map((child) => child.kill()));
    await arena.close();
  }
}

interface Load {
  readonly trouble: Trouble;
  readonly posts: number;
  readonly lastsMs: number;
}

async function endure(
  arena: Arena,
  pages: readonly StormPage[],
  load: Load,
): Promise<Pick<Endured, 'due' | 'endedAt' | 'mostCalls'>> {
  const { trouble, posts, lastsMs } = load;
  const beginsAt = Date.now() + aheadMs;
  const calendar = pages.map((page, number) => ({
    page,
    posts: postsOf(arena, number, shareOf(number, pages.length, posts), { beginsAt, lastsMs }),
  }));
  await insert(arena, calendar, ({ isLast }) => !isLast);
  await delay(beginsAt - 500 - Date.now());
  await trouble.begin(arena, pages);
  const before = await callsOf(arena);
  await insert(arena, calendar, ({ isLast }) => isLast);
  print(`  ${trouble.what}: ${await told(arena)}`);
  while (Date.now() < beginsAt + lastsMs) {
    await delay(Math.min(300_000, beginsAt + lastsMs - Date.now()));
    print(`  ${((Date.now() - beginsAt) / 60_000).toFixed(0)} min: ${await told(arena)}`);
  }
  const after = await callsOf(arena);
  const endedAt = Date.now();
  await trouble.end(arena, pages);
  const isOver = async () => ((await statuses(arena.db)).get('published') ?? 0) >= posts;
  await until('all are out', isOver, giveUpMs).catch(() => undefined);
  print(`  over for ${((Date.now() - endedAt) / 1000).toFixed(0)} s: ${await told(arena)}`);
  const calls = [...after].map(([id, count]) => count - (before.get(id) ?? 0));
  const due = calendar.flatMap((of) =>
    of.posts.map((post) => [post.message, post.scheduledAt] as const),
  );
  return { due: new Map(due), endedAt, mostCalls: Math.max(...calls) };
}

interface TroublePost extends StormPost {
  readonly scheduledAt: Date;
  /** Approved only when the trouble is there: nothing of it is ready. */
  readonly isLast: boolean;
}

/** By turns ready and due when it begins, approved and due then, and due while it lasts; four of ten have photos. */
function postsOf(
  { meta }: Arena,
  page: number,
  count: number,
  { beginsAt, lastsMs }: { readonly beginsAt: number; readonly lastsMs: number },
): readonly TroublePost[] {
  return Array.from({ length: count }, (_, number) => {
    const photos = photoPosts[number % 10] ?? 0;
    const dueInMs = number % 3 === 2 ? (lastsMs * number) / count : 0;
    return {
      message: `page ${page} post ${number}.`,
      media: Array.from({ length: photos }, (__, n) => ({
        type: 'image' as const,
        url: meta.image(n),
      })),
      publishMode: 'publish',
      scheduledAt: new Date(beginsAt + dueInMs),
      isLast: number % 3 === 1,
    };
  });
}

async function insert(
  { db }: Arena,
  calendar: readonly { readonly page: StormPage; readonly posts: readonly TroublePost[] }[],
  wants: (post: TroublePost) => boolean,
): Promise<void> {
  for (const { page, posts } of calendar) {
    await somePosts(db, { ...page, accountId: page.id }, posts.filter(wants));
  }
}

async function told({ db }: Arena): Promise<string> {
  return [...(await statuses(db))].map(([status, count]) => `${count} ${status}`).join(', ');
}

const callsSchema = z.looseObject({
  pages: z.record(z.string(), z.looseObject({ total: z.number() })),
});

async function callsOf({ meta }: Arena): Promise<ReadonlyMap<string, number>> {
  const { pages } = callsSchema.parse(await meta.control('GET', 'requests?limit=0'));
  return new Map(Object.entries(pages).map(([id, { total }]) => [id, total]));
}

function errorLinesOf(output: string): readonly string[] {
  return output.split('\n').filter((line) => /"level":"(error|fatal)"/.test(line));
}
