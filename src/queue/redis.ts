import { once } from 'node:events';
import { createRedisBackend, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { QueueBackend } from './link.ts';
import { type QueueLink, type ReportError, revealUrl } from './link.ts';
import { answerDeadlineMs, queueOptions, reconnectDelayMs, workerOptions } from './settings.ts';

type RedisPlace = Extract<QueueBackend, { kind: 'redis' }>;

const retryStrategy = (times: number) => Math.min(times * 50, reconnectDelayMs);

/** A producer would rather hear now that Redis is away than have its jobs kept in memory and sent at some time. */
const producerOptions = {
  retryStrategy,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: answerDeadlineMs,
  connectTimeout: answerDeadlineMs,
};

/** A worker waits for Redis for as long as it takes. */
const consumerOptions = { retryStrategy, maxRetriesPerRequest: null };

export function openRedis(place: RedisPlace, report: ReportError): QueueLink {
  const prefix = place.prefix ?? 'social-publisher';
  const client = new Redis(revealUrl(place.url), producerOptions);
  client.on('error', report);

  return {
    openQueue: (name) =>
      new Queue(
        name,
        { connection: client, prefix, ...queueOptions, skipWaitingForReady: true },
        createRedisBackend,
      ),
    openWorker: (settings, processor) => {
      const connection = { url: revealUrl(place.url), ...consumerOptions };
      const options = { connection, prefix, ...workerOptions(settings) };
      return new Worker(settings.queueName, processor, options, createRedisBackend);
    },
    ready: (deadlineMs) => connected(client, deadlineMs),
    ping: async () => {
      await client.ping();
    },
    carried: (queueName, ids) => unfinished(client, `${prefix}:${queueName}`, ids),
    close: async () => {
      client.disconnect();
    },
  };
}

async function connected(client: Redis, deadlineMs: number): Promise<void> {
  if (client.status === 'ready') return;
  try {
    await once(client, 'ready', { signal: AbortSignal.timeout(deadlineMs) });
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') {
      throw new Error('not connected', { cause: error });
    }
    throw error;
  }
}

/**
 * A job is a hash that lives as long as the job does and says when it finished. Asking BullMQ for a job's state
 * instead walks the list of waiting jobs once per id.
 */
async function unfinished(
  client: Redis,
  qualifiedName: string,
  ids: readonly string[],
): Promise<string[]> {
  const pipeline = client.pipeline();
  for (const id of ids) pipeline.hmget(`${qualifiedName}:${id}`, 'timestamp', 'finishedOn');
  const answers = (await pipeline.exec()) ?? [];
  return ids.filter((_id, index) => {
    const [error, fields] = answers[index] ?? [];
    if (error) throw error;
    return Array.isArray(fields) && fields[0] !== null && fields[1] === null;
  });
}
