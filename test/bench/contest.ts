import { setTimeout as delay } from 'node:timers/promises';
import { openDatabase } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { execute, urlOf } from '../support/postgres-server.ts';
import { anIntegration, testKey } from '../support/rows.ts';
import { addBare } from './bare-queue.ts';
import { end, forkBench, forkWorker, type Stats, type Target } from './children.ts';

export interface Place {
  readonly kind: 'redis' | 'postgres';
  readonly serverUrl: string;
  readonly redisUrl: string;
  readonly target: Target;
}

export interface Load {
  readonly jobs: number;
  readonly concurrency: number;
  readonly answerMs: number;
  /** When all of them are due, from the moment they are in; 0: they are due already. */
  readonly dueInMs: number;
  /** `ahead`: two steps, the first done before they are due. One step unless it is said. */
  readonly steps?: 'one' | 'two' | 'ahead';
  /** 100 unless it is said. */
  readonly pages?: number;
  /** Processes that share the whole pipeline's work; one unless it is said. */
  readonly publishers?: number;
}

const mostPages = 100;
/** So that even a slow machine has prepared them before the first is due. */
const preparedPerS = 120;
let contests = 0;

/** Bare BullMQ: the jobs are added, then the worker starts (or, with a due time, waits for them as delayed jobs). */
export async function runBare(place: Place, load: Load): Promise<Stats> {
  const url = place.kind === 'redis' ? place.redisUrl : await freshDatabase(place, 'bare');
  await place.target.reset(load.answerMs);
  const args = [place.kind, url, place.target.url, String(load.concurrency)];
  if (load.dueInMs === 0) await addBare(place.kind, url, bareJobs(load, Date.now()));
  const { child } = await forkBench('bare-worker.ts', args);
  child.send('go');
  if (load.dueInMs > 0) await addBare(place.kind, url, bareJobs(load, Date.now() + load.dueInMs));
  const stats = await place.target.waitFor(load.jobs);
  await end(child);
  return stats;
}

function bareJobs(load: Load, dueAt: number) {
  const now = Date.now();
  return Array.from({ length: load.jobs }, (_, number) => ({
    data: { message: `due:${dueAt} post ${number}` },
    delayMs: Math.max(0, dueAt - now),
  }));
}

/** The whole product: approved rows, a scheduler process and publisher processes. Until the last row is published. */
export async function runPipeline(
  place: Place,
  load: Load,
): Promise<Stats & { readonly settledAt: number }> {
  const databaseUrl = await freshDatabase(place, 'pipeline');
  await migrate(databaseUrl);
  const db = openDatabase({ url: databaseUrl });
  await place.target.reset(load.answerMs);
  const aheadMs = load.steps === 'ahead' ? 10_000 + (load.jobs / preparedPerS) * 1_000 : 0;
  const dueAt = new Date(Date.now() + load.dueInMs + aheadMs);
  await insertPosts(db, load, dueAt);
  const env = environment(place, load, databaseUrl);
  const roles = ['scheduler', ...Array.from({ length: load.publishers ?? 1 }, () => 'publisher')];
  const children = roles.map((role) => forkWorker(role, env));
  try {
    if (aheadMs > 0) {
      await waitUntilPrepared(db, load.jobs, dueAt);
      // Nothing is called before: quiet is not stuck.
      await delay(Math.max(0, dueAt.getTime() - Date.now()));
    }
    const stats = await place.target.waitFor(load.jobs);
    const settledAt = await waitUntilPublished(db, load.jobs);
    return { ...stats, settledAt };
  } finally {
    await Promise.all(children.map(end));
    await db.close();
  }
}

function environment(place: Place, load: Load, databaseUrl: string): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    ...(place.kind === 'redis' ? { REDIS_URL: place.redisUrl } : {}),
    QUEUE_PREFIX: `bench-${contests}`,
    ADMIN_TOKEN: 'an-operator-token-for-the-bench',
    ENCRYPTION_KEYS: `${testKey.id}:${Buffer.from(testKey.key).toString('base64')}`,
    GRAPH_BASE_URL: place.target.url,
    FACEBOOK_CALLS_PER_HOUR: '100000',
    FACEBOOK_STEPS: load.steps === undefined || load.steps === 'one' ? 'one' : 'two',
    PREPARE_AHEAD_S: load.steps === 'ahead' ? '3600' : '0',
    CONCURRENCY: String(load.concurrency),
    QUEUE_DEPTH: String(Math.max(2_000, load.concurrency * 2)),
    LOG_LEVEL: 'error',
  };
}

async function freshDatabase(place: Place, name: string): Promise<string> {
  contests += 1;
  const database = `bench_${name}_${contests}`;
  await execute(place.serverUrl, `CREATE DATABASE ${database}`);
  return urlOf(place.serverUrl, database);
}

type Db = ReturnType<typeof openDatabase>;

/** Approved and planned beforehand, as posts of a calendar are long before they are due. */
async function insertPosts(
  db: Db,
  { jobs, pages = mostPages, steps }: Load,
  dueAt: Date,
): Promise<void> {
  for (let page = 0; page < pages; page += 1) {
    const owner = await anIntegration(db, { autoPublish: true });
    await db.query({
      text: `INSERT INTO social_publisher.social_posts
               (tenant_id, integration_id, status, message, publish_mode, scheduled_at)
             SELECT $1, $2, 'approved', 'due:' || $4::bigint || ' post ' || n || ' of ' || $3::int, 'publish',
               to_timestamp($4::bigint / 1000.0)
             FROM generate_series(1, $5::int) n`,
      values: [owner.tenantId, owner.integrationId, page, dueAt.getTime(), jobs / pages],
    });
  }
  await db.query({
    text: `UPDATE social_publisher.social_posts
           SET internal_write = true, effective_mode = 'publish',
             next_run_at = CASE WHEN $1::boolean THEN clock_timestamp() ELSE scheduled_at END`,
    values: [steps === 'ahead'],
  });
  await db.query({ text: 'VACUUM ANALYZE social_publisher.social_posts' });
}

async function waitUntilPrepared(db: Db, count: number, dueAt: Date): Promise<void> {
  for (let prepared = 0; prepared < count; ) {
    if (Date.now() > dueAt.getTime()) {
      throw new Error(`only ${prepared} of ${count} were prepared before their time`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    const [row] = await db.query<{ prepared: number }>({
      text: `SELECT count(*) FILTER (WHERE prepared_at IS NOT NULL)::int AS prepared FROM social_publisher.social_posts`,
    });
    prepared = row?.prepared ?? 0;
  }
  await db.query({ text: 'VACUUM ANALYZE social_publisher.social_posts' });
}

async function waitUntilPublished(db: Db, count: number): Promise<number> {
  for (;;) {
    const [row] = await db.query<{ published: number; other: string | null }>({
      text: `SELECT count(*) FILTER (WHERE status = 'published')::int AS published,
               min(status) FILTER (WHERE status NOT IN ('published', 'publishing', 'queued', 'approved')) AS other
             FROM social_publisher.social_posts`,
    });
    if (row?.other) throw new Error(`a post of the bench ended ${row.other}`);
    if (row?.published === count) return Date.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
