import { z } from 'zod';
import { AppError } from '../errors.ts';
import { readFence } from '../fence/fence.ts';
import { usageBook } from '../integrations/usage-book.ts';
import { readPause } from '../pauses/pauses.ts';
import type { PublishRow } from '../posts/publish-row.ts';
import { waitForBudget } from '../publishing/budget-wait.ts';
import { judge, type Verdict, waitForLimit, waitForPause } from '../publishing/judge.ts';
import type { OpenAttempt } from '../publishing/outcome.ts';
import { waitForEqual } from '../publishing/rest.ts';
import { jobFailure, type PublishServices, runAttempt } from '../publishing/run.ts';
import { defineJob } from '../queue/job.ts';

const payload = z.strictObject({ postId: z.uuid(), run: z.int() });

/** A job is a hint: it names a post, and the row decides whether anything is to be done, whoever added the job. */
export const publishPost = defineJob({
  name: 'publish-post',
  payload,
  async perform(job, services: PublishServices) {
    const row = await services.pipeline.read(job.payload.postId);
    const readAt = performance.now();
    if (row === null || row.status !== 'queued') return;
    // It stays queued: once the fence is open the sweeper gives it a job again.
    if ((await readFence(services)) !== null) return;
    const provider = services.providers.get(row.provider);
    if (provider === undefined) {
      throw new AppError('provider_unknown', `No provider is named ${row.provider}`);
    }
    const verdict = (await judgeNow(services, row)) ?? judge(row, provider);
    if (verdict.kind === 'change') return writeChange(services, verdict);

    const { beginning, decision } = verdict;
    // Before the transaction that may commit `sent`: the five seconds count from here.
    const beganAt = performance.now();
    const begun = await services.pipeline.begin(beginning);
    switch (begun.kind) {
      case 'gone':
        return;
      case 'equal_in_flight':
        return standBack(services, row);
      case 'no_budget':
        return waitForBudget(services, row, beginning, begun.budget);
      case 'begun': {
        const attempt: OpenAttempt = {
          id: begun.attemptId,
          run: begun.run,
          row,
          provider,
          decision,
          budgetKey: beginning.budgetKey,
          calls: [],
          onUsage: usageBook(services).listener(row.integrationId),
          now: () => new Date(row.now.getTime() + performance.now() - readAt),
        };
        return runAttempt(services, attempt, beginning, { beganAt, job });
      }
    }
  },
});

/** What only this moment tells: a pause, or a limit that an answer has told this process of and no row yet. */
async function judgeNow(services: PublishServices, row: PublishRow): Promise<Verdict | null> {
  const pause = await readPause(services, row);
  if (pause !== null) return waitForPause(row, pause);
  const restMs = usageBook(services).restsForMs(row.integrationId);
  return restMs > 0 ? waitForLimit(row, new Date(row.now.getTime() + restMs)) : null;
}

async function writeChange(
  services: PublishServices,
  { change, failure }: Extract<Verdict, { kind: 'change' }>,
): Promise<void> {
  const changed = await services.pipeline.change(change);
  if (changed && failure !== null) throw jobFailure(failure);
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
