import type { CallRecord } from '../attempts/attempt.ts';
import type { Settlement } from '../attempts/settle-store.ts';
import type { PublishError } from '../errors.ts';
import type { PublishMode } from '../posts/post.ts';
import { type PublishRow, sentBefore } from '../posts/publish-row.ts';
import { type Failure, lookFor, type Recovery, recoverFrom } from '../posts/recovery.ts';
import type { PostChange, PostFields } from '../posts/store.ts';
import type { CallContext, Publishing } from '../providers/provider.ts';
import type { Going } from './judge.ts';

/** An attempt under way, as the worker that opened it sees it. */
export interface OpenAttempt {
  readonly id: string;
  readonly run: number;
  readonly row: PublishRow;
  readonly provider: Publishing;
  readonly decision: Going;
  readonly budgetKey: string;
  /** Every call of this attempt so far. */
  readonly calls: CallRecord[];
  /** Hears what its calls learn of the provider's own budget. */
  readonly onUsage?: CallContext['onUsage'];
  /** The database's clock, carried on by this machine's monotonic one. */
  now(): Date;
}

const statusOfMode = { publish: 'published', schedule: 'scheduled', draft: 'drafted' } as const;
/** The read-back is a later job: reads lag behind writes at Meta, and nothing waits for it. */
export const readBackAfterMs = 60_000;

export function confirmed(attempt: OpenAttempt, externalId: string): Settlement {
  const { decision, row, provider } = attempt;
  return {
    attemptId: attempt.id,
    state: 'confirmed',
    externalId,
    error: null,
    calls: attempt.calls,
    budgetKey: attempt.budgetKey,
    post: {
      ...changeOf(attempt, statusOfMode[decision.mode], {
        externalId,
        publishUrl: provider.publishUrl(externalId),
        verifyInMs: readBackAfterMs,
        error: null,
        attention: decision.attention,
        waiting: null,
        nextRunAt: null,
        leaseMs: null,
        ...liveTimes(decision.mode, row, attempt.now()),
      }),
      // An answer that comes long after its attempt was taken for absent is knowledge all the same.
      from: ['publishing', 'unknown', 'approved', 'queued', 'failed', 'missed', 'cancelled'],
    },
  };
}

function liveTimes(mode: PublishMode, row: PublishRow, now: Date): PostFields {
  if (mode !== 'publish') return {};
  if (row.scheduledAt === null) return { publishedAt: now };
  return { publishedAt: now, latenessMs: now.getTime() - row.scheduledAt.getTime() };
}

/** Also what follows for the integration; `sent` says whether the visible call was, or may have been, made. */
export function failed(
  attempt: OpenAttempt,
  error: PublishError,
  { sent, lookAfterMs }: { readonly sent: boolean; readonly lookAfterMs: number },
): { readonly settlement: Settlement; readonly recovery: Recovery } {
  const failure: Failure = {
    record: error.record,
    // The window is narrower from now on: the next run holds the post until it opens.
    retryAfterMs: isWindowRefusal(attempt, error, sent) ? 0 : error.retryAfterMs,
    tries: attempt.row.tries,
    lookAfterMs,
    now: attempt.now(),
    jitter: Math.random(),
  };
  const recovery = recover(attempt, failure, sent);
  const settlement: Settlement = {
    attemptId: attempt.id,
    state: endState(recovery, sent),
    externalId: null,
    error: error.record,
    calls: attempt.calls,
    budgetKey: attempt.budgetKey,
    post: changeOf(attempt, recovery.to, { leaseMs: null, ...recovery.set }),
    ...(recovery.to === 'unknown'
      ? { lookAt: new Date(attempt.now().getTime() + lookAfterMs) }
      : {}),
  };
  return { settlement, recovery };
}

/**
 * After an attempt that was taken for absent, two refusals mean something else: one as a duplicate that the earlier
 * one may be there after all, and one as invalid that the photos it shared with it are gone.
 */
function recover(attempt: OpenAttempt, failure: Failure, sent: boolean): Recovery {
  const before = sentBefore(attempt.row);
  if (!sent || before?.state !== 'abandoned') return recoverFrom(failure);
  if (failure.record.class === 'duplicate') return lookFor(failure);
  if (failure.record.class === 'invalid' && before.staged.length > 0) {
    return recoverFrom({ ...failure, record: { ...failure.record, class: 'retry' } });
  }
  return recoverFrom(failure);
}

/** The provider's scheduler did not take a time that its own pages call possible, and cannot say when it will. */
export function isWindowRefusal(attempt: OpenAttempt, error: PublishError, sent: boolean): boolean {
  const isSchedule = sent && attempt.decision.mode === 'schedule';
  return isSchedule && error.record.class === 'not_ready' && error.retryAfterMs === undefined;
}

/** What was never sent and is tried again rests with its staged media. */
function endState(recovery: Recovery, sent: boolean): Settlement['state'] {
  if (recovery.to === 'unknown') return 'unknown';
  return !sent && recovery.to === 'approved' ? 'prepared' : 'rejected';
}

export function changeOf(attempt: OpenAttempt, to: PostChange['to'], set: PostFields): PostChange {
  return {
    id: attempt.row.id,
    version: attempt.row.version,
    from: ['publishing', 'unknown'],
    to,
    set,
  };
}
