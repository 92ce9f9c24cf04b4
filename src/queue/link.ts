import type { Job, Queue, Worker } from 'bullmq';
import type { Secret } from '../secret.ts';

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
