import { z } from 'zod';
import { loadLeftover } from '../attempts/leftover-store.ts';
import { readPublishRows } from '../posts/publish-store.ts';
import { dropLeftover } from '../publishing/leftovers.ts';
import { defineJob } from '../queue/job.ts';
import type { Services } from '../services.ts';

/** Deletes photos that were staged for a post and that nothing will use any more. Best effort; it comes again. */
export const dropLeftovers = defineJob({
  name: 'drop-leftovers',
  payload: z.strictObject({ attemptId: z.uuid() }),
  async perform({ payload: { attemptId }, logger }, services: Services) {
    const leftover = await loadLeftover(services.db, attemptId);
    if (leftover === null) return;
    const row = (await readPublishRows(services.db, [leftover.postId])).get(leftover.postId);
    if (row === undefined) return;
    const dropped = await dropLeftover(services, row, { attemptId, ...leftover });
    if (dropped > 0) logger.info({ postId: row.id, media: dropped }, 'staged media deleted');
  },
});
