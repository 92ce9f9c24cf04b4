import type { Queue, Worker } from 'bullmq';
import type { Logger } from 'pino';
import { AppError } from '../errors.ts';
import {
  type AddableJob,
  answerDeadlineMs,
  type Processor,
  type QueueBackend,
  type QueueLink,
  type WorkerSettings,
} from './contract.ts';
import { Outage, queueUnavailable, succeeds, within } from './outage.ts';
import { openPostgres, preparePostgres } from './postgres.ts';
import { openRedis } from './redis.ts';

export interface QueuesOptions {
  readonly backend: QueueBackend;
  readonly names: readonly string[];
  readonly logger: Logger;
}

export interface JobToAdd<Payload> {
  /** Without a colon, and not a number: BullMQ refuses those. */
  readonly id: string;
  readonly payload: Payload;
}

export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
}

const jobsPerRoundTrip = 1000;

/** Must have run once before queues are opened on the backend, by any process; may run at every start. */
export async function prepareQueueBackend(backend: QueueBackend): Promise<void> {
  if (backend.kind === 'postgres') await preparePostgres(backend);
}

/** Does not wait for the backend: while it is away every call rejects with `queue_unavailable`. */
export function openQueues(options: QueuesOptions): Queues {
  return new Queues(options);
}

/** This process's queues, over one connection (Redis) or one small pool (PostgreSQL). */
export class Queues {
  readonly #link: QueueLink;
  readonly #queues: ReadonlyMap<string, Queue>;
  readonly #outage: Outage;

  constructor({ backend, names, logger }: QueuesOptions) {
    const report = (error: unknown) => {
      this.#outage.report(error);
    };
    this.#outage = new Outage(() => this.ping(), logger.child({ queueBackend: backend.kind }));
    this.#link =
      backend.kind === 'redis' ? openRedis(backend, report, logger) : openPostgres(backend, report);
    this.#queues = new Map(names.map((name) => [name, this.#open(name)]));
  }

  get names(): readonly string[] {
    return [...this.#queues.keys()];
  }

  /**
   * Resolves when the backend has every job. An id it still knows, be it as one that has ended, is ignored in silence:
   * that is BullMQ's way, hence ids with a run. Throws `queue_unavailable` within two seconds, and then any part of
   * `items` may have been added.
   */
  async add<Payload>(
    queueName: string,
    definition: AddableJob<Payload>,
    items: readonly JobToAdd<NoInfer<Payload>>[],
  ): Promise<void> {
    const queue = this.queue(queueName);
    const { name, removeOnComplete } = definition;
    const removal = removeOnComplete === undefined ? {} : { removeOnComplete };
    const jobs = items.map(({ id, payload }) => ({
      name,
      data: payload,
      opts: { jobId: id, ...removal },
    }));
    for (let start = 0; start < jobs.length; start += jobsPerRoundTrip) {
      const chunk = jobs.slice(start, start + jobsPerRoundTrip);
      await this.#ask(() => addJobs(queue, chunk));
    }
  }

  /** Those of `ids` that a job carries which is still to be done or being done; finished and failed ones do not count. */
  async carried(queueName: string, ids: readonly string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    return new Set(await this.#ask(() => this.#link.carried(queueName, ids)));
  }

  async counts(queueName: string): Promise<QueueCounts> {
    const queue = this.queue(queueName);
    const counts = await this.#ask(() =>
      queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed'),
    );
    const of = (state: string) => counts[state] ?? 0;
    return {
      waiting: of('waiting') + of('prioritized'),
      active: of('active'),
      delayed: of('delayed'),
      failed: of('failed'),
    };
  }

  /** Rejects with `queue_unavailable` within two seconds while the backend is away. */
  async ping(): Promise<void> {
    await this.#ask(() => this.#link.ping());
  }

  /** Throws every job of every queue away, as a wiped Redis would; for tests and for changing the backend. */
  async wipe(): Promise<void> {
    for (const queue of this.#queues.values()) await queue.obliterate({ force: true });
  }

  /** BullMQ's own object; only the dashboard may want it. */
  queue(name: string): Queue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw new AppError('queue_unknown', `No queue is named ${name}`);
    return queue;
  }

  /** For `startWorker` only. */
  openWorker(settings: WorkerSettings, processor: Processor): Worker {
    const worker = this.#link.openWorker(settings, processor);
    worker.on('error', (error) => {
      this.#outage.report(error);
    });
    return worker;
  }

  async close(): Promise<void> {
    this.#outage.stop();
    for (const queue of this.#queues.values()) await queue.close();
    // A backend that does not answer cannot be said good-bye to.
    await succeeds(within(answerDeadlineMs, this.#link.close()));
  }

  #open(name: string): Queue {
    const queue = this.#link.openQueue(name);
    queue.on('error', (error) => {
      this.#outage.report(error);
    });
    return queue;
  }

  /** Nothing is sent before the backend can be reached, so that nothing piles up while it cannot. */
  async #ask<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    const startedAt = performance.now();
    const left = () => Math.max(1, Math.ceil(answerDeadlineMs - (performance.now() - startedAt)));
    try {
      await within(left(), this.#link.ready(left()));
      return await within(left(), work());
    } catch (error) {
      throw error instanceof AppError ? error : queueUnavailable(error);
    }
  }
}

interface BullJob {
  readonly name: string;
  readonly data: unknown;
  readonly opts: { readonly jobId: string; readonly removeOnComplete?: true };
}

async function addJobs(queue: Queue, jobs: readonly BullJob[]): Promise<void> {
  const [first, ...more] = jobs;
  if (first === undefined) return;
  // On PostgreSQL a bulk makes two temporary tables: too dear for the one job that is due now.
  if (more.length === 0) await queue.add(first.name, first.data, first.opts);
  else await queue.addBulk([...jobs]);
}
