import { type Job, WaitingError, type Worker } from 'bullmq';
import type { Logger } from 'pino';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { answerDeadlineMs, type JobDefinition } from './contract.ts';
import { succeeds, within } from './outage.ts';
import type { Queues } from './queues.ts';

export interface WorkerOptions<Services> {
  readonly queues: Queues;
  readonly queueName: string;
  readonly definitions: readonly JobDefinition<unknown, Services>[];
  readonly services: Services;
  readonly concurrency: number;
  readonly logger: Logger;
  /** A job whose worker has not renewed its lock for so long is taken from it; default 30 s. */
  readonly lockDurationMs?: number;
  /** How often jobs without a lock are looked for; a lost job runs again after at most a lock and two of these. */
  readonly stalledIntervalMs?: number;
}

/** Takes jobs of one queue from now on, and through every outage, until it is closed. */
export interface RunningWorker {
  /** Jobs under way in this process. */
  readonly running: number;
  /** Claims no job from now on; resolves once those under way have ended. */
  quiet(): Promise<void>;
  /**
   * Quiet, then at most `deadlineMs` for the jobs under way; the rest is told to stop and goes back to the queue for
   * another worker. Resolves within the deadline and a few seconds, whatever the backend does.
   */
  close(limits: { readonly deadlineMs: number }): Promise<void>;
}

export function startWorker<Services>(options: WorkerOptions<Services>): RunningWorker {
  return new QueueWorker(options);
}

/** How long the jobs that are told to stop may take to do so. */
const abortGraceMs = 500;

class QueueWorker<Services> implements RunningWorker {
  readonly #options: WorkerOptions<Services>;
  readonly #definitions: ReadonlyMap<string, JobDefinition<unknown, Services>>;
  readonly #worker: Worker;
  readonly #underWay = new Map<Job, Promise<void>>();
  readonly #stopping = new AbortController();
  #quieted: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: WorkerOptions<Services>) {
    this.#options = options;
    this.#definitions = byName(options.definitions);
    this.#worker = options.queues.openWorker(
      {
        queueName: options.queueName,
        concurrency: options.concurrency,
        lockDurationMs: options.lockDurationMs ?? 30_000,
        stalledIntervalMs: options.stalledIntervalMs ?? 10_000,
      },
      (job) => this.#track(job),
    );
  }

  get running(): number {
    return this.#underWay.size;
  }

  quiet(): Promise<void> {
    this.#quieted ??= this.#worker.pause();
    return this.#quieted;
  }

  close({ deadlineMs }: { readonly deadlineMs: number }): Promise<void> {
    this.#closed ??= this.#close(deadlineMs);
    return this.#closed;
  }

  async #close(deadlineMs: number): Promise<void> {
    const inTime = await succeeds(within(deadlineMs, this.quiet()));
    if (!inTime) await this.#handBack();
    const ended = inTime || (await succeeds(within(abortGraceMs, this.quiet())));
    await succeeds(within(answerDeadlineMs, this.#worker.close(!ended)));
    // A pause that ends after the close opens its connection again, and would keep the process alive.
    if (!ended) void succeeds(this.quiet().then(() => this.#worker.disconnect()));
  }

  async #handBack(): Promise<void> {
    this.#stopping.abort(new AppError('worker_stopping', 'This process is stopping'));
    await succeeds(within(abortGraceMs, Promise.allSettled(this.#underWay.values())));
    const left = [...this.#underWay.keys()].map((job) => job.moveToWait(job.token));
    if (left.length === 0) return;
    this.#options.logger.warn({ jobs: left.length }, 'unfinished jobs go back to the queue');
    // Those that cannot be handed back are found when their lock has run out.
    await succeeds(within(answerDeadlineMs, Promise.all(left)));
  }

  #track(job: Job): Promise<void> {
    const run = this.#run(job);
    this.#underWay.set(job, run);
    return run.finally(() => this.#underWay.delete(job));
  }

  async #run(job: Job): Promise<void> {
    // On PostgreSQL, being told to claim no more makes BullMQ 6.7.0 claim once more.
    if (this.#quieted !== undefined) return giveBack(job);
    try {
      return await this.#perform(job);
    } catch (error) {
      if (this.#stopping.signal.aborted) return giveBack(job);
      throw error;
    }
  }

  async #perform(job: Job): Promise<void> {
    const { queueName, services, logger } = this.#options;
    const definition = this.#definitions.get(job.name);
    if (definition === undefined) {
      throw new AppError('job_unknown', `No code here performs jobs named ${job.name}`);
    }
    const id = job.id ?? '';
    const payload = parsePayload(definition, job.data);
    const { signal } = this.#stopping;
    await definition.perform(
      {
        id,
        payload,
        signal,
        // Made when it is asked for: most jobs have nothing to say.
        get logger() {
          return logger.child({ queue: queueName, job: job.name, jobId: id });
        },
      },
      services,
    );
  }
}

function byName<Services>(
  definitions: readonly JobDefinition<unknown, Services>[],
): ReadonlyMap<string, JobDefinition<unknown, Services>> {
  const map = new Map(definitions.map((definition) => [definition.name, definition]));
  if (map.size < definitions.length) {
    throw new AppError('job_defined_twice', 'Two jobs of one worker have the same name');
  }
  return map;
}

async function giveBack(job: Job): Promise<never> {
  await job.moveToWait(job.token);
  // BullMQ's word for: it waits again, record no outcome.
  throw new WaitingError();
}

function parsePayload<Payload>(definition: JobDefinition<Payload, never>, data: unknown): Payload {
  const parsed = definition.payload.safeParse(data);
  if (parsed.success) return parsed.data;
  const problems = z.prettifyError(parsed.error);
  throw new AppError(
    'job_payload',
    `The payload of a ${definition.name} job is not valid: ${problems}`,
  );
}
