import { publishPost } from '../jobs/publish-post.ts';
import type { Services } from '../services.ts';
import { type Claimed, claimDue, readAgenda } from './claim-store.ts';

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
  const idle = { enqueued: 0, nextInMs: Math.max(0, agenda.nextInMs ?? Number.POSITIVE_INFINITY) };
  const room = services.config.queueDepth - agenda.queued;
  if (agenda.nextInMs === null || agenda.nextInMs > 0 || room <= 0) return idle;
  // A queue that is away takes no jobs: then the posts stay approved, and nothing has to be put back.
  await services.queues.ping();
  const claimed = await claimDue(services.db, { provider, limit: room, perIntegration });
  await services.queues.add(provider, publishPost, jobsOf(claimed));
  return { enqueued: claimed.length, nextInMs: claimed.length > 0 ? 0 : Number.POSITIVE_INFINITY };
}
