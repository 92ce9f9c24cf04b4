import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { reconcilePost } from '../../src/jobs/reconcile-post.ts';
import { enqueueClaimed } from '../../src/scheduler/maintenance.ts';
import { type Outlet, openPipeline, type Pipeline } from './pipeline.ts';
import type { QueueBackend } from './redis.ts';

/** The app whose tokens the tests have. */
export const ourApp = { id: '4242', secret: 'the-secret-of-our-app' } as const;
export const intervalMs = 150;

/** One entry of an attempt's evidence, as far as tests look at it. */
export interface EvidenceRow {
  readonly conclusion?: string;
  readonly counts?: boolean;
  readonly doubt?: string | null;
  readonly looked_at?: string;
}

/** A pipeline whose answers get lost, with the words that such tests are written in. */
export interface LostAnswers extends Pipeline {
  photos(...numbers: number[]): object[];
  /** The visible call loses its answer. */
  lose(outlet: Outlet, when: 'before' | 'after', kind?: string, times?: number): Promise<void>;
  onPage(outlet: Outlet): Promise<Awaited<ReturnType<Pipeline['meta']['posts']>>>;
  /** Of each attempt, oldest first. */
  evidence(postId: string): Promise<readonly (readonly EvidenceRow[])[]>;
  feeds(outlet: Outlet): Promise<number>;
  weather(outlet: Outlet, weather: object): Promise<void>;
  /** What somebody else puts on the Page. */
  byOthers(outlet: Outlet, post: object): Promise<string>;
}

/** Looks come as soon as they are due: nobody waits for the scheduler's own pace. */
export async function openLostAnswers(
  backend: QueueBackend,
  env: Readonly<Record<string, string>> = {},
): Promise<LostAnswers> {
  const pipeline = await openPipeline(backend, {
    env: {
      RECONCILE_INTERVAL_MS: String(intervalMs),
      GRAPH_TIMEOUT_MS: '1500',
      RESEND_LIMIT: '2',
      // Where a network refuses two steps: only then do looks decide what becomes of a post.
      FACEBOOK_STEPS: 'one',
      META_APP_ID: ourApp.id,
      META_APP_SECRET: ourApp.secret,
      ...env,
    },
  });
  await pipeline.meta.control('POST', 'apps', ourApp);
  await pipeline.fleet.start('scheduler', 'publisher', 'background');
  const stop = keepLooking(pipeline);
  return {
    ...pipeline,
    ...wordsOf(pipeline),
    outlet: (options = {}) =>
      pipeline.outlet({ ...options, page: { app_id: ourApp.id, ...options.page } }),
    async close() {
      await stop();
      await pipeline.close();
    },
  };
}

function keepLooking({ fleet }: Pipeline): () => Promise<void> {
  const stopping = new AbortController();
  const work = (async () => {
    while (!stopping.signal.aborted) {
      await enqueueClaimed(fleet.services, reconcilePost).catch(() => undefined);
      await delay(40);
    }
  })();
  return async () => {
    stopping.abort();
    await work;
  };
}

const madeSchema = z.object({ id: z.string() });
const seen: ReadonlySet<string> = new Set(['published', 'scheduled', 'draft']);

function wordsOf(it: Pipeline): Omit<LostAnswers, keyof Pipeline> {
  return {
    photos: (...numbers) => numbers.map((n) => ({ type: 'image', url: it.meta.image(n) })),
    lose: (outlet, when, kind = 'code_2', times = 1) =>
      it.fault(outlet, 'feed', { kind, when, times }),
    async onPage(outlet) {
      const posts = await it.meta.posts(outlet.page.id);
      return posts.filter(({ visibility }) => seen.has(visibility));
    },
    async evidence(postId) {
      const rows = await it.fleet.db.query<{ evidence: EvidenceRow[] }>({
        text: 'SELECT evidence FROM social_publisher.publish_attempts WHERE post_id = $1 ORDER BY run',
        values: [postId],
      });
      return rows.map((row) => row.evidence);
    },
    async feeds(outlet) {
      return (await it.calls(outlet)).filter((call) => call === 'POST feed').length;
    },
    async weather(outlet, weather) {
      await it.meta.control('PATCH', `pages/${outlet.page.id}`, { weather });
    },
    async byOthers(outlet, post) {
      const path = `pages/${outlet.page.id}/posts`;
      return madeSchema.parse(await it.meta.control('POST', path, post)).id;
    },
  };
}
