import { publishPost } from '../jobs/publish-post.ts';
import { ownFailure } from '../publishing/errors.ts';
import type { Services } from '../services.ts';
import { jobsOf } from './enqueue.ts';
import {
  abandonOvertaken,
  declareMissed,
  declareUnknown,
  raiseRuns,
  releaseUnsent,
  takeOverdueQueued,
} from './sweep-store.ts';

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
