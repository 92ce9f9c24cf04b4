import { listen } from '../db/listen.ts';
import { forgetFence, readFence } from '../fence/fence.ts';
import type { Services } from '../services.ts';
import { enqueueDue } from './enqueue.ts';
import { Loop } from './loop.ts';
import { createMaintenance } from './maintenance.ts';
import { planPosts } from './plan-posts.ts';

/** However quiet it is, the rows are looked at this often: a notification can be lost. */
const pollMs = 1_000;
const maintenanceMs = 500;
/** Written in the migrations, beside the triggers that notify. */
const channel = 'social_publisher_posts';

export interface RunningScheduler {
  /** Ends after the passes that are under way. */
  close(): Promise<void>;
}

/**
 * Plans and enqueues due posts until closed. Maintenance runs beside it, so that it makes no post late. Any number of
 * schedulers may run at once: every step is one statement that passes over what another one holds.
 */
export async function startScheduler(
  services: Services,
  listenUrl: string,
): Promise<RunningScheduler> {
  const { log } = services;
  const posts = new Loop({ name: 'posts', log, pollMs, pass: () => handOut(services) });
  const maintain = createMaintenance(services);
  const maintenance = new Loop({
    name: 'maintenance',
    log,
    pollMs: maintenanceMs,
    pass: async () => {
      await maintain();
      return maintenanceMs;
    },
  });
  const listener = await listen({
    url: listenUrl,
    channel,
    onNotify: () => {
      posts.wake();
    },
    onReconnect: () => {
      // It may be another database that answers now.
      forgetFence(services.db);
      posts.wake();
    },
    logger: log,
  });
  const running = [posts.run(), maintenance.run()];
  return {
    async close() {
      posts.stop();
      maintenance.stop();
      await Promise.all(running);
      await listener.close();
    },
  };
}

/** Milliseconds until there may be more to hand out. */
async function handOut(services: Services): Promise<number> {
  const { db, publishers, log } = services;
  // Not even lateness is judged: what looks missed may have gone out before the backup was restored.
  if ((await readFence(services)) !== null) return pollMs;
  const { planned, mayBeMore } = await planPosts(db, publishers);
  if (planned > 0) log.debug({ posts: planned }, 'posts planned');
  let nextInMs = mayBeMore ? 0 : pollMs;
  for (const provider of publishers.keys()) {
    const due = await enqueueDue(services, provider);
    if (due.enqueued > 0) log.debug({ provider, posts: due.enqueued }, 'posts enqueued');
    nextInMs = Math.min(nextInMs, due.nextInMs);
  }
  return nextInMs;
}
