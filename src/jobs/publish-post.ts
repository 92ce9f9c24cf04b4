import { z } from 'zod';
import type { PublishRow } from '../attempts/row.ts';
import { AppError } from '../errors.ts';
import { readFence } from '../fence/fence.ts';
import { listeners } from '../integrations/call.ts';
import { readPause } from '../integrations/pause-store.ts';
import { usageBook } from '../integrations/usage.ts';
import { judge, type Verdict, waitForLimit, waitForPause } from '../publishing/judge.ts';
import type { OpenAttempt } from '../publishing/open-attempt.ts';
import { waitForBudget } from '../publishing/pipeline.ts';
import { jobFailure, type PublishServices, runAttempt } from '../publishing/run.ts';
import { waitForEqual } from '../publishing/settlements.ts';
import type { RunningJob } from '../queue/contract.ts';
import { defineJob } from './job.ts';

const payload = z.strictObject({ postId: z.uuid(), run: z.int() });
type Job = RunningJob<z.infer<typeof payload>>;

/** Whoever edits a post more often than this while it is taken up gets it from the scheduler's rescue. */
const mostRounds = 5;

/**
 * A job is a hint: it names a post, and the row decides whether anything is to be done, whoever added the job. The
 * scheduler adds it as soon as a post is due, and no more than the queue should hold (`scheduler/enqueue.ts`).
 */
export const publishPost = defineJob({
  name: 'publish-post',
  queue: 'provider',
  payload,
  async perform(job, services: PublishServices) {
    for (let round = 1; round <= mostRounds; round += 1) {
      if (!(await publish(job, services))) return;
    }
  },
});

/**
 * True: the post moved after it was read. Its author may have edited it; then it is still queued and this is the only
 * job it has, so that it is read again at once. A post that somebody else took is no longer queued.
 */
async function publish(job: Job, services: PublishServices): Promise<boolean> {
  const row = await services.pipeline.read(job.payload.postId);
  const readAt = performance.now();
  if (row === null || row.status !== 'queued') return false;
  // Asked once more, after the row was read. The post stays queued: once the fence is open it is given a job again.
  if ((await readFence(services)) !== null) return false;
  const provider = services.publishers.get(row.provider);
  if (provider === undefined) {
    throw new AppError('provider_unknown', `No provider is named ${row.provider}`);
  }
  const verdict = (await judgeNow(services, row)) ?? judge(row, provider);
  if (verdict.kind === 'change') return !(await writeChange(services, verdict));

  const { beginning, decision } = verdict;
  // Before the transaction that may commit `sent`: the five seconds count from here.
  const beganAt = performance.now();
  const begun = await services.pipeline.begin(beginning);
  switch (begun.kind) {
    case 'gone':
      return true;
    case 'equal_in_flight':
      await standBack(services, row);
      return false;
    case 'no_budget':
      await waitForBudget(services, row, beginning, begun.budget);
      return false;
    case 'begun': {
      const attempt: OpenAttempt = {
        id: begun.attemptId,
        run: begun.run,
        row,
        provider,
        decision,
        ...verdict.opening,
        budgetKey: beginning.budgetKey,
        isOrphaned: false,
        ...listeners(services, row),
        now: () => new Date(row.now.getTime() + performance.now() - readAt),
      };
      await runAttempt(services, attempt, beginning, { beganAt, job });
      return false;
    }
  }
}

/** What only this moment tells: a pause, or a limit that an answer has told this process of and no row yet. */
async function judgeNow(services: PublishServices, row: PublishRow): Promise<Verdict | null> {
  const pause = await readPause(services, row);
  if (pause !== null) return waitForPause(row, pause);
  const restMs = usageBook(services).restsForMs(row.integrationId);
  return restMs > 0 ? waitForLimit(row, new Date(row.now.getTime() + restMs), null) : null;
}

async function writeChange(
  services: PublishServices,
  { change, failure }: Extract<Verdict, { kind: 'change' }>,
): Promise<boolean> {
  const changed = await services.pipeline.change(change);
  if (changed && failure !== null) throw jobFailure(failure);
  return changed;
}

async function standBack(services: PublishServices, row: PublishRow): Promise<void> {
  await services.pipeline.change({
    id: row.id,
    version: row.version,
    from: ['queued'],
    to: 'approved',
    set: { ...waitForEqual(row.now), leaseMs: null },
  });
}
