import { listen } from '../db/listen.ts';
import { forgetFence, readFence } from '../fence/fence.ts';
import type { Logger } from '../log.ts';
import { planPosts } from '../publishing/plan-posts.ts';
import type { Services } from '../services.ts';
import { enqueueDue } from './enqueue.ts';
import { createMaintenance } from './maintenance.ts';

/** However quiet it is, the rows are looked at this often: a notification can be lost. */
const longestPauseMs = 1_000;
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
  const posts = new Loop({
    name: 'posts',
    log,
    pollMs: longestPauseMs,
    pass: () => handOut(services),
  });
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
  if ((await readFence(services)) !== null) return longestPauseMs;
  const { planned, mayBeMore } = await planPosts(db, publishers);
  if (planned > 0) log.debug({ posts: planned }, 'posts planned');
  let nextInMs = mayBeMore ? 0 : longestPauseMs;
  for (const provider of publishers.keys()) {
    const due = await enqueueDue(services, provider);
    if (due.enqueued > 0) log.debug({ provider, posts: due.enqueued }, 'posts enqueued');
    nextInMs = Math.min(nextInMs, due.nextInMs);
  }
  return nextInMs;
}

export interface LoopOptions {
  /** What the log calls it. */
  readonly name: string;
  readonly log: Logger;
  /** The longest pause between two passes, and the pause after a failed one. */
  readonly pollMs: number;
  /** Resolves with the milliseconds until there may be more to do. */
  pass(): Promise<number>;
}

/** Runs passes one after the other until stopped; an outage is told once, not once a pass. */
class Loop {
  readonly #options: LoopOptions;
  #failing = false;
  #stopped = false;
  #woken = false;
  #wakeUp: (() => void) | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** The next pass begins at once, or right after the one under way. */
  wake(): void {
    this.#woken = true;
    this.#wakeUp?.();
  }

  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      this.#woken = false;
      const nextInMs = await this.#pass();
      await this.#sleep(Math.min(nextInMs, this.#options.pollMs));
    }
  }

  async #pass(): Promise<number> {
    const { name, log, pollMs } = this.#options;
    try {
      const nextInMs = await this.#options.pass();
      if (this.#failing) log.info({ loop: name }, 'going on again');
      this.#failing = false;
      return nextInMs;
    } catch (error) {
      if (!this.#failing) log.error({ err: error, loop: name }, 'standing still');
      this.#failing = true;
      return pollMs;
    }
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#woken || this.#stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.max(1, ms));
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wakeUp = undefined;
  }
}
