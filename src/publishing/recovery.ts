import { waitForLook } from '../attempts/attempt.ts';
import type { ErrorRecord, ErrorScope } from '../errors.ts';
import { tokenNotOpened } from '../integrations/account.ts';
import type { PostStatus, Waiting } from '../posts/post.ts';
import type { PostFields } from '../posts/store.ts';

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const defaultWaitMs = 5 * minuteMs;

/** What becomes of a post after an error that proves that nothing visible happened. */
export interface Recovery {
  readonly to: Extract<PostStatus, 'approved' | 'failed' | 'unknown'>;
  readonly set: PostFields;
}

export interface Failure {
  readonly record: ErrorRecord;
  /** Whom it concerns: only what is about the post costs it a try. */
  readonly scope: ErrorScope;
  readonly retryAfterMs: number | undefined;
  readonly tries: number;
  readonly dueAt: Date;
  /** When the post failed last before this. */
  readonly failedAt: Date | null;
  /** After which an unknown outcome is looked for. */
  readonly lookAfterMs: number;
  /** The database's clock. */
  readonly now: Date;
  /** 0 to 1; spreads those that failed together. */
  readonly jitter: number;
}

/** One class, one way on (style: errors), once it is the post's own. Waiting costs no try. */
export function recoverFrom(failure: Failure): Recovery {
  const { record, scope } = failure;
  switch (record.class) {
    case 'unknown_outcome':
      return lookFor(failure);
    case 'rate_limited':
      return waitFor(failure, 'meta_limit');
    case 'not_ready':
      return waitFor(failure, waitsFor[record.key] ?? 'media');
    case 'reauth':
    case 'permission':
    case 'blocked':
      return waitForIntegration(failure);
    case 'retry':
    case 'internal':
    case 'invalid':
    case 'duplicate':
      break;
  }
  if (record.key === tokenNotOpened) return waitFor(failure, 'integration');
  if (scope === 'provider') return waitForOutage(failure);
  if (scope !== 'post') return waitForIntegration(failure);
  const isFinal = record.class === 'invalid' || record.class === 'duplicate';
  return isFinal ? giveUp(failure) : tryAgain(failure);
}

/** What is not ready is a medium, unless the error is about something else. */
const waitsFor: Readonly<Record<string, Waiting['reason']>> = {
  look_incomplete: 'reconcile',
  facebook_schedule_window: 'window',
  facebook_schedule_too_late: 'window',
};

function waitFor(
  failure: Failure,
  reason: Waiting['reason'],
  shortestMs = defaultWaitMs,
): Recovery {
  const waitMs = (failure.retryAfterMs ?? shortestMs) * (1 + failure.jitter * 0.2);
  const until = new Date(failure.now.getTime() + waitMs);
  const waiting = { reason, until: until.toISOString(), text: failure.record.user_message };
  return { to: 'approved', set: { nextRunAt: until, waiting, error: failure.record } };
}

/** Twice as long as it has waited since it failed last; a post that is due soon, or just was, at most a minute. */
function waitForOutage(failure: Failure): Recovery {
  const { now, dueAt, failedAt } = failure;
  const isUrgent = Math.abs(dueAt.getTime() - now.getTime()) < 2 * hourMs;
  const longestMs = isUrgent ? minuteMs : 10 * minuteMs;
  const sinceMs = failedAt === null ? 0 : now.getTime() - failedAt.getTime();
  const isSame = sinceMs < 20 * minuteMs;
  const waitMs = Math.min(longestMs, Math.max(2 * secondMs, isSame ? 2 * sinceMs : 0));
  return waitFor(failure, 'meta_limit', waitMs);
}

/** Its author is to hear soon of what the author can mend, though it may heal by itself. */
const authorsBackoffMs = [30 * secondMs, 2 * minuteMs];
/** A defect of ours is not mended by waiting. */
const defectsBackoffMs = [10 * secondMs, 30 * secondMs, 2 * minuteMs, 10 * minuteMs];
/** Anything else is tried again for about as long as a post is usually in time. */
const backoffMs = [...defectsBackoffMs, ...Array<number>(7).fill(10 * minuteMs)];

function backoffOf({ class: errorClass, who }: ErrorRecord): readonly number[] {
  if (errorClass === 'internal') return defectsBackoffMs;
  return who === 'author' ? authorsBackoffMs : backoffMs;
}

function tryAgain(failure: Failure): Recovery {
  const tries = failure.tries + 1;
  const backoff = backoffOf(failure.record)[failure.tries];
  if (backoff === undefined) return giveUp({ ...failure, tries });
  const waitMs = (failure.retryAfterMs ?? backoff) * (1 + failure.jitter * 0.5);
  const until = new Date(failure.now.getTime() + waitMs);
  const set = { nextRunAt: until, tries, error: failure.record, waiting: null };
  return { to: 'approved', set };
}

function waitForIntegration(failure: Failure): Recovery {
  const waiting: Waiting = { reason: 'integration', until: null, text: failure.record.action };
  // Nothing is claimed of an account that is out or held; should telling it fail, nobody is to call without a pause.
  const nextRunAt = new Date(failure.now.getTime() + 15 * secondMs);
  return { to: 'approved', set: { nextRunAt, waiting, error: failure.record } };
}

function giveUp(failure: Failure): Recovery {
  return {
    to: 'failed',
    set: { error: failure.record, waiting: null, nextRunAt: null, tries: failure.tries },
  };
}

/** Nobody is asked yet: most lost answers are found, or proven absent, within minutes. */
export function lookFor(
  { record, now, lookAfterMs }: Pick<Failure, 'record' | 'now' | 'lookAfterMs'>,
  waiting: (until: Date) => Waiting = waitForLook,
): Recovery {
  const lookAt = new Date(now.getTime() + lookAfterMs);
  return {
    to: 'unknown',
    set: { error: record, waiting: waiting(lookAt), nextRunAt: null, attention: null },
  };
}

/** Of a hidden post whose reveal had no answer: it says itself whether it is public. */
export function waitForRead(until: Date, resend = true): Waiting {
  const next = resend ? 'is shown by the same call again' : 'is not shown any more';
  const text = `The answer to showing the post was lost. It is read by its id, and ${next} if it is still hidden.`;
  return { reason: 'reconcile', until: until.toISOString(), text };
}
