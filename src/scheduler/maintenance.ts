import { hastenProofsBeforePosts } from '../connecting/lifetime-store.ts';
import { readFence } from '../fence/fence.ts';
import { explainHolds, explainRecovery } from '../integrations/health-store.ts';
import { explainPauses } from '../integrations/pause-store.ts';
import { isOn, jobs } from '../jobs/index.ts';
import type { Job } from '../jobs/job.ts';
import { noteEnds } from '../notices/store.ts';
import { explainHeldLooks } from '../reconciliation/store.ts';
import { runReplays } from '../replays/run.ts';
import type { Services } from '../services.ts';
import { rescueJobs, rescueRows } from './enqueue.ts';
import { dropExpired } from './retention-store.ts';

/** Something to be done now and then; any number of schedulers may do it at once. */
interface Task {
  readonly everyMs: number;
  /** Also while the fleet is fenced: it neither sends nor judges a post. */
  readonly whileFenced?: true | undefined;
  run(services: Services): Promise<unknown>;
}

const upkeep: readonly Task[] = [
  { everyMs: 2_000, run: rescueRows },
  { everyMs: 2_000, run: rescueJobsOfAll },
  { everyMs: 1_000, run: ({ db }) => explainPauses(db) },
  { everyMs: 1_000, run: ({ db }) => explainHolds(db) },
  { everyMs: 1_000, run: ({ db }) => explainHeldLooks(db) },
  { everyMs: 30_000, run: ({ db }) => explainRecovery(db) },
  { everyMs: 60_000, run: ({ db }) => hastenProofsBeforePosts(db) },
  { everyMs: 60_000, run: ({ db }) => noteEnds(db) },
  { everyMs: 1_000, run: runReplays },
  { everyMs: 600_000, run: ({ db }) => dropExpired(db) },
];

async function rescueJobsOfAll(services: Services): Promise<void> {
  for (const provider of services.publishers.keys()) await rescueJobs(services, provider);
}

/**
 * Claims what is due for a job, and hands it to its queues.
 * @internal for tests, which do not wait for its interval
 */
export async function enqueueClaimed<Payload>(
  services: Services,
  job: Omit<Job<Payload>, 'perform'>,
): Promise<void> {
  const { queues } = services;
  for (const queueName of queues.names.filter((name) => isOn(job, name))) {
    await queues.add(queueName, job, (await job.due?.claim(services, queueName)) ?? []);
  }
}

function claimingOf(claimed: readonly Job<unknown>[]): readonly Task[] {
  return claimed.flatMap((job) => {
    const { whileFenced, due } = job;
    if (due === undefined) return [];
    const run = (services: Services) => enqueueClaimed(services, job);
    return [{ everyMs: due.everyMs, whileFenced, run }];
  });
}

/**
 * One round of what is due beside handing out posts: upkeep, and the claims of `jobs`. What fails does not keep the
 * rest from being done: without its queue, say, the rows are rescued all the same. Throws what failed first.
 */
export function createMaintenance(services: Services, claimed = jobs): () => Promise<void> {
  const tasks = [...upkeep, ...claimingOf(claimed)];
  const doneAt = new Map<Task, number>();
  return async () => {
    const failures: unknown[] = [];
    const isFenced = (await readFence(services)) !== null;
    for (const task of tasks) {
      if (isFenced && task.whileFenced !== true) continue;
      const now = performance.now();
      if (now - (doneAt.get(task) ?? -Infinity) < task.everyMs) continue;
      doneAt.set(task, now);
      await task.run(services).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  };
}
