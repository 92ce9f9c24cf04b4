import type { Beginning } from '../attempts/begin-store.ts';
import { type Budget, forecast } from '../budgets/budget.ts';
import { readWaitingLine, spreadLine } from '../posts/line-store.ts';
import type { Waiting } from '../posts/post.ts';
import type { PublishRow } from '../posts/publish-row.ts';
import type { Services } from '../services.ts';
import type { Pipeline } from './pipeline.ts';

/** A line that is told anew more often than this would only churn. */
const minWaitMs = 60_000;

/**
 * The hour's calls are spent: the post waits, and with it every post of its integration that is due later and needs
 * as much. Each is told the moment at which its calls are expected, so that nobody knocks in vain.
 */
export async function waitForBudget(
  services: Services & { readonly pipeline: Pipeline },
  row: PublishRow,
  beginning: Beginning,
  budget: Budget,
): Promise<void> {
  const { dueAt, calls, integrationId } = beginning;
  const line = await readWaitingLine(services.db, { integrationId, dueAt, calls });
  const demands = [calls, ...line.map((post) => post.calls)];
  const soonest = row.now.getTime() + minWaitMs;
  const [mine, ...others] = forecast(budget, demands, row.now).map(
    (at) => new Date(Math.max(at.getTime(), soonest)),
  );
  const at = mine ?? new Date(soonest);
  await services.pipeline.change({
    id: row.id,
    version: row.version,
    from: ['queued'],
    to: 'approved',
    set: { nextRunAt: at, waiting: budgetWaiting(at, calls, budget), leaseMs: null, calls },
  });
  await spreadLine(
    services.db,
    line.map((post, index) => {
      const nextRunAt = others[index] ?? at;
      return { id: post.id, nextRunAt, waiting: budgetWaiting(nextRunAt, post.calls, budget) };
    }),
  );
}

function budgetWaiting(until: Date, calls: number, { limit }: Budget): Waiting {
  const text =
    calls > limit
      ? `It needs ${calls} calls and an hour of this account has ${limit}: the operator must allow more.`
      : 'The calls that this account may make in an hour are spent or set aside.';
  return { reason: 'budget', until: until.toISOString(), text };
}
