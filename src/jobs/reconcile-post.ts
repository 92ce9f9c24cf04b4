import { z } from 'zod';
import { readPublishRows } from '../attempts/read-store.ts';
import { recheck, reconcile } from '../reconciliation/reconcile.ts';
import { claimLooks, claimRechecks, loadUnknown } from '../reconciliation/store.ts';
import type { Services } from '../services.ts';
import { defineJob } from './job.ts';

/** Looks for a post whose attempt has an unknown outcome. The row decides whether there still is one. */
export const reconcilePost = defineJob({
  name: 'reconcile-post',
  queue: 'background',
  payload: z.strictObject({ postId: z.uuid(), recheck: z.uuid().optional() }),
  due: {
    everyMs: 1_000,
    async claim({ db, config }) {
      // A look takes its time: its job is not lost so soon, and two at once would only cost calls.
      const intervalMs = Math.max(config.reconcile.intervalMs, 5_000);
      const claimed = await claimLooks(db, { limit: 200, intervalMs });
      const again = await claimRechecks(db, 200);
      return [
        ...claimed.map(({ postId, lookAt }) => ({
          id: `${postId}-look-${lookAt.getTime()}`,
          payload: { postId },
        })),
        ...again.map(({ postId, attemptId, at }) => ({
          id: `${attemptId}-recheck-${at.getTime()}`,
          payload: { postId, recheck: attemptId },
        })),
      ];
    },
  },
  async perform({ payload: { postId, recheck: attemptId }, logger }, services: Services) {
    const row = (await readPublishRows(services.db, [postId])).get(postId);
    if (row === undefined) return;
    if (attemptId !== undefined) {
      const conclusion = await recheck(services, row, attemptId);
      logger.info({ postId, conclusion }, 'looked once more for an attempt that was sent again');
      return;
    }
    const unknown = await loadUnknown(services.db, postId);
    if (unknown === null) return;
    const told = await reconcile(services, row, unknown);
    logger.info({ postId, conclusion: told }, 'looked for a post whose outcome is unknown');
  },
});
