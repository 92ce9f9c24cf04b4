import { claimLooks, tellHeldLooks } from '../attempts/unknown-store.ts';
import { reconcilePost } from '../jobs/reconcile-post.ts';
import { backgroundQueue } from '../queue-names.ts';
import type { Services } from '../services.ts';

const batchSize = 200;

/** Unknown attempts that are due for a look go to the background's queue; what is lost there comes again. */
export async function enqueueLooks({ db, queues, config }: Services): Promise<void> {
  await tellHeldLooks(db);
  const { intervalMs } = config.reconcile;
  const claimed = await claimLooks(db, { limit: batchSize, intervalMs });
  await queues.add(
    backgroundQueue,
    reconcilePost,
    claimed.map(({ postId, lookAt }) => ({
      id: `${postId}-look-${lookAt.getTime()}`,
      payload: { postId },
    })),
  );
}
