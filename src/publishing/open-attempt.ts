import { Histogram } from 'prom-client';
import type { PublishRow, SentBefore } from '../attempts/row.ts';
import {
  beyond,
  type Looked,
  type LookServices,
  lookFor,
  lookIncomplete,
} from '../attempts/search.ts';
import { reserveMore } from '../integrations/booking.ts';
import type { Account, CallContext } from '../providers/account.ts';
import type { CallRecord } from '../providers/content.ts';
import type { Publishing } from '../providers/provider.ts';
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

/**
 * The look that must come before an attempt which follows a sent one (design: invariant 2). Throws a `not_ready` while
 * an answer is missing.
 */
export async function lookForEarlier(
  services: LookServices,
  attempt: OpenAttempt,
  account: Account,
  before: SentBefore,
): Promise<Looked> {
  const { row, provider, id, budgetKey } = attempt;
  const { callsPerHour: limit, lookCalls } = provider;
  const beforeRead = beyond(lookCalls, () =>
    reserveMore(services.db, { attemptId: id, budgetKey, limit }),
  );
  const sought = { row, provider, account, attemptId: before.attemptId, sent: before };
  const looked = await lookFor(services, sought, { ...callsOf(attempt), beforeRead });
  if (looked.finding.kind === 'failed') throw lookIncomplete();
  return looked;
}

/**
 * Whether something of the earlier attempt is there. Against an answer that proved its rejection only a post that fits
 * in everything says something; after a proof of absence everything that cannot be told from it does.
 */
export function isThere({ finding }: Looked, before: SentBefore): boolean {
  if (finding.kind === 'bound') return true;
  if (before.state !== 'abandoned') return false;
  const isOpen = finding.kind === 'unproven' && finding.candidates.length > 0;
  return finding.kind === 'ambiguous' || isOpen;
}

const lateness = new Histogram({
  name: 'social_publisher_lateness_seconds',
  help: 'Of posts that went live: when the network made them visible, minus their due time.',
  labelNames: ['provider'],
  buckets: [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200],
});

/** To be called once for each post, by whoever learns that it is live. */
export function observeLateness(provider: string, latenessMs: number): void {
  lateness.observe({ provider }, latenessMs / 1000);
}
