import type { Logger } from 'pino';
import type { z } from 'zod';

/** What a job's code is given. */
export interface RunningJob<Payload> {
  readonly id: string;
  readonly payload: Payload;
  /** Aborted once this process stops and its deadline has passed: the job is about to be handed to another worker. */
  readonly signal: AbortSignal;
  /** Bound to the queue, the job's name and its id. */
  readonly logger: Logger;
}

/**
 * A kind of job: what it is called, what it carries (ids only; the row is the truth) and what it does.
 * `perform` returning completes the job; throwing fails it, with the error's message kept for the admins,
 * so messages hold no secrets. It is never repeated because it threw, but it may run again after its
 * worker died: it must be safe to run twice.
 */
export interface JobDefinition<Payload, Services> {
  readonly name: string;
  readonly payload: z.ZodType<Payload>;
  /** Completed jobs of this kind would tell nobody anything: they are removed at once, and not after an hour. */
  readonly removeOnComplete?: true;
  perform(job: RunningJob<Payload>, services: Services): Promise<void>;
}

/** What a producer must know of a job. */
export type AddableJob<Payload> = Pick<
  JobDefinition<Payload, unknown>,
  'name' | 'payload' | 'removeOnComplete'
>;
