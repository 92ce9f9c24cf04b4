import { ownFailure } from '../errors.ts';
import { publishPost } from '../jobs/publish-post.ts';
import { type Claimed, claimDue, readAgenda } from '../publishing/due-store.ts';
import {
  abandonOvertaken,
  declareMissed,
  declareUnknown,
  raiseRuns,
  releaseUnsent,
  takeOverdueQueued,
} from '../publishing/sweep-store.ts';
import type { Services } from '../services.ts';

/** A claim looks at every integration: while the queue is long, few claims cost less than many. */
const refillBelow = 0.5;
const refillCheckMs = 25;

/** Posts of one claim: their authors, and the workers that could begin with the first of them, wait until it is done. */
const claimSize = 100;

/** Most posts of one integration that are queued or under way, so that a flood of one delays nobody. */
const perIntegration = 100;

/** Many accounts fill a claim with few posts each; where that does not fill it, few accounts have more. */
const fewestTurns = 4;
const mostTurns = 20;

function jobsOf(claimed: readonly Claimed[]) {
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
  for (let turns = fewestTurns; enqueued < room; ) {
    const limit = Math.min(claimSize, room - enqueued);
    const wanted = { provider, limit, perIntegration, turns };
    const { claimed, isCut } = await claimDue(services.db, wanted);
    await services.queues.add(provider, publishPost, jobsOf(claimed));
    enqueued += claimed.length;
    if (claimed.length === limit) continue;
    if (!isCut) break;
    turns = mostTurns;
  }
  return enqueued;
}

/** Authors wait for a statement that holds their rows: none is to take longer than some twenty milliseconds. */
const batchSize = 200;
const lostAnswer = 'The worker that sent it was gone before it could write the answer.';

/** Puts back what a row needs and no job carries; whatever happened to the queue, the rows know. */
export async function rescueJobs(services: Services, provider: string): Promise<number> {
  let rescued = 0;
  for (let taken = batchSize; taken === batchSize; ) {
    const batch = await rescueSome(services, provider);
    ({ taken } = batch);
    rescued += batch.raised;
  }
  return rescued;
}

async function rescueSome(
  services: Services,
  provider: string,
): Promise<{ readonly taken: number; readonly raised: number }> {
  const overdue = await takeOverdueQueued(services.db, provider, batchSize);
  if (overdue.length === 0) return { taken: 0, raised: 0 };
  const carried = await services.queues.carried(
    provider,
    jobsOf(overdue).map((job) => job.id),
  );
  const lost = overdue.filter((post) => !carried.has(`${post.id}-${post.run}`));
  const raised = await raiseRuns(services.db, lost);
  await services.queues.add(provider, publishPost, jobsOf(raised));
  if (raised.length > 0) {
    services.log.warn({ provider, posts: raised.length }, 'jobs were gone, posts queued again');
  }
  return { taken: overdue.length, raised: raised.length };
}

/** What workers left behind, and what came too late. Needs the database only. */
export async function rescueRows({ db, log, config }: Services): Promise<void> {
  const released = await releaseUnsent(db);
  if (released > 0) log.warn({ posts: released }, 'posts of lost workers go on');
  await abandonOvertaken(db);
  const error = ownFailure('unknown_outcome', 'outcome_unknown', lostAnswer);
  for (const postId of await declareUnknown(db, error, config.reconcile.intervalMs)) {
    log.warn({ postId }, 'outcome unknown: it is looked for');
  }
  const missed = await declareMissed(db);
  if (missed > 0) log.error({ posts: missed }, 'posts missed their time');
}
