import type { Job, Queue, Worker } from 'bullmq';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Secret } from '../secret.ts';

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

/**
 * Where the queue lives. The URL of PostgreSQL has to reach the server itself and not a pooler:
 * workers LISTEN, and the schema is chosen by a start-up option of the connection.
 */
export type QueueBackend =
  | { readonly kind: 'redis'; readonly url: Secret | string; readonly prefix?: string }
  | { readonly kind: 'postgres'; readonly url: Secret | string; readonly schema?: string };

export interface WorkerSettings {
  readonly queueName: string;
  readonly concurrency: number;
  readonly lockDurationMs: number;
  readonly stalledIntervalMs: number;
}

export type Processor = (job: Job, token?: string) => Promise<void>;

export type ReportError = (error: unknown) => void;

/** This process's way to the backend; what both backends must be able to do. */
export interface QueueLink {
  openQueue(name: string): Queue;
  /** A worker has connections of its own, closed with it. */
  openWorker(settings: WorkerSettings, processor: Processor): Worker;
  /** Resolves once a command would be answered; rejects when it is not so after `deadlineMs`. */
  ready(deadlineMs: number): Promise<void>;
  ping(): Promise<void>;
  /** Those of `ids` that have a job which is not finished. */
  carried(queueName: string, ids: readonly string[]): Promise<string[]>;
  close(): Promise<void>;
}

export function revealUrl(url: Secret | string): string {
  return typeof url === 'string' ? url : url.reveal();
}

/** Reaching the backend, asking it and getting the answer may take this long, together. */
export const answerDeadlineMs = 2000;

/** A connection on which nothing was heard for so long after a question is dead, whatever TCP believes, and is replaced. */
export const deadProducerMs = 4000;
/** A worker's longest question to Redis is a wait of ten seconds. */
export const deadConsumerMs = 15_000;

/** How long a connection that was lost waits before it is tried again, at most. */
export const reconnectDelayMs = 1000;

/** Few events are kept: nobody reads them but a person looking at a queue. */
const eventsKept = 1000;

const hourS = 3600;
const weekS = 7 * 24 * hourS;

/** How long jobs that have ended are kept, for people who look at a queue. Redis keeps them in memory: not too many. */
export const keptByRedis = {
  removeOnComplete: { age: hourS, count: 5000 },
  removeOnFail: { age: weekS, count: 5000 },
} as const;

/** With a count PostgreSQL would look through every kept job whenever a job ends. */
export const keptByPostgres = {
  removeOnComplete: { age: hourS },
  removeOnFail: { age: weekS },
} as const;

/** The options of every queue. Rows own the retries, so BullMQ gets one attempt, whatever happens. */
export function queueOptions(kept: typeof keptByRedis | typeof keptByPostgres) {
  return {
    defaultJobOptions: { attempts: 1, ...kept },
    streams: { events: { maxLen: eventsKept } },
    // The check is an INFO whose failure would poison the connection for good, and it speaks to the console.
    skipVersionCheck: true,
  } as const;
}

/**
 * A stalled job runs again, for running twice is safe (the row decides). One that stalls a fourth time is itself
 * the likely killer of its workers: it fails, so that a person sees it.
 */
const maxStalledCount = 3;

export function workerOptions(settings: WorkerSettings) {
  return {
    concurrency: settings.concurrency,
    lockDuration: settings.lockDurationMs,
    stalledInterval: settings.stalledIntervalMs,
    maxStalledCount,
    // BullMQ's own 15 s would be the lateness of every post after each short outage.
    runRetryDelay: reconnectDelayMs,
    skipVersionCheck: true,
  };
}
