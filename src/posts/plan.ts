import type { HandoverWindow } from '../providers/provider.ts';
import { type Attention, type PublishMode, requestedMode, type Waiting } from './post.ts';

/** Everything the decision depends on; `now` is the database's clock, so that all processes agree. */
export interface PlanInput {
  readonly publishMode: PublishMode | null;
  readonly scheduledAt: Date | null;
  /** When the present content was approved: what "asked for" means in time. */
  readonly approvedAt: Date;
  readonly autoPublish: boolean;
  readonly lateLimitS: number;
  readonly window: HandoverWindow | null;
  /** Until then the provider is not offered hand-overs beyond what it takes for certain. */
  readonly nearWindowUntil: Date | null;
  readonly now: Date;
}

/**
 * What may happen with an approved post at this moment.
 * `go`: publish it now, in this mode. `hold`: not before `until`. `missed`: too late, a person decides.
 */
export type Decision =
  | { readonly kind: 'go'; readonly mode: PublishMode; readonly attention: Attention | null }
  | {
      readonly kind: 'hold';
      readonly mode: PublishMode;
      readonly until: Date;
      readonly waiting: Waiting;
    }
  | { readonly kind: 'missed'; readonly attention: Attention };

/** Meta judges the window when the request arrives, not when we decide. */
const arrivalMarginMs = 15_000;
/** A post held for the window's far end goes in a little after it opened, clocks being what they are. */
const farMarginMs = 60_000;

/** The table of design.md section 5, one branch a row. Lateness first (except for drafts), then the window. */
export function decide(input: PlanInput): Decision {
  const mode = requestedMode(input);
  if (mode === 'draft') return go('draft');
  const dueAt = input.scheduledAt ?? input.approvedAt;
  if (isTooLate(dueAt, input)) return missed(input, dueAt);
  if (mode === 'publish' || input.window === null) return publishAt(dueAt, input.now);
  return decideHandover(dueAt, input.window, input);
}

function decideHandover(dueAt: Date, window: HandoverWindow, input: PlanInput): Decision {
  const aheadMs = dueAt.getTime() - input.now.getTime();
  const maxAheadMs = isNearOnly(input) ? window.certainAheadMs : window.maxAheadMs;
  if (aheadMs > maxAheadMs) {
    const until = new Date(dueAt.getTime() - maxAheadMs + farMarginMs);
    return hold(
      'schedule',
      until,
      'window',
      'Held until the network takes it for its own scheduler.',
    );
  }
  if (aheadMs >= window.minAheadMs + arrivalMarginMs) return go('schedule');
  if (input.autoPublish) return publishAt(dueAt, input.now);
  return wasAskedTooNear(dueAt, window, input)
    ? go('draft', outsideWindow(input.now))
    : delayedOutOfWindow(input.now);
}

function isNearOnly(input: PlanInput): boolean {
  return input.nearWindowUntil !== null && input.nearWindowUntil > input.now;
}

function isTooLate(dueAt: Date, input: PlanInput): boolean {
  return input.now.getTime() - dueAt.getTime() > input.lateLimitS * 1000;
}

function wasAskedTooNear(dueAt: Date, window: HandoverWindow, input: PlanInput): boolean {
  return dueAt.getTime() - input.approvedAt.getTime() < window.minAheadMs + arrivalMarginMs;
}

function publishAt(dueAt: Date, now: Date): Decision {
  if (dueAt <= now) return go('publish');
  return hold('publish', dueAt, 'due_time', 'Goes out at its time.');
}

function go(mode: PublishMode, attention: Attention | null = null): Decision {
  return { kind: 'go', mode, attention };
}

function hold(mode: PublishMode, until: Date, reason: Waiting['reason'], text: string): Decision {
  return { kind: 'hold', mode, until, waiting: { reason, until: until.toISOString(), text } };
}

function missed(input: PlanInput, dueAt: Date): Decision {
  const lateS = Math.round((input.now.getTime() - dueAt.getTime()) / 1000);
  const text = `It was due ${lateS} seconds ago; the tenant's limit is ${input.lateLimitS}. Retry it with a new time, or cancel it.`;
  return { kind: 'missed', attention: askPerson('missed', text, ['retry', 'cancel'], input.now) };
}

function delayedOutOfWindow(now: Date): Decision {
  const text =
    'It could not be handed over while the network still took it, and its tenant does not publish automatically. Retry it with a new time, or cancel it.';
  return { kind: 'missed', attention: askPerson('missed_window', text, ['retry', 'cancel'], now) };
}

function outsideWindow(now: Date): Attention {
  const text =
    'Asked for less than 10 minutes ahead: too near for the network to schedule. It is a draft there; a person publishes it.';
  return askPerson('outside_window', text, ['cancel'], now);
}

function askPerson(reason: string, text: string, choices: readonly string[], now: Date): Attention {
  return { reason, since: now.toISOString(), text, who: 'author', evidence: [], choices };
}
