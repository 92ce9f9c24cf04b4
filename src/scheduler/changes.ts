import { changePost } from '../jobs/change-post.ts';
import { claimChanges } from '../posts/change-store.ts';
import { backgroundQueue } from '../queue-names.ts';
import type { Services } from '../services.ts';

const batchSize = 200;

/** Edits and cancels of posts that a provider holds go to the background's queue; what is lost there comes again. */
export async function enqueueChanges({ db, queues }: Services): Promise<void> {
  const claimed = await claimChanges(db, batchSize);
  await queues.add(
    backgroundQueue,
    changePost,
    claimed.flatMap(({ id, changeAt }) =>
      changeAt === null
        ? []
        : [{ id: `${id}-change-${changeAt.getTime()}`, payload: { postId: id } }],
    ),
  );
}
