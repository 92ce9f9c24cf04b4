import { readFence } from '../fence/fence.ts';
import type { JobDefinition } from '../queue/contract.ts';
import type { JobToAdd } from '../queue/queues.ts';
import type { BackgroundQueue, Services } from '../services.ts';

/** Everything about a kind of job: scheduler and workers are made from it. */
export interface Job<Payload, Given extends Services = Services>
  extends JobDefinition<Payload, Given> {
  /** A queue of the background; or `provider`: that of the post's provider; or `every`: all queues there are. */
  readonly queue: BackgroundQueue | 'provider' | 'every';
  /** Absent: other code adds it. */
  readonly due?: Due<Payload>;
  /** Also while the fleet is fenced. Else nothing is claimed, and what is in the queue ends without effect. */
  readonly whileFenced?: true;
}

/** When a job is to be done without anybody asking for it. */
export interface Due<Payload> {
  /** Every scheduler claims this often. */
  readonly everyMs: number;
  /**
   * Takes what is due, in one statement that moves its due time on, so that no other scheduler gets the same, and so
   * that it comes again should its job be lost. Asked once for each queue of the job. An id that the queue still knows
   * is ignored: the ids hold what changes from one time to the next.
   */
  claim(services: Services, queueName: string): Promise<readonly JobToAdd<NoInfer<Payload>>[]>;
}

/** Ties payload, claim and code together, and keeps the code from running while the fleet is fenced. */
export function defineJob<Payload, Given extends Services>(
  job: Job<Payload, Given>,
): Job<Payload, Given> {
  if (job.whileFenced === true) return job;
  return {
    ...job,
    async perform(running, services) {
      if ((await readFence(services)) === null) await job.perform(running, services);
    },
  };
}
