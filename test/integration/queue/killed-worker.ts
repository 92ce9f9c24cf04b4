import pino from 'pino';
import { z } from 'zod';
import type { JobDefinition, QueueBackend } from '../../../src/queue/contract.ts';
import { openQueues } from '../../../src/queue/queues.ts';
import { startWorker } from '../../../src/queue/worker.ts';

/** A worker process that takes a job, says so, and never finishes it: made to be killed. */
const place = z
  .union([
    z.object({ kind: z.literal('redis'), url: z.string(), prefix: z.string() }),
    z.object({ kind: z.literal('postgres'), url: z.string() }),
  ])
  .parse(JSON.parse(process.argv[2] ?? ''));
const backend: QueueBackend = place;
const logger = pino({ level: 'silent' });

const hang: JobDefinition<unknown, object> = {
  name: 'note',
  payload: z.unknown(),
  perform: () => {
    process.stdout.write('taken\n');
    return new Promise<void>(() => {});
  },
};

startWorker({
  queues: openQueues({ backend, names: ['posts'], logger }),
  queueName: 'posts',
  definitions: [hang],
  services: {},
  concurrency: 1,
  logger,
  lockDurationMs: 400,
  stalledIntervalMs: 200,
});
