import { publishPost } from '../jobs/publish-post.ts';
import type { Services } from '../services.ts';
import { type Claimed, claimDue, readAgenda } from './claim-store.ts';

/** A claim looks at every integration: while the queue is long, few claims cost less than many. */
const refillBelow = 0.5;
const refillCheckMs = 25;

/** Posts of one claim: their authors, and the workers that could begin with the first of them, wait until it is done. */
const claimSize = 100;

/** Most posts of one integration that are queued or under way, so that a flood of one delays nobody. */
const perIntegration = 100;

export function jobsOf(claimed: readonly Claimed[]) {
  return claimed.map(({ id, run }) => ({ id: `${id}-${run}`, payload: { postId: id, run } }));
}

/**
 * Claims what is due and hands it to the provider's queue, at most up to the queue's depth. A crash between the two
 * leaves rows that the sweeper finds. Resolves with the milliseconds until there may be more to do.
 */
export async function enqueueDue(
  services: Services,
  provider: string,
): Promise<{ readonly enqueued: number; readonly nextInMs: number }> {
  const agenda = await readAgenda(services.db, provider);
  const nextDueInMs = Math.max(0, agenda.nextInMs ?? Number.POSITIVE_INFINITY);
  if (nextDueInMs > 0) return { enqueued: 0, nextInMs: nextDueInMs };
  const { queueDepth } = services.config;
  if (agenda.queued > queueDepth * refillBelow) return { enqueued: 0, nextInMs: refillCheckMs };
  // A queue that is away takes no jobs: then the posts stay approved, and nothing has to be put back.
  await services.queues.ping();
  const enqueued = await fillQueue(services, provider, queueDepth - agenda.queued);
  return { enqueued, nextInMs: enqueued > 0 ? refillCheckMs : Number.POSITIVE_INFINITY };
}

async function fillQueue(services: Services, provider: string, room: number): Promise<number> {
  let enqueued = 0;
  while (enqueued < room) {
    const limit = Math.min(claimSize, room - enqueued);
    const claimed = await claimDue(services.db, { provider, limit, perIntegration });
    await services.queues.add(provider, publishPost, jobsOf(claimed));
    enqueued += claimed.length;
    if (claimed.length < limit) break;
  }
  return enqueued;
}
