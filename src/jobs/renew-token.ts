import { z } from 'zod';
import { renewToken as renew } from '../connecting/keep-alive.ts';
import { claimRenewals } from '../connecting/lifetime-store.ts';
import type { Services } from '../services.ts';
import { defineJob } from './job.ts';

/** Exchanges a token that ends by time for a new one, long before it does. */
export const renewToken = defineJob({
  name: 'renew-token',
  queue: 'background',
  payload: z.strictObject({ kind: z.enum(['integration', 'login']), id: z.uuid() }),
  due: {
    everyMs: 10_000,
    async claim({ db }) {
      const claimed = await claimRenewals(db, 50);
      return claimed.map(({ kind, id, renewAt }) => ({
        id: `${id}-renew-${renewAt.getTime()}`,
        payload: { kind, id },
      }));
    },
  },
  async perform({ payload }, services: Services) {
    await renew(services, payload);
  },
});
