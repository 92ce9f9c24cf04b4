import type { WorkerSettings } from './link.ts';

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
