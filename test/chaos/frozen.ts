import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { until } from '../support/fleet.ts';
import type { QueueBackend } from '../support/redis.ts';
import { anIntegration, somePosts } from '../support/rows.ts';
import { type Arena, openArena } from './arena.ts';
import type { Ground } from './ground.ts';
import { statuses, type Tally, tally } from './tally.ts';
import { createDice } from './weather.ts';

export interface FrozenReport extends Tally {
  readonly what: string;
  readonly frozen: number;
  /** Posts that are not published, by status. */
  readonly others: string;
}

/** Beyond the five seconds, the deadline of the call, three looks, and the other worker's own call. */
const frozenMs = 14_000;
const gateNumber = 770_078;

/** Stops a worker exactly between the commit of `sent` and its calls, and lets it go on when others have taken over. */
export async function freezeAtCommit(arena: Arena, posts: number): Promise<FrozenReport> {
  const messages = await approve(arena, 'at commit', posts);
  const keeper = await closeCommits(arena);
  try {
    const [stopped, scheduler] = await Promise.all([
      arena.spawn('publisher'),
      arena.spawn('scheduler'),
      arena.spawn('background'),
    ]);
    await until('a commit of `sent` waits', async () => (await waitingCommits(keeper)) > 0);
    // Those that are being committed now; what comes after is left to the others.
    await delay(500);
    process.kill(stopped.pid, 'SIGSTOP');
    await keeper.query(`SELECT pg_advisory_unlock(${gateNumber})`);
    // A commit that was let go is seen a moment later.
    await until(
      'what it committed is sent',
      async () => (await waitingCommits(keeper)) === 0 && (await countSent(arena)) > 0,
    );
    const frozen = await countSent(arena);
    await arena.spawn('publisher');
    await until('the others are done', () => allOut(arena, posts), 90_000).catch(() => undefined);
    process.kill(stopped.pid, 'SIGCONT');
    await delay(3_000);
    await Promise.all([stopped.kill(), scheduler.kill()]);
    return { what: 'between commit and call', frozen, ...(await result(arena, messages)) };
  } finally {
    await keeper.end();
  }
}

/** Stops workers at any moment, several times, while others go on. */
async function freezeAnywhere(arena: Arena, posts: number, seed: number): Promise<FrozenReport> {
  const dice = createDice(seed);
  const roles = ['publisher', 'publisher', 'publisher', 'publisher'] as const;
  const publishers = await Promise.all(roles.map((role) => arena.spawn(role)));
  await Promise.all([arena.spawn('background'), arena.spawn('scheduler')]);
  const messages = await approve(arena, `round ${seed}`, posts);
  // One of them is left alone, to take over.
  await Promise.all(
    publishers.slice(1).map(async ({ pid }) => {
      await delay(100 + dice() * 1_500);
      process.kill(pid, 'SIGSTOP');
      await delay(frozenMs);
      process.kill(pid, 'SIGCONT');
    }),
  );
  await until('all are out', () => allOut(arena, posts), 120_000).catch(() => undefined);
  await delay(2_000);
  return { what: 'anywhere', frozen: 3, ...(await result(arena, messages)) };
}

const pages = 10;

async function approve(arena: Arena, name: string, posts: number): Promise<readonly string[]> {
  const messages: string[] = [];
  for (let number = 0; number < pages; number += 1) {
    const page = await arena.meta.page();
    const account = { accountId: page.id, token: page.token };
    const owner = await anIntegration(arena.db, { autoPublish: true, ...account });
    const own = Array.from(
      { length: posts / pages },
      (_, n) => `${name} page ${number} post ${n}.`,
    );
    messages.push(...own);
    await somePosts(
      arena.db,
      owner,
      own.map((message, n) => ({
        message,
        publishMode: 'publish' as const,
        media: n % 10 === 0 ? [{ type: 'image', url: arena.meta.image(n) }] : [],
      })),
    );
  }
  return messages;
}

/** Every commit that makes an attempt `sent` waits, inside PostgreSQL, until this connection lets it go. */
async function closeCommits({ db, databaseUrl }: Arena): Promise<Client> {
  await db.query({
    text: `CREATE OR REPLACE FUNCTION public.chaos_commit() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             IF NEW.state = 'sent' THEN PERFORM pg_advisory_xact_lock_shared(${gateNumber}); END IF;
             RETURN NULL;
           END $$`,
  });
  await db.query({
    text: `CREATE CONSTRAINT TRIGGER chaos_commit AFTER INSERT OR UPDATE ON social_publisher.publish_attempts
           DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.chaos_commit()`,
  });
  const keeper = new Client({ connectionString: databaseUrl });
  await keeper.connect();
  await keeper.query(`SELECT pg_advisory_lock(${gateNumber})`);
  return keeper;
}

async function waitingCommits(keeper: Client): Promise<number> {
  const { rows } = await keeper.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event = 'advisory'`,
  );
  return rows[0]?.count ?? 0;
}

async function countSent({ db }: Arena): Promise<number> {
  const [row] = await db.query<{ count: number }>({
    text: `SELECT count(*)::int AS count FROM social_publisher.publish_attempts WHERE state = 'sent'`,
  });
  return row?.count ?? 0;
}

async function allOut({ db }: Arena, posts: number): Promise<boolean> {
  return ((await statuses(db)).get('published') ?? 0) >= posts;
}

async function result(
  { db, meta }: Arena,
  messages: readonly string[],
): Promise<Omit<FrozenReport, 'what' | 'frozen'>> {
  const others = [...(await statuses(db))].filter(([status]) => status !== 'published');
  return {
    ...(await tally(meta, messages)),
    others: others.map(([status, count]) => `${count} ${status}`).join(', '),
  };
}

/** All rounds over one queue, at once: they mostly wait. */
export async function runFrozen(
  ground: Ground,
  backend: QueueBackend,
  rounds: number,
): Promise<readonly FrozenReport[]> {
  const within = async (work: (arena: Arena) => Promise<FrozenReport>): Promise<FrozenReport> => {
    const arena = await openArena(ground, backend);
    try {
      return await work(arena);
    } finally {
      await arena.close();
    }
  };
  return Promise.all([
    within((arena) => freezeAtCommit(arena, 100)),
    ...Array.from({ length: rounds }, (_, round) =>
      within((arena) => freezeAnywhere(arena, 500, round + 1)),
    ),
  ]);
}
