import type { ErrorRecord } from '../errors.ts';
import { type CapabilityName, capabilityOf } from '../providers/capabilities.ts';
import type { PostContent, PublishMode } from '../providers/content.ts';
import type { HandoverWindow, Publishing } from '../providers/provider.ts';
import { type Attention, type AttentionReason, requestedMode, type Waiting } from './post.ts';

/** Everything the decision depends on; `now` is the database's clock, so that all processes agree. */
export interface PlanInput {
  readonly publishMode: PublishMode | null;
  readonly scheduledAt: Date | null;
  /** When the present content was approved: what "asked for" means in time. */
  readonly approvedAt: Date;
  readonly autoPublish: boolean;
  readonly lateLimitS: number;
  readonly window: HandoverWindow | null;
  /** The network's scheduler said that it came too late for it. */
  readonly isTooNear: boolean;
  /** Until then the provider is not offered hand-overs beyond what it takes for certain. */
  readonly nearWindowUntil: Date | null;
  /** How it can be made ready before its time; null: it cannot. */
  readonly ahead: { readonly ms: number; readonly isPrepared: boolean } | null;
  readonly now: Date;
}

/**
 * What may happen with an approved post at this moment.
 * `go`: make it now, in this mode, and show it at `revealAt` (null: at once). `hold`: not before `until`. `missed`: too
 * late, a person decides.
 */
export type Decision =
  | {
      readonly kind: 'go';
      readonly mode: PublishMode;
      readonly attention: Attention | null;
      readonly revealAt: Date | null;
    }
  | {
      readonly kind: 'hold';
      readonly mode: PublishMode;
      readonly until: Date;
      readonly waiting: Waiting;
    }
  | { readonly kind: 'missed'; readonly attention: Attention };

/** Made hidden first and then revealed by its id, unless the network has refused that to this account. */
export function isHiddenFirst(
  provider: Pick<Publishing, 'hidden'>,
  mode: PublishMode,
  post: Parts & { readonly capabilities: unknown },
): boolean {
  if (!provider.hidden.includes(mode)) return false;
  const needed: readonly CapabilityName[] = ['two_steps', stayingHidden(post)];
  const all = mode === 'schedule' ? [...needed, 'schedule_hidden' as const] : needed;
  return all.every((name) => capabilityOf(post.capabilities, name) !== 'no');
}

/** What a post consists of; a calendar writes its media itself. */
export interface Parts {
  readonly media: unknown;
  readonly link: string | null;
}

/** Whether a hidden post of these parts stays hidden is seen for each kind apart. */
export function stayingHidden({ media, link }: Parts): CapabilityName {
  if (Array.isArray(media) && media.length > 0) return 'hidden_photos';
  return link ? 'hidden_link' : 'hidden_text';
}

/**
 * Which of the two steps an account refuses by this answer to the second; null: it says something of the post. A time
 * that is said to be too near is believed only of accounts that have taken one by id before.
 */
export function refusedStep(
  mode: PublishMode,
  { key }: Pick<ErrorRecord, 'key'>,
  capabilities: unknown,
): 'two_steps' | 'schedule_hidden' | null {
  if (mode !== 'schedule') return key === 'parameter_invalid' ? 'two_steps' : null;
  const isNew = capabilityOf(capabilities, 'schedule_hidden') !== 'yes';
  const isRefused = key === 'parameter_invalid' || (isNew && key === 'facebook_schedule_too_late');
  return isRefused ? 'schedule_hidden' : null;
}

/** Of a hidden post that a read has just shown: the call before came too soon for it, and says nothing of the post. */
export function isTooYoung({ key }: Pick<ErrorRecord, 'key'>): boolean {
  return key === 'object_not_found';
}

/** Calls with the token that a post needs from its first to its last. */
export function callsOf(
  provider: Pick<Publishing, 'callsFor' | 'hidden'>,
  content: PostContent,
  { mode, capabilities }: { readonly mode: PublishMode; readonly capabilities: unknown },
): number {
  const isRevealed = isHiddenFirst(provider, mode, { ...content, capabilities });
  return provider.callsFor(content) + (isRevealed ? 1 : 0);
}

/** The reveal; and of a time, as long as nobody has seen that the account takes one by id, the read that tells. */
export function callsOfReveal(mode: PublishMode, capabilities: unknown): number {
  const isTold = mode !== 'schedule' || capabilityOf(capabilities, 'schedule_hidden') === 'yes';
  return isTold ? 1 : 2;
}

/** What `decide` is told of preparing ahead. */
export function aheadOf(
  provider: Pick<Publishing, 'hidden' | 'prepareAheadMs'>,
  post: Parts & { readonly capabilities: unknown; readonly isPrepared: boolean },
): PlanInput['ahead'] {
  if (!isHiddenFirst(provider, 'publish', post)) return null;
  return { ms: provider.prepareAheadMs, isPrepared: post.isPrepared };
}

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
  if (mode === 'publish' || input.window === null) return publishAt(dueAt, input);
  return decideHandover(dueAt, input.window, input);
}

function decideHandover(dueAt: Date, window: HandoverWindow, input: PlanInput): Decision {
  const aheadMs = dueAt.getTime() - input.now.getTime();
  const maxAheadMs = isNearOnly(input) ? window.certainAheadMs : window.maxAheadMs;
  if (aheadMs > maxAheadMs) {
    const until = new Date(dueAt.getTime() - maxAheadMs + farMarginMs);
    const text = 'Held until the network takes it for its own scheduler.';
    const waiting: Waiting = { reason: 'window', until: until.toISOString(), text };
    return { kind: 'hold', mode: 'schedule', until, waiting };
  }
  const isTaken = aheadMs >= window.minAheadMs + arrivalMarginMs && !input.isTooNear;
  if (isTaken) return go('schedule');
  if (input.autoPublish) return publishAt(dueAt, input);
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
  return (
    !input.isTooNear &&
    dueAt.getTime() - input.approvedAt.getTime() < window.minAheadMs + arrivalMarginMs
  );
}

/** Prepared a little before its time where that is possible, so that one call remains. */
function publishAt(dueAt: Date, { ahead, now }: PlanInput): Decision {
  if (dueAt <= now) return go('publish');
  if (ahead?.isPrepared === true) {
    return holdUntilDue(dueAt, dueAt, 'Prepared at the network; it is shown at its time.');
  }
  const beginAt = new Date(dueAt.getTime() - (ahead?.ms ?? 0));
  if (beginAt > now) return holdUntilDue(dueAt, beginAt, 'Goes out at its time.');
  return { kind: 'go', mode: 'publish', attention: null, revealAt: dueAt };
}

/** `until` is when there is something to do for it. */
function holdUntilDue(dueAt: Date, until: Date, text: string): Decision {
  return { kind: 'hold', mode: 'publish', until, waiting: waitForDue(dueAt, text) };
}

export function waitForDue(dueAt: Date, text: string): Waiting {
  return { reason: 'due_time', until: dueAt.toISOString(), text };
}

function go(mode: PublishMode, attention: Attention | null = null): Decision {
  return { kind: 'go', mode, attention, revealAt: null };
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

function askPerson(
  reason: AttentionReason,
  text: string,
  choices: readonly string[],
  now: Date,
): Attention {
  return { reason, since: now.toISOString(), text, who: 'author', evidence: [], choices };
}
