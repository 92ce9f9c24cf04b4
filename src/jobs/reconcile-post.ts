import { z } from 'zod';
import { claimLooks, loadUnknown } from '../attempts/unknown-store.ts';
import { readPublishRows } from '../posts/publish-store.ts';
import { reconcile } from '../publishing/reconcile-attempt.ts';
import type { Services } from '../services.ts';
import { defineJob } from './job.ts';

/** Looks for a post whose attempt has an unknown outcome. The row decides whether there still is one. */
export const reconcilePost = defineJob({
  name: 'reconcile-post',
  queue: 'background',
  payload: z.strictObject({ postId: z.uuid() }),
  due: {
    everyMs: 1_000,
    async claim({ db, config }) {
      const { intervalMs } = config.reconcile;
      const claimed = await claimLooks(db, { limit: 200, intervalMs });
      return claimed.map(({ postId, lookAt }) => ({
        id: `${postId}-look-${lookAt.getTime()}`,
        payload: { postId },
      }));
    },
  },
  async perform({ payload: { postId }, logger }, services: Services) {
    const unknown = await loadUnknown(services.db, postId);
    const row = (await readPublishRows(services.db, [postId])).get(postId);
    if (unknown === null || row === undefined) return;
    const told = await reconcile(services, row, unknown);
    logger.info({ postId, conclusion: told }, 'looked for a post whose outcome is unknown');
  },
});
