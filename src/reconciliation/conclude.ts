import type { LookFinding } from '../attempts/search.ts';
import type { Decision } from '../posts/plan.ts';
import type { ListedPost } from '../providers/provider.ts';

/** Looks come ever further apart: what is late at Meta is late by minutes. */
const gaps = [1, 3, 8, 20] as const;

/** From one look to the next, after so many; the first follows the lost answer. */
export function gapMs(looks: number, intervalMs: number): number {
  return intervalMs * (gaps[Math.min(looks, gaps.length - 1)] ?? 1);
}

/** Everything besides the finding that decides how it goes on. */
export interface ReconcileState {
  /** Looks made to their end that settled nothing, before this one. */
  readonly looks: number;
  /** Those of them that prove absence. */
  readonly proofs: number;
  readonly looksNeeded: number;
  /** Far enough from the one before to be a look of its own. */
  readonly counts: boolean;
  /** False: somebody called the post off meanwhile. */
  readonly resend: boolean;
  /** The tenant wants a person to decide about sending again. */
  readonly asks: boolean;
  /** A person has decided so already. */
  readonly isRetryWished: boolean;
  readonly resends: number;
  readonly resendLimit: number;
  /** The provider itself refused this attempt as a duplicate: it would refuse the next one too. */
  readonly isDuplicate: boolean;
  /** What would happen with the post now, if it had never been sent. */
  readonly plan: Decision;
}

export type Question =
  | 'ambiguous'
  | 'unprovable'
  | 'proven_absent'
  | 'resend_limit'
  | 'said_duplicate';

export type Conclusion =
  /** Nothing was learned that counts. */
  | { readonly kind: 'look_again' }
  | { readonly kind: 'count' }
  | { readonly kind: 'bind'; readonly listed: ListedPost }
  | { readonly kind: 'ask'; readonly reason: Question }
  /** Proven absent: what becomes of the post. */
  | { readonly kind: 'call_off' }
  | { readonly kind: 'miss'; readonly plan: Extract<Decision, { kind: 'missed' }> }
  | { readonly kind: 'send_again'; readonly plan: Exclude<Decision, { kind: 'missed' }> };

/** Design: "Proven absent". Pure. */
export function conclude(finding: LookFinding, standing: ReconcileState): Conclusion {
  switch (finding.kind) {
    case 'bound':
      return { kind: 'bind', listed: finding.listed };
    case 'ambiguous':
      return { kind: 'ask', reason: 'ambiguous' };
    case 'failed':
      return { kind: 'look_again' };
    case 'unproven':
      if (!standing.counts) return { kind: 'look_again' };
      return standing.looks + 1 < standing.looksNeeded
        ? { kind: 'count' }
        : { kind: 'ask', reason: 'unprovable' };
    case 'absent':
      if (!standing.counts) return { kind: 'look_again' };
      return standing.proofs + 1 < standing.looksNeeded
        ? { kind: 'count' }
        : concludeAbsent(standing);
  }
}

function concludeAbsent(standing: ReconcileState): Conclusion {
  const { plan, isRetryWished } = standing;
  if (!standing.resend) return { kind: 'call_off' };
  // The provider says that it is there, and does not show it: that is not for us to decide.
  if (standing.isDuplicate && !isRetryWished) return { kind: 'ask', reason: 'said_duplicate' };
  if (plan.kind === 'missed') return { kind: 'miss', plan };
  if (standing.asks && !isRetryWished) return { kind: 'ask', reason: 'proven_absent' };
  if (standing.resends >= standing.resendLimit && !isRetryWished) {
    return { kind: 'ask', reason: 'resend_limit' };
  }
  return { kind: 'send_again', plan };
}
