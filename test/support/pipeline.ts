import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { publishPost } from '../../src/jobs/publish-post.ts';
import type { RoleName } from '../../src/roles.ts';
import { rescueJobs, rescueRows } from '../../src/scheduler/enqueue.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { environmentOf, type Fleet, openFleet, until } from './fleet.ts';
import { type Meta, type MetaPage, startMeta } from './meta.ts';
import { execute } from './postgres-server.ts';
import { type QueueBackend, redisUrl } from './redis.ts';
import { type RoleProcess, spawnRole } from './role-process.ts';
import {
  anIntegration,
  type PostRow,
  readPost,
  somePosts,
  type TestIntegration,
  type TestPost,
} from './rows.ts';

/** A Page of the sandbox with the tenant and the integration that publish to it. */
export interface Outlet extends TestIntegration {
  readonly page: MetaPage;
}

export interface OutletOptions {
  readonly autoPublish?: boolean;
  readonly lateLimitS?: number;
  /** False: its lists have shown no post of ours yet. */
  readonly proves?: boolean;
  /** Of the sandbox's Page. */
  readonly page?: object;
}

export interface AttemptRow {
  readonly id: string;
  readonly run: number;
  readonly version: number;
  readonly state: string;
  readonly mode: string;
  readonly external_id: string | null;
  readonly error: object | null;
  readonly calls: readonly { method: string; path: string; effect: string; status: number }[];
  readonly staged: readonly { index: number; id: string }[];
  readonly hidden_id: string | null;
  readonly orphans: readonly { id: string | null; kept?: string }[];
  readonly resting: boolean;
  readonly reserved: number;
  readonly sent_at: Date | null;
  readonly owned_until: Date | null;
}

/** Database, sandbox and the program's roles of one test file, with the words that its tests are written in. */
export interface Pipeline {
  readonly backend: QueueBackend;
  readonly databaseUrl: string;
  readonly meta: Meta;
  readonly fleet: Fleet;
  outlet(options?: OutletOptions): Promise<Outlet>;
  /** One approved post, or whatever the test says. */
  post(outlet: Outlet, post?: TestPost): Promise<string>;
  posts(outlet: Outlet, posts: readonly TestPost[]): Promise<string[]>;
  row(id: string): Promise<PostRow>;
  /** Oldest first. */
  attempts(id: string): Promise<readonly AttemptRow[]>;
  /** Waits until the post is in one of these states, then reads it. */
  reaches(id: string, ...statuses: readonly string[]): Promise<PostRow>;
  /** Waits until the post waits for this, then reads it. */
  waitsFor(id: string, reason: string): Promise<PostRow>;
  /** Waits until nothing of the outlet is planned, queued or under way any more. */
  restsAll(outlet: Outlet, timeoutMs?: number): Promise<void>;
  /** Writes as the program does: past the guards that hold authors. */
  force(id: string, set: string): Promise<void>;
  /** As if the time for which posts and the integration wait had come. */
  timePasses(outlet: Outlet): Promise<void>;
  /** What the scheduler does every two seconds, now. */
  sweep(): Promise<void>;
  /** A job by hand, as a person on the dashboard may add it; the id is a new one unless given. */
  addJob(id: string, run?: number, jobId?: string): Promise<void>;
  fault(outlet: Outlet, edge: string, fault: object): Promise<void>;
  /** The calls that the sandbox saw of the Page, oldest first: `POST feed`, `GET scheduled_posts`. */
  calls(outlet: Outlet): Promise<string[]>;
  /** The most calls that the sandbox counted for the Page in any hour. */
  mostCallsInAnHour(outlet: Outlet): Promise<number>;
  /** Everything in the queue is gone, behind the program's back. */
  wipeQueue(): Promise<void>;
  /** Another fleet over the same database, queue and sandbox. */
  another(env?: Readonly<Record<string, string>>): Promise<Fleet>;
  /** A process of its own, as in production; it is killed at the end if it still runs. */
  spawn(role: RoleName, env?: Readonly<Record<string, string>>): Promise<RoleProcess>;
  close(): Promise<void>;
}

export interface PipelineOptions {
  readonly env?: Readonly<Record<string, string>>;
}

export async function openPipeline(
  backend: QueueBackend,
  { env = {} }: PipelineOptions = {},
): Promise<Pipeline> {
  const [database, meta] = await Promise.all([createTestDatabase(), startMeta()]);
  const settings = { backend, databaseUrl: database.url, metaUrl: meta.url };
  const fleet = await openFleet({ ...settings, env });
  const others: Fleet[] = [];
  const processes: RoleProcess[] = [];
  return {
    backend,
    databaseUrl: database.url,
    meta,
    fleet,
    ...wordsOf(fleet, meta),
    wipeQueue: () => wipeQueue(backend, fleet, database),
    another: async (more = {}) => {
      const other = await openFleet({ ...settings, env: { ...env, ...more } });
      others.push(other);
      return other;
    },
    spawn: async (role, more = {}) => {
      const child = await spawnRole(role, environmentOf({ ...settings, env: { ...env, ...more } }));
      processes.push(child);
      return child;
    },
    close: async () => {
      await Promise.all(processes.map((child) => child.kill()));
      await Promise.all([fleet, ...others].map((one) => one.close()));
      await meta.close();
      await database.drop();
    },
  };
}

type Words = Omit<
  Pipeline,
  'backend' | 'databaseUrl' | 'meta' | 'fleet' | 'wipeQueue' | 'another' | 'spawn' | 'close'
>;

function wordsOf(fleet: Fleet, meta: Meta): Words {
  const { db } = fleet;
  const posts = (outlet: Outlet, wanted: readonly TestPost[]) => somePosts(db, outlet, wanted);
  const row = (id: string) => readPost(db, id);
  const reaches = async (id: string, ...statuses: readonly string[]): Promise<PostRow> => {
    await until(`${id} is ${statuses.join(' or ')}`, async () =>
      statuses.includes((await row(id)).status),
    );
    return row(id);
  };
  return {
    posts,
    row,
    reaches,
    async outlet({ page: pageOptions = {}, ...options } = {}) {
      const page = await meta.page(pageOptions);
      const owner = await anIntegration(db, { ...options, accountId: page.id, token: page.token });
      return { ...owner, page };
    },
    async post(outlet, post = {}) {
      const [id = ''] = await posts(outlet, [post]);
      return id;
    },
    attempts: (id) =>
      db.query<AttemptRow>({
        text: 'SELECT * FROM social_publisher.publish_attempts WHERE post_id = $1 ORDER BY run',
        values: [id],
      }),
    async waitsFor(id, reason) {
      await until(
        `${id} waits for ${reason}`,
        async () => (await row(id)).waiting?.reason === reason,
      );
      return row(id);
    },
    restsAll: (outlet, timeoutMs) =>
      until(
        'everything of the outlet rests',
        async () => {
          const [moving] = await db.query<{ count: number }>({
            text: `SELECT count(*)::int AS count FROM social_publisher.social_posts
                   WHERE integration_id = $1 AND status IN ('approved', 'queued', 'publishing')`,
            values: [outlet.integrationId],
          });
          return moving?.count === 0;
        },
        timeoutMs,
      ),
    async force(id, set) {
      await db.query({
        text: `UPDATE social_publisher.social_posts SET internal_write = true, ${set} WHERE id = $1`,
        values: [id],
      });
    },
    async timePasses({ integrationId }) {
      await db.query({
        text: 'UPDATE social_publisher.integrations SET held_until = NULL WHERE id = $1',
        values: [integrationId],
      });
      await db.query({
        text: `UPDATE social_publisher.social_posts
               SET internal_write = true, next_run_at = clock_timestamp()
               WHERE integration_id = $1 AND status = 'approved' AND next_run_at IS NOT NULL`,
        values: [integrationId],
      });
      await db.query({ text: `SELECT pg_notify('social_publisher_posts', '')` });
    },
    async sweep() {
      await rescueRows(fleet.services);
      await rescueJobs(fleet.services, 'facebook');
    },
    async addJob(id, run = 1, jobId = `by-hand-${randomUUID()}`) {
      await fleet.services.queues.add('facebook', publishPost, [
        { id: jobId, payload: { postId: id, run } },
      ]);
    },
    async fault(outlet, edge, fault) {
      const match = { page_id: outlet.page.id, edge, method: 'POST' };
      await meta.control('POST', 'faults', { match, ...fault });
    },
    async calls(outlet) {
      const requests = await meta.requests(outlet.page.id);
      return requests.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`);
    },
    async mostCallsInAnHour(outlet) {
      const answer = pageCalls.parse(await meta.control('GET', 'ledger/summary'));
      return answer.pages[outlet.page.id]?.calls.most_in_an_hour ?? 0;
    },
  };
}

const pageCalls = z.looseObject({
  pages: z.record(
    z.string(),
    z.looseObject({ calls: z.object({ most_in_an_hour: z.number() }).loose() }),
  ),
});

async function wipeQueue(
  backend: QueueBackend,
  fleet: Fleet,
  database: TestDatabase,
): Promise<void> {
  if (backend === 'postgres') {
    const tables = ['job', 'event', 'meta'].map((table) => `social_publisher_queue.${table}`);
    return execute(database.url, `TRUNCATE ${tables.join(', ')} CASCADE`);
  }
  const client = new Redis(redisUrl());
  const keys = await client.keys(`${fleet.services.config.queuePrefix}:*`);
  if (keys.length > 0) await client.del(...keys);
  client.disconnect();
}
