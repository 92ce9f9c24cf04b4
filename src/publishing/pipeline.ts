import { type AttemptRequest, type AttemptResult, beginAttempts } from '../attempts/begin-store.ts';
import { readPublishRows } from '../attempts/read-store.ts';
import type { PublishRow } from '../attempts/row.ts';
import { type Settlement, settleAttempts } from '../attempts/settle-store.ts';
import { type Batch, createBatch } from '../batch.ts';
import type { Config } from '../config/config.ts';
import type { Database } from '../db/client.ts';
import { type Budget, forecast } from '../integrations/budget-store.ts';
import type { Waiting } from '../posts/post.ts';
import { changePosts, type PostChange } from '../posts/store.ts';
import type { Services } from '../services.ts';
import { readWaitingLine, spreadLine } from './due-store.ts';

/**
 * The database's side of publishing, for one process. Posts that are worked on at the same time share statements and
 * commits: one commit a post would cap the whole at what the disk can sync.
 */
export interface Pipeline {
  /** Null when the post does not exist any more. */
  readonly read: Batch<string, PublishRow | null>;
  readonly begin: Batch<AttemptRequest, AttemptResult>;
  readonly settle: Batch<Settlement, boolean>;
  /** False when the post is no longer what the caller believed. */
  readonly change: Batch<PostChange, boolean>;
}

const batchOf = { maxSize: 250, maxConcurrency: 2 } as const;

export function createPipeline(db: Database, config: Config): Pipeline {
  const begin = {
    callsPerHour: config.limits.facebookCallsPerHour,
    leaseMs: config.leaseMs,
    timeoutMs: config.graph.timeoutMs,
  };
  return {
    read: createBatch({
      ...batchOf,
      run: async (ids: readonly string[]) => {
        const rows = await readPublishRows(db, ids);
        return ids.map((id) => rows.get(id) ?? null);
      },
    }),
    begin: createBatch({ ...batchOf, run: (items) => beginAttempts(db, items, begin) }),
    settle: createBatch({ ...batchOf, run: (items) => settleAttempts(db, items) }),
    change: createBatch({
      ...batchOf,
      run: async (changes: readonly PostChange[]) => {
        const changed = await db.transaction((tx) => changePosts(tx, changes));
        return changes.map((change) => changed.has(change.id));
      },
    }),
  };
}

/** A line that is told anew more often than this would only churn. */
const minWaitMs = 60_000;

/**
 * The hour's calls are spent: the post waits, and with it every post of its integration that is due later and needs
 * as much. Each is told the moment at which its calls are expected, so that nobody knocks in vain.
 */
export async function waitForBudget(
  services: Services & { readonly pipeline: Pipeline },
  row: PublishRow,
  beginning: AttemptRequest,
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
