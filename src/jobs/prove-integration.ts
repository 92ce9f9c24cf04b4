import { z } from 'zod';
import { proveToken } from '../connecting/keep-alive.ts';
import { claimProofs } from '../connecting/lifetime-store.ts';
import type { Services } from '../services.ts';
import { defineJob } from './job.ts';

/** Asks the network once a day what it knows of a token, so that one that has ended is known before a post is due. */
export const proveIntegration = defineJob({
  name: 'prove-integration',
  queue: 'background',
  payload: z.strictObject({ integrationId: z.uuid() }),
  due: {
    everyMs: 2_000,
    async claim({ db }) {
      const claimed = await claimProofs(db, 50);
      return claimed.map(({ id, proofAt }) => ({
        id: `${id}-proof-${proofAt.getTime()}`,
        payload: { integrationId: id },
      }));
    },
  },
  async perform({ payload }, services: Services) {
    await proveToken(services, payload.integrationId);
  },
});
