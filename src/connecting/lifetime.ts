import type { ErrorRecord } from '../errors.ts';
import { troubleOf } from '../integrations/integration.ts';
import type { Renewal, Scope, TokenFacts } from '../providers/connecting.ts';

/**
 * What the network's word on a token means for its integration. `dead`: it needs a person, and this is why. `doubtful`: a
 * permission is gone, and the account itself tells whether it does without. `whole`: nothing is wrong with the token.
 * `untold`: nothing was learned.
 */
export type Verdict =
  | { readonly kind: 'dead'; readonly error: ErrorRecord }
  | { readonly kind: 'doubtful' | 'whole' | 'untold' };

/** Only the network's own word ends a connection; whatever else went wrong says nothing about the token. */
export function judgeToken(facts: TokenFacts | null, scopes: readonly Scope[]): Verdict {
  if (facts === null) return { kind: 'untold' };
  const { error, scopes: held } = facts;
  if (error !== null) {
    return troubleOf(error) === null ? { kind: 'untold' } : { kind: 'dead', error };
  }
  const isHeld = ({ name, isRequired }: Scope) => !isRequired || held?.includes(name) !== false;
  return { kind: scopes.every(isHeld) ? 'whole' : 'doubtful' };
}

const dayMs = 86_400_000;

/**
 * How long from now a token rests before it is exchanged for one that lasts longer, somewhere in the part of its life
 * that its network gives. One that lives shorter than that, or was not made younger by an exchange, goes in the second
 * half of what it has left.
 *
 * `chance` is from 0 to 1, so that tokens of one day are not exchanged in one hour.
 */
export function renewsInMs(renewal: Renewal, lifeMs: number | null, chance: number): number {
  const { earliestDay, fromDay, toDay } = renewal;
  const usual = (fromDay + chance * (toDay - fromDay)) * dayMs;
  const latest = lifeMs === null ? usual : lifeMs * (0.5 + chance / 3);
  return Math.max(Math.min(usual, latest), earliestDay * dayMs, 3_600_000);
}

const longestPauseMs = dayMs / 2;

/** The pause before a renewal is tried again that has failed so often in a row: ten minutes, then ever longer. */
export function renewalPauseMs(failures: number): number {
  return Math.min(longestPauseMs, 600_000 * 2 ** Math.min(failures, 10));
}
