import type { Decision } from '../posts/plan.ts';
import type { Candidate, Look } from '../providers/provider.ts';

/** What a look says about one attempt, once posts that are known to be others are left out. */
export type Finding =
  | { readonly kind: 'none' }
  | { readonly kind: 'one'; readonly candidate: Candidate }
  /** Which of them it is, if any, only a person can tell. */
  | { readonly kind: 'several'; readonly candidates: readonly Candidate[] }
  /** The look was cut short, or what it found may belong to another post of ours that is on its way. */
  | { readonly kind: 'unclear' };

/**
 * Photos that only this post has decide alone. Without them: just what was sent goes before what it may have become,
 * and that is taken only while no other post of ours with this text is open on the account (`hasRival`).
 */
export function judgeLook(
  { complete, candidates }: Look,
  excluded: ReadonlySet<string>,
  hasRival: boolean,
): Finding {
  const left = candidates.filter(({ externalId }) => !excluded.has(externalId));
  const certain = left.filter((candidate) => candidate.certain);
  if (certain.length > 0) return oneOf(certain);
  if (!complete) return { kind: 'unclear' };
  const same = left.filter(({ likeness }) => likeness === 'same');
  if (same.length > 0) return oneOf(same);
  if (left.length > 0 && hasRival) return { kind: 'unclear' };
  const alike = left.filter(({ likeness }) => likeness === 'alike');
  if (alike.length > 0) return oneOf(alike);
  // Somebody edited a post that was made in those moments: perhaps ours.
  return left.length > 0 ? { kind: 'several', candidates: left } : { kind: 'none' };
}

function oneOf(candidates: readonly Candidate[]): Finding {
  const [only, ...more] = candidates;
  if (only === undefined) return { kind: 'none' };
  return more.length > 0 ? { kind: 'several', candidates } : { kind: 'one', candidate: only };
}

/** Everything besides the finding that decides how it goes on. */
export interface Standing {
  /** Complete looks that found nothing, before this one. */
  readonly looks: number;
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

export type Question = 'ambiguous' | 'proven_absent' | 'resend_limit' | 'said_duplicate';

export type Conclusion =
  /** Nothing was learned that counts. */
  | { readonly kind: 'look_again' }
  | { readonly kind: 'count' }
  | { readonly kind: 'bind'; readonly candidate: Candidate }
  | { readonly kind: 'ask'; readonly reason: Question }
  /** Proven absent: what becomes of the post. */
  | { readonly kind: 'call_off' }
  | { readonly kind: 'miss'; readonly plan: Extract<Decision, { kind: 'missed' }> }
  | { readonly kind: 'send_again'; readonly plan: Exclude<Decision, { kind: 'missed' }> };

/** Design: "Proven absent". Pure. */
export function conclude(finding: Finding, standing: Standing): Conclusion {
  switch (finding.kind) {
    case 'one':
      return { kind: 'bind', candidate: finding.candidate };
    case 'several':
      return { kind: 'ask', reason: 'ambiguous' };
    case 'unclear':
      return { kind: 'look_again' };
    case 'none':
      if (!standing.counts) return { kind: 'look_again' };
      return standing.looks + 1 < standing.looksNeeded
        ? { kind: 'count' }
        : concludeAbsent(standing);
  }
}

function concludeAbsent(standing: Standing): Conclusion {
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
