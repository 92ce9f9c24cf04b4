import { listen } from '../db/listen.ts';
import { AppError } from '../errors.ts';
import { forgetFence, readFence } from '../fence/fence.ts';
import { tellForgottenPosts } from '../integrations/health-store.ts';
import { tellPausedPosts } from '../pauses/store.ts';
import type { Services } from '../services.ts';
import { enqueueCanaries } from './canary.ts';
import { enqueueChanges } from './changes.ts';
import { enqueueDue } from './enqueue.ts';
import { enqueueLeftovers } from './leftovers.ts';
import { enqueueLooks } from './looks.ts';
import { planPosts } from './plan-posts.ts';
import { enqueueProbes } from './probes.ts';
import { enqueueReadBacks } from './read-backs.ts';
import { runReplays } from './replays.ts';
import { dropExpired } from './retention-store.ts';
import { sweepQueue, sweepRows } from './sweep.ts';

/** However quiet it is, the rows are looked at this often: a notification can be lost. */
const pollMs = 1_000;
const sweepMs = 2_000;
const pausesMs = 1_000;
const forgottenMs = 30_000;
const retentionMs = 600_000;
const leftoversMs = 60_000;
/** Written in the migrations, beside the triggers that notify. */
const channel = 'social_publisher_posts';

export interface RunningScheduler {
  /** Ends after the pass that is under way. */
  close(): Promise<void>;
}

/**
 * Plans and enqueues due posts until closed. Any number of schedulers may run at once: every step is one statement
 * that passes over what another one holds.
 */
export async function startScheduler(
  services: Services,
  listenUrl: string,
): Promise<RunningScheduler> {
  const scheduler = new Scheduler(services);
  const wake = () => {
    scheduler.wake();
  };
  const listener = await listen({
    url: listenUrl,
    channel,
    onNotify: wake,
    onReconnect: () => {
      // It may be another database that answers now.
      forgetFence(services.db);
      wake();
    },
    logger: services.log,
  });
  const running = scheduler.run();
  return {
    async close() {
      scheduler.stop();
      await running;
      await listener.close();
    },
  };
}

class Scheduler {
  readonly #services: Services;
  readonly #doneAt = new Map<string, number>();
  #failing = false;
  #stopped = false;
  #woken = false;
  #wakeUp: (() => void) | undefined;

  constructor(services: Services) {
    this.#services = services;
  }

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
      await this.#sleep(Math.min(nextInMs, pollMs));
    }
  }

  /** Milliseconds until there may be more to do. */
  async #pass(): Promise<number> {
    try {
      const nextInMs = await this.#step();
      if (this.#failing) this.#services.log.info('scheduling again');
      this.#failing = false;
      return nextInMs;
    } catch (error) {
      // Once an outage, not once a second.
      if (!this.#failing) this.#services.log.error({ err: error }, 'scheduling stands still');
      this.#failing = true;
      return pollMs;
    }
  }

  async #step(): Promise<number> {
    const { db, providers, log } = this.#services;
    await this.#every('canaries', sweepMs, () => this.#sendCanaries());
    // Not even lateness is judged: what looks missed may have gone out before the backup was restored.
    if ((await readFence(this.#services)) !== null) return pollMs;
    const { planned, mayBeMore } = await planPosts(db, providers);
    if (planned > 0) log.debug({ posts: planned }, 'posts planned');
    await this.#every('rows', sweepMs, () => sweepRows(this.#services));
    await this.#every('retention', retentionMs, () => dropExpired(db));
    await this.#every('pauses', pausesMs, async () => {
      await tellPausedPosts(db);
    });
    await this.#every('forgotten', forgottenMs, () => tellForgottenPosts(db));
    let nextInMs = mayBeMore ? 0 : pollMs;
    for (const provider of providers.keys()) {
      const due = await enqueueDue(this.#services, provider);
      if (due.enqueued > 0) log.debug({ provider, posts: due.enqueued }, 'posts enqueued');
      nextInMs = Math.min(nextInMs, due.nextInMs);
      await this.#every(`queue ${provider}`, sweepMs, async () => {
        await sweepQueue(this.#services, provider);
      });
    }
    await this.#every('leftovers', leftoversMs, () => enqueueLeftovers(this.#services));
    await this.#every('looks', pollMs, () => enqueueLooks(this.#services));
    await this.#every('replays', pollMs, () => runReplays(this.#services));
    await this.#every('read-backs', sweepMs, () => enqueueReadBacks(this.#services));
    await this.#every('changes', pollMs, () => enqueueChanges(this.#services));
    await this.#every('probes', sweepMs, () => enqueueProbes(this.#services));
    return nextInMs;
  }

  /** A queue that is away must not keep what needs the database only from being done. */
  async #sendCanaries(): Promise<void> {
    await enqueueCanaries(this.#services).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
    });
  }

  async #every(name: string, intervalMs: number, work: () => Promise<void>): Promise<void> {
    const now = performance.now();
    if (now - (this.#doneAt.get(name) ?? -Infinity) < intervalMs) return;
    this.#doneAt.set(name, now);
    await work();
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
