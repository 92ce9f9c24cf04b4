import { z } from 'zod';
import type { Services } from '../services.ts';
import { seeCanary, sendCanary } from '../watch/store.ts';
import { defineJob } from './job.ts';

/** An id lives this long, should a canary be lost on its way. */
const idPeriodMs = 300_000;

/** Proves by its arrival that scheduler, queue, worker and database are alive together. */
export const canary = defineJob({
  name: 'canary',
  queue: 'every',
  whileFenced: true,
  payload: z.strictObject({ queue: z.string() }),
  removeOnComplete: true,
  due: {
    everyMs: 2_000,
    /**
     * While nobody takes the one that is out, the next one has the same id and is ignored: a queue without workers does
     * not fill with birds.
     */
    async claim({ db }, queue) {
      const period = Math.floor(Date.now() / idPeriodMs);
      const seenS = await sendCanary(db, queue);
      return seenS === null ? [] : [{ id: `canary-${period}-${seenS}`, payload: { queue } }];
    },
  },
  async perform({ payload }, { db }: Services) {
    await seeCanary(db, payload.queue);
  },
});
