import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { until } from '../support/fleet.ts';
import type { RoleProcess } from '../support/role-process.ts';
import { anIntegration, somePosts, type TestIntegration, type TestPost } from '../support/rows.ts';
import type { Arena } from './arena.ts';
import { type Cell, cellsOf, type Fate, faultOf, photosOf } from './cells.ts';
import { buildGate, type Gate } from './gate.ts';
import { judgeCell, type Verdict } from './verdict.ts';

export interface MatrixOptions {
  readonly fate: Fate;
  /** Which of the cells; all unless said. */
  readonly wants?: (cell: Cell) => boolean;
  /** Keeps workers from telling the queue that a job is done, until the returned function is called. */
  readonly holdQueue?: () => Promise<() => Promise<void>>;
}

/** Concurrency enough that every cell waits at the same gate at once. */
const atOnce = { CONCURRENCY: '400', SHUTDOWN_TIMEOUT_MS: '0' } as const;
const holdMs = 4_000;
const callMs = 1_500;
/** What a machine that has other work too may take for a step that takes seconds. */
const busyMs = 120_000;

/** Runs all cells of one fate at once and judges each by the ledger and its row. */
export async function runMatrix(
  arena: Arena,
  { fate, wants = () => true, holdQueue }: MatrixOptions,
): Promise<readonly Verdict[]> {
  const cells = cellsOf(fate).filter(wants);
  const gate = await buildGate(arena);
  const living: RoleProcess[] = [];
  try {
    await setFaults(arena, cells);
    if (fate === 'lives') await insertPosts(arena, cells);
    else await killAt(arena, gate, cells, fate, holdQueue);
    const roles = ['scheduler', 'publisher', 'background', 'background'] as const;
    living.push(...(await Promise.all(roles.map((role) => arena.spawn(role, atOnce)))));
    await rest(arena, cells);
    await checkFaults(arena);
    const effects = await arena.meta.posts();
    return await Promise.all(cells.map((cell) => judgeCell(arena.db, cell, effects)));
  } finally {
    await gate.end();
    await Promise.all(living.map((child) => child.kill()));
  }
}

async function setFaults({ meta }: Arena, cells: readonly Cell[]): Promise<void> {
  for (const cell of cells) {
    const fault = faultOf(cell, holdMs);
    if (fault === null) continue;
    const match = { method: 'POST', edge: 'feed', message_contains: cell.name };
    await meta.control('POST', 'faults', { match, ...fault });
  }
}

const faultsLeft = z.looseObject({
  data: z.array(z.looseObject({ left: z.number(), match: z.unknown() })),
});

/** A cell whose fault never happened would prove nothing. */
async function checkFaults({ meta }: Arena): Promise<void> {
  const { data } = faultsLeft.parse(await meta.control('GET', 'faults'));
  const unused = data.filter(({ left }) => left > 0);
  if (unused.length > 0) throw new Error(`faults not used: ${JSON.stringify(unused)}`);
}

/** A Page for each kind of answer and mode, so that lost and found posts lie side by side on every one. */
async function insertPosts(arena: Arena, cells: readonly Cell[]): Promise<void> {
  const owners = new Map<string, TestIntegration>();
  for (const cell of cells) {
    const key = `${cell.answer} ${cell.mode}`;
    const owner = owners.get(key) ?? (await ownerOf(arena));
    owners.set(key, owner);
    await somePosts(arena.db, owner, [postOf(arena, cell)]);
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
  cells: readonly Cell[],
  fate: Fate,
  holdQueue: MatrixOptions['holdQueue'],
): Promise<void> {
  await gate.close();
  await insertPosts(arena, cells);
  const publishers = await Promise.all([
    arena.spawn('publisher', atOnce),
    arena.spawn('publisher', atOnce),
  ]);
  const scheduler = await arena.spawn('scheduler');
  await until('every post is queued', () => isEmpty(arena, `status = 'approved'`), busyMs);
  // Nobody else is to find out that these outcomes are unknown: it would wait at the gate. Killed, it could leave posts
  // whose jobs it had not added yet.
  await scheduler.stop();
  await until('every call was made', async () => (await called(arena)) >= cells.length, busyMs);
  await delay(callMs + 300);
  const release = fate === 'killed after the commit' ? await holdQueue?.() : undefined;
  if (fate === 'killed after the commit') {
    await gate.open();
    await until('every outcome is written', () => isEmpty(arena, isSent), busyMs);
  }
  await Promise.all(publishers.map((child) => child.kill()));
  await gate.clear();
  if (fate === 'killed before the commit') {
    const written = await countRows(arena, `NOT ${isSent}`);
    if (written > 0) throw new Error(`${written} posts were settled before their workers died`);
    await gate.open();
  }
  await release?.();
}

const isSent = `EXISTS (SELECT FROM social_publisher.publish_attempts a WHERE a.post_id = p.id AND a.state = 'sent')`;

async function countRows({ db }: Arena, condition: string): Promise<number> {
  const [row] = await db.query<{ count: number }>({
    text: `SELECT count(*)::int AS count FROM social_publisher.social_posts p WHERE ${condition}`,
  });
  return row?.count ?? 0;
}

async function isEmpty(arena: Arena, condition: string): Promise<boolean> {
  return (await countRows(arena, condition)) === 0;
}

const feedCalls = z.looseObject({
  data: z.array(z.looseObject({ params: z.looseObject({ message: z.string().optional() }) })),
});

async function called({ meta }: Arena): Promise<number> {
  const { data } = feedCalls.parse(
    await meta.control('GET', 'requests?method=POST&edge=feed&limit=10000'),
  );
  return new Set(data.map(({ params }) => params.message)).size;
}

/** Until every post is where it should be, or where a person was asked. */
async function rest(arena: Arena, cells: readonly Cell[]): Promise<void> {
  const moves = `status IN ('approved', 'queued', 'publishing') OR (status = 'unknown' AND attention IS NULL)`;
  // One that never rests is a verdict, not an accident of this suite.
  await until(`${cells.length} cells rest`, () => isEmpty(arena, moves), busyMs).catch(
    () => undefined,
  );
}
