import { claimLeftovers } from '../attempts/leftover-store.ts';
import { dropLeftovers } from '../jobs/drop-leftovers.ts';
import { backgroundQueue } from '../queue-names.ts';
import type { Services } from '../services.ts';

const batchSize = 50;

/** Staged media that nothing will use go to the background's queue to be deleted; what is lost there comes again. */
export async function enqueueLeftovers({ db, queues }: Services): Promise<void> {
  const claimed = await claimLeftovers(db, batchSize);
  await queues.add(
    backgroundQueue,
    dropLeftovers,
    claimed.map(({ attemptId, dueAt }) => ({
      id: `${attemptId}-drop-${dueAt.getTime()}`,
      payload: { attemptId },
    })),
  );
}
