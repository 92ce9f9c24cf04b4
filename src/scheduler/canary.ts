import { canaryEveryMs, sendCanary } from '../canary-store.ts';
import { canary } from '../jobs/canary.ts';
import { backgroundQueue } from '../queue-names.ts';
import type { Services } from '../services.ts';

/** Sends a canary through every queue, once a period whatever the number of schedulers. */
export async function enqueueCanaries({ db, queues, providers }: Services): Promise<void> {
  const period = Math.floor(Date.now() / canaryEveryMs);
  for (const queue of [...providers.keys(), backgroundQueue]) {
    if (!(await sendCanary(db, queue))) continue;
    await queues.add(queue, canary, [{ id: `canary-${period}`, payload: { queue } }]);
  }
}
