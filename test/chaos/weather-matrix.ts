import { z } from 'zod';
import { print, printTable } from '../bench/print.ts';
import { until } from '../support/fleet.ts';
import type { Effect, MetaPage } from '../support/meta.ts';
import type { QueueBackend } from '../support/redis.ts';
import type { RoleProcess } from '../support/role-process.ts';
import { anIntegration, somePosts } from '../support/rows.ts';
import { type Arena, openArena } from './arena.ts';
import { plantedApp } from './calendar.ts';
import { photosOf, type Steps } from './cells.ts';
import type { Ground } from './ground.ts';
import { printBroken } from './matrix-report.ts';
import { oddWords, type Sky, skies, type WeatherCell, weatherCellsOf, wideSkies } from './skies.ts';
import { judgeCell, type Verdict } from './verdict.ts';

/** Our own app's posts are told from those of others. */
export const weatherEnv = {
  META_APP_ID: plantedApp.id,
  META_APP_SECRET: plantedApp.secret,
  // Answers are lost by resets here: a busy machine needs its time.
  GRAPH_TIMEOUT_MS: '5000',
  CONCURRENCY: '100',
  DATABASE_POOL_SIZE: '20',
} as const;
const anotherApp = '8800880088';
const dayMs = 86_400_000;
/** A call that fails five times in a row has its post wait for two minutes in all, and a busy machine needs its time. */
const busyMs = 240_000;
const atOnce = 20;

export interface WeatherOptions {
  readonly steps: Steps;
  readonly skies: readonly Sky[];
  /** Which of the cells; all unless said. */
  readonly wants?: (cell: WeatherCell) => boolean;
}

/** Runs all cells at once, each on a Page of its own, and judges each by the ledger and its row. */
export async function runWeather(
  arena: Arena,
  { steps, skies: under, wants = () => true }: WeatherOptions,
): Promise<readonly Verdict<WeatherCell>[]> {
  const cells = under.flatMap((sky) => weatherCellsOf(sky, steps)).filter(wants);
  const [wide] = under.flatMap(({ settings }) => settings ?? []);
  if (wide !== undefined) await arena.meta.control('PATCH', 'settings', wide);
  for (const app of [plantedApp, { id: anotherApp }]) await arena.meta.control('POST', 'apps', app);
  const roles = ['scheduler', 'publisher', 'background', 'background'] as const;
  const living: RoleProcess[] = await Promise.all(roles.map((role) => arena.spawn(role)));
  try {
    const pages = new Map<WeatherCell, MetaPage>();
    for (let from = 0; from < cells.length; from += atOnce) {
      const some = cells.slice(from, from + atOnce);
      const made = await Promise.all(some.map((cell) => begin(arena, cell)));
      some.forEach((cell, index) => pages.set(cell, made[index] ?? { id: '', token: '' }));
    }
    await rest(arena, cells.length);
    // One that never rested must not move on while it is judged.
    await Promise.all(living.map((child) => child.kill()));
    return await judgeAll(arena, pages);
  } finally {
    await Promise.all(living.map((child) => child.kill()));
  }
}

async function begin(arena: Arena, cell: WeatherCell): Promise<MetaPage> {
  const { meta, db } = arena;
  const { sky, name: message } = cell;
  const page = await meta.page({ app_id: plantedApp.id });
  const strangers = [{ app_id: anotherApp }, ...(sky.hasPerson ? [{}] : [])];
  for (const who of strangers) {
    await meta.control('POST', `pages/${page.id}/posts`, { message, ...who });
  }
  const { weather = {} } = sky;
  await meta.control('PATCH', `pages/${page.id}`, { weather });
  const edge = cell.call === 'reveal' ? 'node' : 'feed';
  await meta.control('POST', 'faults', {
    match: { page_id: page.id, method: 'POST', edge },
    kind: 'reset',
    when: cell.happened ? 'after' : 'before',
    times: cell.call === 'reveal' ? 2 : 1,
  });
  const proves = sky.isNeverListed !== true;
  const owner = { autoPublish: true, accountId: page.id, token: page.token, proves };
  await somePosts(db, await anIntegration(db, owner), [postOf(arena, cell)]);
  return page;
}

function postOf({ meta }: Arena, { name, content, mode, sky }: WeatherCell) {
  const dueAt = new Date(Date.now() + (sky.inDays ?? 1) * dayMs);
  return {
    message: name,
    media: Array.from({ length: photosOf[content] }, (_, n) => ({
      type: 'image',
      url: meta.image(n),
    })),
    ...(content === 'link' ? { link: 'http://example.com/a-page/?of=the-weather' } : {}),
    publishMode: mode,
    scheduledAt: mode === 'schedule' ? dueAt : null,
  };
}

/** Until every post is where it should be, waits for a window, or a person was asked. */
async function rest({ db }: Arena, count: number): Promise<void> {
  const isStill = async (): Promise<boolean> => {
    const [row] = await db.query<{ moving: number }>({
      text: `SELECT count(*)::int AS moving FROM social_publisher.social_posts
             WHERE (status IN ('approved', 'queued', 'publishing') AND waiting ->> 'reason' IS DISTINCT FROM 'window')
               OR (status = 'unknown' AND attention IS NULL)`,
    });
    return row?.moving === 0;
  };
  // One that never rests is a verdict, not an accident of this suite.
  await until(`${count} cells rest`, isStill, busyMs).catch(() => undefined);
}

const madeBy = z.looseObject({ app_id: z.string().nullable() });

function isOurs(effect: Effect): boolean {
  return madeBy.parse(effect).app_id === plantedApp.id;
}

function oursByPage(effects: readonly Effect[]): ReadonlyMap<string, readonly Effect[]> {
  return Map.groupBy(effects.filter(isOurs), ({ page_id }) => page_id);
}

async function judgeAll(
  { db, meta }: Arena,
  pages: ReadonlyMap<WeatherCell, MetaPage>,
): Promise<readonly Verdict<WeatherCell>[]> {
  const [posts, hidden] = [oursByPage(await meta.posts()), oursByPage(await meta.hidden())];
  return Promise.all(
    [...pages].map(([cell, { id }]) =>
      judgeCell(db, cell, { posts: posts.get(id) ?? [], hidden: hidden.get(id) ?? [] }),
    ),
  );
}

/** Runs and prints every weather over one queue; resolves with how many cells broke the promise. */
export async function proveWeather(
  ground: Ground,
  backend: QueueBackend,
  steps: Steps,
): Promise<number> {
  const startedAt = performance.now();
  const verdicts: Verdict<WeatherCell>[] = [];
  for (const under of [skies, ...wideSkies.map((sky) => [sky])]) {
    const arena = await openArena(ground, backend, { ...weatherEnv, FACEBOOK_STEPS: steps });
    try {
      verdicts.push(...(await runWeather(arena, { steps, skies: under })));
    } finally {
      await arena.close();
    }
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const what = `${backend} queue, ${steps === 'two' ? 'two steps' : 'one step'}`;
  print(`\nWeather, ${what}: ${verdicts.length} cells in ${seconds} s`);
  printTable(
    [
      'weather',
      'cells',
      'exactly one',
      'shown twice',
      'waits',
      'asked',
      'broken',
      'left hidden',
      'elsewhere',
      'asked what',
    ],
    [...Map.groupBy(verdicts, ({ cell }) => cell.sky.name)].map(([name, of]) => rowOf(name, of)),
  );
  // The words behind the name are the same in all.
  const named = verdicts.map((one) => {
    const [name = ''] = one.cell.name.split(oddWords);
    return { ...one, cell: { ...one.cell, name } };
  });
  return printBroken(named);
}

function orphansIn(of: readonly Verdict<WeatherCell>[]): number {
  return of.reduce((sum, { orphans }) => sum + orphans, 0);
}

/** A create whose answer was lost after its effect leaves a hidden post; what is left `elsewhere` nothing was lost of. */
function rowOf(name: string, of: readonly Verdict<WeatherCell>[]): readonly string[] {
  const count = (wanted: Verdict<WeatherCell>['outcome']): string =>
    String(of.filter(({ outcome }) => outcome === wanted).length);
  const asked = of.filter(({ outcome }) => outcome === 'a person is asked');
  return [
    name,
    String(of.length),
    ...(['exactly one', 'shown twice', 'waits', 'a person is asked', 'broken'] as const).map(count),
    String(orphansIn(of)),
    String(orphansIn(of.filter(({ cell }) => !(cell.call === 'create' && cell.happened)))),
    [...new Set(asked.map(({ problem }) => problem ?? ''))].join(', '),
  ];
}
