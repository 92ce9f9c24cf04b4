import { once } from 'node:events';
import { createRedisBackend, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import {
  answerDeadlineMs,
  deadConsumerMs,
  deadProducerMs,
  keptByRedis,
  type QueueBackend,
  type QueueLink,
  queueOptions,
  type ReportError,
  reconnectDelayMs,
  revealUrl,
  workerOptions,
} from './contract.ts';

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
  socketTimeout: deadProducerMs,
};

/** A worker waits for Redis for as long as it takes. */
const consumerOptions = {
  retryStrategy,
  maxRetriesPerRequest: null,
  socketTimeout: deadConsumerMs,
};

export function openRedis(place: RedisPlace, report: ReportError, logger: Logger): QueueLink {
  const prefix = place.prefix ?? 'social-publisher';
  const client = new Redis(revealUrl(place.url), producerOptions);
  // Every caller that waits for the connection listens.
  client.setMaxListeners(10_000);
  client.on('error', report);
  client.once('ready', () => void warnOfEviction(client, logger).catch(report));

  return {
    openQueue: (name) =>
      new Queue(
        name,
        { connection: client, prefix, ...queueOptions(keptByRedis), skipWaitingForReady: true },
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

/** BullMQ would say this itself, but to the console and once per connection. */
async function warnOfEviction(client: Redis, logger: Logger): Promise<void> {
  const policy = /^maxmemory_policy:(\S+)/m.exec(await client.info('memory'))?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  logger.warn({ policy }, 'Redis may evict jobs: set maxmemory-policy to noeviction');
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
