import { readBackPost } from '../jobs/read-back-post.ts';
import { claimReadBacks } from '../posts/read-back-store.ts';
import { backgroundQueue } from '../queue-names.ts';
import type { Services } from '../services.ts';

const batchSize = 200;

/** Posts that should be read back at their provider go to the background's queue; what is lost there comes again. */
export async function enqueueReadBacks({ db, queues }: Services): Promise<void> {
  const claimed = await claimReadBacks(db, batchSize);
  await queues.add(
    backgroundQueue,
    readBackPost,
    claimed.map(({ id, verifications }) => ({
      id: `${id}-read-${verifications}`,
      payload: { postId: id },
    })),
  );
}
