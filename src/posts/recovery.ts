import type { ErrorRecord } from '../errors.ts';
import type { PostStatus, Waiting } from './post.ts';
import type { PostFields } from './store.ts';

/** Tries that a post has when its provider's trouble is neither its own fault nor a limit. */
const maxTries = 5;
const backoffMs = [10_000, 30_000, 120_000, 600_000] as const;
const defaultWaitMs = 300_000;

export type IntegrationTrouble = 'needs_reconnect' | 'needs_permission' | 'blocked';

/** What becomes of a post, and of its integration, after an error that proves that nothing visible happened. */
export interface Recovery {
  readonly to: Extract<PostStatus, 'approved' | 'failed' | 'unknown'>;
  readonly set: PostFields;
  /** The integration leaves `active`: its other posts wait with this one. */
  readonly trouble: IntegrationTrouble | null;
  /** Nothing of this integration is claimed before then. */
  readonly heldUntil: Date | null;
}

export interface Failure {
  readonly record: ErrorRecord;
  readonly retryAfterMs: number | undefined;
  readonly tries: number;
  /** After which an unknown outcome is looked for. */
  readonly lookAfterMs: number;
  /** The database's clock. */
  readonly now: Date;
  /** 0 to 1; spreads those that failed together. */
  readonly jitter: number;
}

/** One class, one way on (style: errors). Waiting costs no try. */
export function recoverFrom(failure: Failure): Recovery {
  switch (failure.record.class) {
    case 'retry':
    case 'internal':
      if (failure.record.key === tokenNotOpened) return waitFor(failure, 'integration');
      return isUnreachable(failure.record) ? waitFor(failure, 'meta_limit') : tryAgain(failure);
    case 'rate_limited':
      return { ...waitFor(failure, 'meta_limit'), heldUntil: laterBy(failure) };
    case 'not_ready':
      return waitFor(failure, waitsFor[failure.record.key] ?? 'media');
    case 'reauth':
      return waitForIntegration(failure, 'needs_reconnect');
    case 'permission':
      return waitForIntegration(failure, 'needs_permission');
    case 'blocked':
      return waitForIntegration(failure, 'blocked');
    case 'invalid':
    case 'duplicate':
      return giveUp(failure);
    case 'unknown_outcome':
      return lookFor(failure);
  }
}

/** What is not ready is a medium, unless the error is about something else. */
const waitsFor: Readonly<Record<string, Waiting['reason']>> = {
  look_incomplete: 'reconcile',
  facebook_schedule_window: 'window',
  facebook_schedule_too_late: 'window',
};

/** A sealed token that the keys of a process do not open: no fault of the post's, and none of its account's. */
export const tokenNotOpened = 'token_not_opened';

/** Nothing reached the provider: that is its outage or ours, and no try of this post. */
function isUnreachable(record: ErrorRecord): boolean {
  return record.key === 'provider_unreachable';
}

function laterBy(failure: Failure): Date {
  const waitMs = failure.retryAfterMs ?? defaultWaitMs;
  return new Date(failure.now.getTime() + waitMs);
}

function waitFor(failure: Failure, reason: Waiting['reason']): Recovery {
  const short = isUnreachable(failure.record) ? 15_000 : defaultWaitMs;
  const waitMs = (failure.retryAfterMs ?? short) * (1 + failure.jitter * 0.2);
  const until = new Date(failure.now.getTime() + waitMs);
  const waiting = { reason, until: until.toISOString(), text: failure.record.user_message };
  return {
    to: 'approved',
    set: { nextRunAt: until, waiting, error: failure.record },
    trouble: null,
    heldUntil: null,
  };
}

function tryAgain(failure: Failure): Recovery {
  const tries = failure.tries + 1;
  const backoff = backoffMs[failure.tries];
  if (tries >= maxTries || backoff === undefined) return giveUp({ ...failure, tries });
  const waitMs = (failure.retryAfterMs ?? backoff) * (1 + failure.jitter * 0.5);
  const until = new Date(failure.now.getTime() + waitMs);
  return {
    to: 'approved',
    set: { nextRunAt: until, tries, error: failure.record, waiting: null },
    trouble: null,
    heldUntil: null,
  };
}

function waitForIntegration(failure: Failure, trouble: IntegrationTrouble): Recovery {
  const waiting: Waiting = { reason: 'integration', until: null, text: failure.record.action };
  return {
    to: 'approved',
    set: { nextRunAt: failure.now, waiting, error: failure.record },
    trouble,
    heldUntil: null,
  };
}

function giveUp(failure: Failure): Recovery {
  return {
    to: 'failed',
    set: { error: failure.record, waiting: null, nextRunAt: null, tries: failure.tries },
    trouble: null,
    heldUntil: null,
  };
}

/** Nobody is asked yet: most lost answers are found, or proven absent, within minutes. */
export function lookFor({ record, now, lookAfterMs }: Failure): Recovery {
  const lookAt = new Date(now.getTime() + lookAfterMs);
  return {
    to: 'unknown',
    set: { error: record, waiting: waitForLook(lookAt), nextRunAt: null, attention: null },
    trouble: null,
    heldUntil: null,
  };
}

export function waitForLook(until: Date, resend = true): Waiting {
  const next = resend ? 'is sent again only once it is proven absent' : 'is not sent again';
  const text = `The network may have created this post: its answer was lost. It is looked for there, and ${next}.`;
  return { reason: 'reconcile', until: until.toISOString(), text };
}
