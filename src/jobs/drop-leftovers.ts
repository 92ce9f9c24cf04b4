import { z } from 'zod';
import { claimLeftovers, loadLeftover } from '../attempts/leftover-store.ts';
import { readPublishRows } from '../attempts/read-store.ts';
import { dropLeftover } from '../reconciliation/leftovers.ts';
import type { Services } from '../services.ts';
import { defineJob } from './job.ts';

/** Deletes photos that were staged for a post and that nothing will use any more. Best effort; it comes again. */
export const dropLeftovers = defineJob({
  name: 'drop-leftovers',
  queue: 'background',
  payload: z.strictObject({ attemptId: z.uuid() }),
  due: {
    everyMs: 60_000,
    async claim({ db }) {
      const claimed = await claimLeftovers(db, 50);
      return claimed.map(({ attemptId, dueAt }) => ({
        id: `${attemptId}-drop-${dueAt.getTime()}`,
        payload: { attemptId },
      }));
    },
  },
  async perform({ payload: { attemptId }, logger }, services: Services) {
    const leftover = await loadLeftover(services.db, attemptId);
    if (leftover === null) return;
    const row = (await readPublishRows(services.db, [leftover.postId])).get(leftover.postId);
    if (row === undefined) return;
    const dropped = await dropLeftover(services, row, { attemptId, ...leftover });
    if (dropped > 0) logger.info({ postId: row.id, media: dropped }, 'staged media deleted');
  },
});
