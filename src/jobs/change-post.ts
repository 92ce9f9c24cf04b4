import { z } from 'zod';
import type { PublishError } from '../errors.ts';
import {
  type ChangeEnd,
  cancelled,
  edited,
  gone,
  missingOf,
  refusalAfterReading,
  refusalBeforeReading,
  refused,
  tryAgainAt,
} from '../follow-up/change.ts';
import { claimChanges, type HeldRow, loadHeld } from '../follow-up/store.ts';
import { withAccount } from '../integrations/call.ts';
import { type Change, pendingChange } from '../posts/post.ts';
import { writePost } from '../posts/store.ts';
import type { Account, CallContext } from '../providers/account.ts';
import type { Publishing, RemotePost } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { defineJob } from './job.ts';

/**
 * Edits or deletes a post that its provider holds. It always reads before it changes, so that a lost answer is found
 * out and nothing is ever changed blindly a second time; what is live is left alone.
 */
export const changePost = defineJob({
  name: 'change-post',
  queue: 'background',
  payload: z.strictObject({ postId: z.uuid() }),
  due: {
    everyMs: 1_000,
    async claim({ db }) {
      const claimed = await claimChanges(db, 200);
      return claimed.flatMap(({ id, changeAt }) =>
        changeAt === null
          ? []
          : [{ id: `${id}-change-${changeAt.getTime()}`, payload: { postId: id } }],
      );
    },
  },
  async perform({ payload, logger }, services: Services) {
    const row = await loadHeld(services.db, payload.postId);
    const provider = row === null ? undefined : services.publishers.get(row.provider);
    const change = pendingChange(row?.change);
    if (row === null || provider === undefined || change === null) return;
    const work: Work = { services, row, provider, change, readAt: performance.now() };

    const result = await make(work);
    const isWritten = await write(work, result);
    if (!isWritten || 'again' in result) return;
    const error = result.set.change?.error ?? null;
    logger.info(
      { postId: row.id, change: change.kind, code: error?.['key'], to: result.to },
      error === null ? 'change made' : 'change refused',
    );
  },
});

interface Work {
  readonly services: Services;
  readonly row: HeldRow;
  readonly provider: Publishing;
  readonly change: Change;
  /** When the row was read, by this machine's monotonic clock. */
  readonly readAt: number;
}

/** The change came to its end, or is tried again at a time. */
type Result = ChangeEnd | { readonly again: Date };

const minuteMs = 60_000;
/** One read, and one call that changes or makes sure. */
const planOfChange = { calls: 2, priority: 'urgent', isAnswer: isFinal } as const;

/** The provider has understood and said no; asking again would not change its mind. */
function isFinal({ record, scope }: PublishError): boolean {
  if (scope === 'app') return false;
  return ['invalid', 'duplicate', 'permission'].includes(record.class);
}

async function make(work: Work): Promise<Result> {
  const { row, change, services, provider } = work;
  const minAheadMs = provider.handoverWindow?.minAheadMs ?? 0;
  const refusal = refusalBeforeReading(row, change, row.now, minAheadMs);
  if (refusal !== null) return refused(row, change, { error: refusal, seen: null });
  const outcome = await withAccount(services, row, planOfChange, (account, context) =>
    callProvider(work, account, context),
  );
  switch (outcome.kind) {
    case 'done':
      return outcome.value;
    case 'failed':
      return afterFailure(work, outcome.error);
    case 'obstacle':
      return again(work, outcome.obstacle.endsInMs ?? minuteMs);
    case 'no_budget':
      return again(work, minuteMs);
  }
}

async function callProvider(work: Work, account: Account, context: CallContext): Promise<Result> {
  const { row, change, provider } = work;
  const seen = await provider.read({ account, externalId: row.externalId }, context);
  if (seen === null) return afterMissing(work, account, context);
  const error = refusalAfterReading(row, seen, nowOf(work));
  if (error !== null) return refused(row, change, { error, seen });
  return carryOut(work, seen, account, context);
}

async function carryOut(
  { row, change, provider }: Work,
  seen: RemotePost,
  account: Account,
  context: CallContext,
): Promise<Result> {
  const { externalId } = row;
  if (change.kind === 'cancel') {
    // It was there a moment ago: gone by now is deleted too.
    await provider.delete({ account, externalId }, context);
    return cancelled(row, change);
  }
  const missing = missingOf(row, change, seen);
  if (missing.message !== undefined || missing.scheduledAt !== undefined) {
    await provider.change({ account, externalId, ...missing }, context);
  }
  return edited(row, change);
}

/** "Does not exist" is also what the provider says of the young and of what a token may not see. */
async function afterMissing(work: Work, account: Account, context: CallContext): Promise<Result> {
  const { row, change, provider } = work;
  if (row.now.getTime() - row.madeAt.getTime() < 10 * minuteMs) return again(work);
  const isGone = row.seenAt !== null || (await provider.isReadable(account, context));
  if (!isGone) return again(work);
  if (change.kind === 'cancel') return cancelled(row, change);
  return refused(row, change, { error: gone(row.now), seen: null });
}

function afterFailure(work: Work, failure: PublishError): Result {
  const { record, retryAfterMs } = failure;
  if (!isFinal(failure)) return again(work, retryAfterMs);
  return refused(work.row, work.change, { error: record, seen: null });
}

function again({ row, change }: Work, waitMs?: number): Result {
  return { again: tryAgainAt(row, change, waitMs) };
}

/** The database's clock, carried on by this machine's monotonic one. */
function nowOf({ row, readAt }: Work): Date {
  return new Date(row.now.getTime() + performance.now() - readAt);
}

async function write({ services, row }: Work, result: Result): Promise<boolean> {
  const { id, version, status, change } = row;
  const expected = { id, version, from: [status], expects: { change } };
  const end = 'again' in result ? { to: status, set: { changeAt: result.again } } : result;
  return writePost(services.db, { ...expected, ...end });
}
