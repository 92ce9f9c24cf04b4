import type { Settlement } from '../attempts/settle-store.ts';
import type { Attention, Waiting } from '../posts/post.ts';
import type { SentBefore } from '../posts/publish-row.ts';
import type { PostFields } from '../posts/store.ts';
import { foundAt } from './found.ts';
import { evidenceOf, type Looked, lookEntry } from './look.ts';
import { changeOf, type OpenAttempt } from './outcome.ts';

/** How an attempt ends, or rests, that did not send: nothing failed, but now is not the time. */
export function rest(attempt: OpenAttempt, nextRunAt: Date, waiting: Waiting | null): Settlement {
  return unsent(attempt, 'prepared', 'approved', { nextRunAt, waiting });
}

export function missed(attempt: OpenAttempt, attention: Attention): Settlement {
  return unsent(attempt, 'abandoned', 'missed', { attention, waiting: null, nextRunAt: null });
}

/**
 * Somebody edited or cancelled the post, another run has it, or its tenant may not publish any more: only the attempt
 * and its calls are ours to settle. A post that is still publishing is judged anew when its lease ends.
 */
export function gone(attempt: OpenAttempt): Settlement {
  return close(attempt, 'abandoned', changeOf(attempt, 'publishing', {}));
}

/**
 * The look found what an earlier attempt made, although its end said otherwise. Photos decide alone, and so does a
 * single match of an attempt whose end was never told; after a plain rejection it may be somebody else's: a person says.
 */
export function foundEarlier(attempt: OpenAttempt, before: SentBefore, looked: Looked): Settlement {
  const { finding } = looked;
  const isKnown =
    finding.kind === 'one' && (finding.candidate.certain || before.state === 'abandoned');
  return isKnown
    ? bindEarlier(attempt, before, looked, finding.candidate)
    : askAbout(attempt, before, looked);
}

function bindEarlier(
  attempt: OpenAttempt,
  before: SentBefore,
  looked: Looked,
  candidate: Parameters<typeof foundAt>[1],
): Settlement {
  const now = attempt.now();
  const { row, provider } = attempt;
  const { to, set } = foundAt({ row, provider, mode: before.mode }, candidate, now);
  return {
    ...unsent(attempt, 'abandoned', to, set),
    revives: {
      attemptId: before.attemptId,
      state: 'confirmed',
      externalId: candidate.externalId,
      evidence: lookEntry(looked, now, { counts: false, conclusion: 'found' }),
    },
  };
}

function askAbout(attempt: OpenAttempt, before: SentBefore, looked: Looked): Settlement {
  const now = attempt.now();
  const attention: Attention = {
    reason: 'found_earlier_attempt',
    since: now.toISOString(),
    text: 'A post like this one is on the page already, from about the time of an earlier attempt. Is it this post?',
    who: 'author',
    evidence: evidenceOf(looked.finding, now),
    choices: ['resolve_live', 'resolve_absent'],
  };
  return {
    ...unsent(attempt, 'abandoned', 'unknown', { attention, waiting: null, nextRunAt: null }),
    revives: {
      attemptId: before.attemptId,
      state: 'unknown',
      externalId: null,
      evidence: lookEntry(looked, now, { counts: false, conclusion: 'ask' }),
    },
  };
}

export function waitForEqual(now: Date): { nextRunAt: Date; waiting: Waiting } {
  const nextRunAt = new Date(now.getTime() + 5_000);
  const text = 'A post of equal content is on its way to the same page; they go out one at a time.';
  return { nextRunAt, waiting: { reason: 'reconcile', until: nextRunAt.toISOString(), text } };
}

function unsent(
  attempt: OpenAttempt,
  state: 'prepared' | 'abandoned',
  to: Settlement['post']['to'],
  set: PostFields,
): Settlement {
  return close(attempt, state, changeOf(attempt, to, { ...set, leaseMs: null }));
}

function close(
  attempt: OpenAttempt,
  state: 'prepared' | 'abandoned',
  post: Settlement['post'],
): Settlement {
  const { id, calls, budgetKey } = attempt;
  return { attemptId: id, state, externalId: null, error: null, calls, budgetKey, post };
}
