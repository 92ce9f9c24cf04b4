import { Agent } from 'node:http';
import { create } from 'axios';
import { Worker } from 'bullmq';
import { bareQueue, pgWorker } from './bare-queue.ts';

/** The obvious BullMQ worker: one axios POST a job and nothing else. What everything is measured against. */
const [kind, url = '', target = '', concurrency = '50'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: Number(concurrency) });
const client = create({ httpAgent: agent });
const options = {
  concurrency: Number(concurrency),
  autorun: false,
  removeOnComplete: { count: 0 },
};
const perform = async (job: { data: unknown }): Promise<void> => {
  await client.post(`${target}/bare`, job.data);
};

const worker =
  kind === 'redis'
    ? new Worker(bareQueue, perform, {
        connection: { url, maxRetriesPerRequest: null },
        ...options,
      })
    : new pgWorker(bareQueue, perform, {
        connection: { connectionString: url, migrate: true },
        ...options,
      });
worker.on('error', () => undefined);
process.on('message', () => void worker.run());
await worker.waitUntilReady();
process.send?.('ready');
