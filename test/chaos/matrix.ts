import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { until } from '../support/fleet.ts';
import type { Effect } from '../support/meta.ts';
import type { RoleProcess } from '../support/role-process.ts';
import { anIntegration, somePosts, type TestIntegration, type TestPost } from '../support/rows.ts';
import type { Arena } from './arena.ts';
import { type Cell, cellsOf, type Fate, faultOf, photosOf, type Steps } from './cells.ts';
import { buildGate, type Gate } from './gate.ts';
import { judgeCell, type Verdict } from './verdict.ts';

export interface MatrixOptions {
  readonly fate: Fate;
  /** As the processes of the arena have them. */
  readonly steps: Steps;
  /** Which of the cells; all unless said. */
  readonly wants?: (cell: Cell) => boolean;
  /** Keeps workers from telling the queue that a job is done, until the returned function is called. */
  readonly holdQueue?: () => Promise<() => Promise<void>>;
}

/** Concurrency enough that every cell waits at the same gate at once. */
const atOnce = {
  CONCURRENCY: '400',
  SHUTDOWN_TIMEOUT_MS: '0',
  DATABASE_POOL_SIZE: '40',
} as const;
/** A renewal of a lease would wait behind the gate, and take a connection from those that still have calls to make. */
const gated = { ...atOnce, LEASE_MS: '60000', GRAPH_TIMEOUT_MS: '2500' } as const;
const holdMs = 4_000;
/** After the last call began: its deadline or, of a reveal, two of them and the half second between. */
const lastAnswerMs = 5_800;
const pace = 40;
/** What a machine that has other work too may take for a step that takes seconds. */
const busyMs = 120_000;

/** Runs all cells of one fate at once and judges each by the ledger and its row. */
export async function runMatrix(
  arena: Arena,
  { fate, steps, wants = () => true, holdQueue }: MatrixOptions,
): Promise<readonly Verdict<Cell>[]> {
  const cells = cellsOf(fate, steps).filter(wants);
  const gate = await buildGate(arena);
  const living: RoleProcess[] = [];
  try {
    const owners = await ownersOf(arena, cells);
    await setFaults(arena, cells, owners);
    const insert = (some: readonly Cell[]) => insertPosts(arena, some, owners);
    if (fate === 'lives') await insert(cells);
    else await killAt(arena, gate, { cells, insert, fate, holdQueue });
    const roles = ['scheduler', 'publisher', 'background', 'background'] as const;
    living.push(...(await Promise.all(roles.map((role) => arena.spawn(role, atOnce)))));
    await rest(arena, cells);
    await checkFaults(arena);
    // One that never rested must not move on while it is judged.
    await Promise.all(living.map((child) => child.kill()));
    const [posts, hidden] = await Promise.all([arena.meta.posts(), arena.meta.hidden()]);
    return await Promise.all(
      cells.map((cell) => {
        const made = { posts: madeOf(posts, cell), hidden: madeOf(hidden, cell) };
        return judgeCell(arena.db, cell, made);
      }),
    );
  } finally {
    await gate.end();
    await Promise.all(living.map((child) => child.kill()));
  }
}

function madeOf(effects: readonly Effect[], { name }: Cell): readonly Effect[] {
  return effects.filter(({ message }) => message === name);
}

type Owners = ReadonlyMap<Cell, TestIntegration>;

async function setFaults({ meta }: Arena, cells: readonly Cell[], owners: Owners): Promise<void> {
  for (const cell of cells) {
    const fault = faultOf(cell, holdMs);
    if (fault === null) continue;
    const match =
      cell.call === 'reveal'
        ? { edge: 'node', page_id: owners.get(cell)?.accountId }
        : { edge: 'feed', message_contains: cell.name };
    await meta.control('POST', 'faults', { match: { method: 'POST', ...match }, ...fault });
  }
}

const faultsUsed = z.looseObject({
  data: z.array(z.looseObject({ used: z.number(), match: z.unknown() })),
});

/** A cell whose fault never happened would prove nothing. */
async function checkFaults({ meta }: Arena): Promise<void> {
  const { data } = faultsUsed.parse(await meta.control('GET', 'faults'));
  const unused = data.filter(({ used }) => used === 0);
  if (unused.length > 0) throw new Error(`faults not used: ${JSON.stringify(unused)}`);
}

/**
 * A Page for each kind of answer and mode, so that lost and found posts lie side by side on every one. A reveal does not
 * say which post it is of, and behind the gate nobody waits for another post of a Page that ails: those have Pages of
 * their own.
 */
async function ownersOf(arena: Arena, cells: readonly Cell[]): Promise<Owners> {
  const owners = new Map<string, TestIntegration>();
  const all = new Map<Cell, TestIntegration>();
  for (const cell of cells) {
    const isAlone = cell.call === 'reveal' || cell.fate !== 'lives';
    const key = isAlone ? cell.name : `${cell.answer} ${cell.mode}`;
    const owner = owners.get(key) ?? (await ownerOf(arena));
    owners.set(key, owner);
    all.set(cell, owner);
  }
  return all;
}

async function insertPosts(arena: Arena, cells: readonly Cell[], owners: Owners): Promise<void> {
  for (const cell of cells) {
    const owner = owners.get(cell);
    if (owner !== undefined) await somePosts(arena.db, owner, [postOf(arena, cell)]);
  }
}

async function ownerOf({ meta, db }: Arena): Promise<TestIntegration> {
  const page = await meta.page();
  return anIntegration(db, { autoPublish: true, accountId: page.id, token: page.token });
}

function postOf({ meta }: Arena, cell: Cell): TestPost {
  const media = Array.from({ length: photosOf[cell.content] }, (_, n) => ({
    type: 'image',
    url: meta.image(n),
  }));
  return {
    message: cell.name,
    media,
    ...(cell.content === 'link' ? { link: 'https://example.com/a-page?of=the-matrix' } : {}),
    publishMode: cell.mode,
    scheduledAt: cell.mode === 'schedule' ? new Date(Date.now() + 86_400_000) : null,
  };
}

/**
 * Brings every cell to the moment where its worker has what answer it will get and has not written it, then kills the
 * workers there, or lets them write and kills them before they can say so to the queue.
 */
async function killAt(
  arena: Arena,
  gate: Gate,
  { cells, insert, fate, holdQueue }: Killing,
): Promise<void> {
  await gate.close();
  const publishers = await Promise.all([
    arena.spawn('publisher', gated),
    arena.spawn('publisher', gated),
  ]);
  const scheduler = await arena.spawn('scheduler');
  // A few at a time: what a busy machine answers too late would wait at the gate too, and take the others with it.
  for (let from = 0; from < cells.length; from += pace) {
    await insert(cells.slice(from, from + pace));
    const some = cells.slice(0, from + pace);
    await until('every call was made', () => wereMade(arena, some), busyMs);
  }
  // Nobody else is to find out that these outcomes are unknown: it would wait at the gate. Killed, it could leave posts
  // whose jobs it had not added yet.
  await scheduler.stop();
  await delay(lastAnswerMs);
  const release = fate === 'killed after the commit' ? await holdQueue?.() : undefined;
  if (fate === 'killed after the commit') {
    await gate.open();
    await until('every outcome is written', () => isEmpty(arena, isOpen), busyMs);
  }
  await Promise.all(publishers.map((child) => child.kill()));
  await gate.clear();
  if (fate === 'killed before the commit') {
    const written = await countRows(arena, `NOT ${isOpen}`);
    if (written > 0) throw new Error(`${written} posts were settled before their workers died`);
    await gate.open();
  }
  await endLeases(arena);
  await release?.();
}

/** As if the time had passed for which those that died hold their posts. */
async function endLeases({ db }: Arena): Promise<void> {
  await db.query({
    text: `UPDATE social_publisher.social_posts SET internal_write = true, lease_until = clock_timestamp()
           WHERE status = 'publishing'`,
  });
}

interface Killing {
  readonly cells: readonly Cell[];
  readonly insert: (cells: readonly Cell[]) => Promise<void>;
  readonly fate: Fate;
  readonly holdQueue: MatrixOptions['holdQueue'];
}

/** A worker is at it, or was. */
const isOpen = `EXISTS (SELECT FROM social_publisher.publish_attempts a
  WHERE a.post_id = p.id AND (a.state = 'sent' OR (a.state = 'prepared' AND NOT a.resting)))`;

async function countRows({ db }: Arena, condition: string): Promise<number> {
  const [row] = await db.query<{ count: number }>({
    text: `SELECT count(*)::int AS count FROM social_publisher.social_posts p WHERE ${condition}`,
  });
  return row?.count ?? 0;
}

async function isEmpty(arena: Arena, condition: string): Promise<boolean> {
  return (await countRows(arena, condition)) === 0;
}

const calls = z.looseObject({
  data: z.array(
    z.looseObject({
      path: z.string(),
      edge: z.string().nullable(),
      params: z.looseObject({ message: z.string().optional() }),
    }),
  ),
});

/** The call that each cell is about. */
async function wereMade({ meta }: Arena, cells: readonly Cell[]): Promise<boolean> {
  const { data } = calls.parse(await meta.control('GET', 'requests?method=POST&limit=10000'));
  const made = new Set(data.filter(({ edge }) => edge === 'feed').map((one) => one.params.message));
  const shown = new Set(data.filter(({ edge }) => edge === null).map(({ path }) => path));
  const reveals = cells.filter(({ call }) => call === 'reveal').length;
  return made.size >= cells.length && shown.size >= reveals;
}

/** Until every post is where it should be, or where a person was asked. */
async function rest(arena: Arena, cells: readonly Cell[]): Promise<void> {
  const moves = `status IN ('approved', 'queued', 'publishing') OR (status = 'unknown' AND attention IS NULL)`;
  // One that never rests is a verdict, not an accident of this suite.
  await until(`${cells.length} cells rest`, () => isEmpty(arena, moves), busyMs).catch(
    () => undefined,
  );
}
