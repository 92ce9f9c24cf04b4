import { z } from 'zod';
import { loadUnknown } from '../attempts/unknown-store.ts';
import { readPublishRows } from '../posts/publish-store.ts';
import { reconcile } from '../publishing/reconcile-attempt.ts';
import { defineJob } from '../queue/job.ts';
import type { Services } from '../services.ts';

/** Looks for a post whose attempt has an unknown outcome. The row decides whether there still is one. */
export const reconcilePost = defineJob({
  name: 'reconcile-post',
  payload: z.strictObject({ postId: z.uuid() }),
  async perform({ payload: { postId }, logger }, services: Services) {
    const unknown = await loadUnknown(services.db, postId);
    const row = (await readPublishRows(services.db, [postId])).get(postId);
    if (unknown === null || row === undefined) return;
    const told = await reconcile(services, row, unknown);
    logger.info({ postId, conclusion: told }, 'looked for a post whose outcome is unknown');
  },
});
