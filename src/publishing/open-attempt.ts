import type { CallRecord } from '../attempts/attempt.ts';
import type { PublishRow } from '../posts/publish-row.ts';
import type { CallContext, Publishing } from '../providers/provider.ts';
import type { Going } from './judge.ts';

/** An attempt that this worker has begun, with the row as it was judged. */
export interface OpenAttempt {
  readonly id: string;
  readonly run: number;
  readonly row: PublishRow;
  readonly provider: Publishing;
  readonly decision: Going;
  /** Made hidden and then revealed by its id. */
  readonly inTwoSteps: boolean;
  readonly budgetKey: string;
  /** Every call of this attempt so far, those of earlier runs first. */
  readonly calls: CallRecord[];
  /** Of its calls, those of earlier runs: they are on the budget's books. */
  readonly booked: number;
  /** The hidden post, from when its id is known. */
  hiddenId: string | null;
  /** The answer of the call that makes the hidden post was lost: it may be there. */
  isOrphaned: boolean;
  /** Hears what its calls learn of the provider's own budget. */
  readonly onUsage?: CallContext['onUsage'];
  /** Hears of every call that its provider answered as it should. */
  readonly onAnswer?: CallContext['onAnswer'];
  /** The database's clock, carried on by this machine's monotonic one. */
  now(): Date;
}

export function callsOf(attempt: OpenAttempt): CallContext {
  const { onUsage, onAnswer } = attempt;
  return {
    onCall: (call) => {
      attempt.calls.push(call);
    },
    ...(onUsage === undefined ? {} : { onUsage }),
    ...(onAnswer === undefined ? {} : { onAnswer }),
  };
}
