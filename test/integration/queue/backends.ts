import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { prepareQueueBackend, type QueueBackend } from '../../../src/queue/queues.ts';
import { createEmptyDatabase } from '../../support/database.ts';
import { redisUrl } from '../../support/redis.ts';
import { type OutageProxy, openProxy } from './outage-proxy.ts';

/** A backend of its own for one test file, reached through a proxy. */
export interface TestBackend {
  readonly backend: QueueBackend;
  readonly proxy: OutageProxy;
  /** Loses everything, behind the back of whoever uses it. */
  wipe(): Promise<void>;
  drop(): Promise<void>;
}

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
    drop: async () => {
      await proxy.cut();
      await database.drop();
    },
  };
}

async function truncate(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    'TRUNCATE social_publisher_queue.job, social_publisher_queue.event, social_publisher_queue.meta CASCADE',
  );
  await client.end();
}
