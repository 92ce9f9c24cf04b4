import { z } from 'zod';
import { seeCanary } from '../canary-store.ts';
import { defineJob } from '../queue/job.ts';
import type { Services } from '../services.ts';

/** Proves by its arrival that scheduler, queue, worker and database are alive together. */
export const canary = defineJob({
  name: 'canary',
  payload: z.strictObject({ queue: z.string() }),
  removeOnComplete: true,
  async perform({ payload }, { db }: Services) {
    await seeCanary(db, payload.queue);
  },
});
