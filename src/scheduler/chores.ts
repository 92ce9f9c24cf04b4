import { readFence } from '../fence/fence.ts';
import { tellForgottenPosts, tellHeldPosts } from '../integrations/health-store.ts';
import { tellPausedPosts } from '../pauses/store.ts';
import type { Services } from '../services.ts';
import { enqueueCanaries } from './canary.ts';
import { enqueueChanges } from './changes.ts';
import { enqueueLeftovers } from './leftovers.ts';
import { enqueueLooks } from './looks.ts';
import { enqueueProbes } from './probes.ts';
import { enqueueReadBacks } from './read-backs.ts';
import { runReplays } from './replays.ts';
import { dropExpired } from './retention-store.ts';
import { sweepQueue, sweepRows } from './sweep.ts';

interface Chore {
  readonly name: string;
  readonly everyMs: number;
  /** Also while the fleet is fenced: it neither sends nor judges a post. */
  readonly fenced?: true;
  run(services: Services): Promise<unknown>;
}

/** What has to be done now and then beside handing out due posts; any number of schedulers may do it at once. */
const chores: readonly Chore[] = [
  { name: 'canaries', everyMs: 2_000, fenced: true, run: enqueueCanaries },
  { name: 'rows', everyMs: 2_000, run: sweepRows },
  { name: 'queues', everyMs: 2_000, run: sweepQueues },
  { name: 'pauses', everyMs: 1_000, run: ({ db }) => tellPausedPosts(db) },
  { name: 'limits', everyMs: 1_000, run: ({ db }) => tellHeldPosts(db) },
  { name: 'looks', everyMs: 1_000, run: enqueueLooks },
  { name: 'changes', everyMs: 1_000, run: enqueueChanges },
  { name: 'replays', everyMs: 1_000, run: runReplays },
  { name: 'read-backs', everyMs: 2_000, run: enqueueReadBacks },
  { name: 'probes', everyMs: 2_000, run: enqueueProbes },
  { name: 'forgotten posts', everyMs: 30_000, run: ({ db }) => tellForgottenPosts(db) },
  { name: 'leftovers', everyMs: 60_000, run: enqueueLeftovers },
  { name: 'retention', everyMs: 600_000, run: ({ db }) => dropExpired(db) },
];

async function sweepQueues(services: Services): Promise<void> {
  for (const provider of services.publishers.keys()) await sweepQueue(services, provider);
}

/**
 * One round of the chores that are due. One that fails does not keep the others from being done: without its queue,
 * say, the rows are swept all the same. Throws what failed first.
 */
export function createChores(services: Services): () => Promise<void> {
  const doneAt = new Map<string, number>();
  return async () => {
    const failures: unknown[] = [];
    const isFenced = (await readFence(services)) !== null;
    for (const chore of chores) {
      if (isFenced && chore.fenced !== true) continue;
      const now = performance.now();
      if (now - (doneAt.get(chore.name) ?? -Infinity) < chore.everyMs) continue;
      doneAt.set(chore.name, now);
      await chore.run(services).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  };
}
