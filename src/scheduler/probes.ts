import { claimProbes } from '../integrations/health-store.ts';
import { probeIntegration } from '../jobs/probe-integration.ts';
import { backgroundQueue } from '../queue-names.ts';
import type { Services } from '../services.ts';

const batchSize = 50;

/** Accounts that a person may have put right at their provider are asked for; what is lost comes again. */
export async function enqueueProbes({ db, queues }: Services): Promise<void> {
  const claimed = await claimProbes(db, batchSize);
  await queues.add(
    backgroundQueue,
    probeIntegration,
    claimed.map(({ id, probeAt }) => ({
      id: `${id}-probe-${probeAt.getTime()}`,
      payload: { integrationId: id },
    })),
  );
}
