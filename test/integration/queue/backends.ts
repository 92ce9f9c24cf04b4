import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { QueueBackend } from '../../../src/queue/contract.ts';
import { prepareQueueBackend } from '../../../src/queue/queues.ts';
import { createEmptyDatabase } from '../../support/database.ts';
import { redisUrl } from '../../support/redis.ts';
import { type OutageProxy, openProxy } from './outage-proxy.ts';

/** A backend of its own for one test file, reached through a proxy. */
export interface TestBackend {
  readonly backend: QueueBackend;
  readonly proxy: OutageProxy;
  /** Loses everything, behind the back of whoever uses it. */
  wipe(): Promise<void>;
  /** As if the job had ended two hours ago. */
  endLongAgo(queueName: string, id: string): Promise<void>;
  drop(): Promise<void>;
}

const twoHoursMs = 2 * 3600 * 1000;

export function openTestBackend(kind: QueueBackend['kind']): Promise<TestBackend> {
  return kind === 'redis' ? openRedis(redisUrl()) : openPostgres();
}

async function openRedis(url: string): Promise<TestBackend> {
  const proxy = await openProxy(url);
  const prefix = `test-${randomUUID()}`;
  const client = new Redis(url);
  const wipe = async (): Promise<void> => {
    const keys = await client.keys(`${prefix}:*`);
    if (keys.length > 0) await client.del(...keys);
  };
  return {
    backend: { kind: 'redis', url: proxy.url, prefix },
    proxy,
    wipe,
    endLongAgo: async (queueName, id) => {
      const key = `${prefix}:${queueName}:completed`;
      await client.zadd(key, 'XX', Date.now() - twoHoursMs, id);
    },
    drop: async () => {
      await wipe();
      client.disconnect();
      await proxy.cut();
    },
  };
}

async function openPostgres(): Promise<TestBackend> {
  const database = await createEmptyDatabase();
  const proxy = await openProxy(database.url);
  const backend = { kind: 'postgres', url: proxy.url } as const;
  await prepareQueueBackend(backend);
  return {
    backend,
    proxy,
    wipe: () => truncate(database.url),
    endLongAgo: (queueName, id) =>
      run(
        database.url,
        `UPDATE social_publisher_queue.job SET finished_at_ms = $3 WHERE queue = $1 AND id = $2`,
        [queueName, id, Date.now() - twoHoursMs],
      ),
    drop: async () => {
      await proxy.cut();
      await database.drop();
    },
  };
}

function truncate(url: string): Promise<void> {
  return run(
    url,
    'TRUNCATE social_publisher_queue.job, social_publisher_queue.event, social_publisher_queue.meta CASCADE',
  );
}

async function run(url: string, text: string, values: readonly unknown[] = []): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(text, [...values]);
  await client.end();
}
