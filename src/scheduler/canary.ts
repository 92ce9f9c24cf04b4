import { sendCanary } from '../canary-store.ts';
import { canary } from '../jobs/canary.ts';
import { backgroundQueue } from '../queue-names.ts';
import type { Services } from '../services.ts';

/** An id lives this long, should a canary be lost on its way. */
const idPeriodMs = 300_000;

/**
 * Sends a canary through every queue, once a period whatever the number of schedulers. While nobody takes it, the next
 * one has the same id and is ignored: a queue without workers does not fill with birds.
 */
export async function enqueueCanaries({ db, queues, publishers }: Services): Promise<void> {
  const period = Math.floor(Date.now() / idPeriodMs);
  for (const queue of [...publishers.keys(), backgroundQueue]) {
    const seenS = await sendCanary(db, queue);
    if (seenS === null) continue;
    await queues.add(queue, canary, [{ id: `canary-${period}-${seenS}`, payload: { queue } }]);
  }
}
