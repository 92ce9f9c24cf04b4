import type { AttemptState } from '../attempts/attempt.ts';
import { type PublishRow, type SentBefore, sentBefore } from '../attempts/row.ts';
import { evidenceOf, type Looked, lookEntry } from '../attempts/search.ts';
import type { Settlement } from '../attempts/settle-store.ts';
import type { ErrorRecord, PublishError } from '../errors.ts';
import { waitForDue } from '../posts/plan.ts';
import type { Attention, PostStatus, Waiting } from '../posts/post.ts';
import type { PostChange, PostFields } from '../posts/store.ts';
import type { PublishMode } from '../providers/content.ts';
import type { ListedPost, Publishing, RemotePost } from '../providers/provider.ts';
import type { OpenAttempt } from './open-attempt.ts';
import { type Failure, lookFor, type Recovery, recoverFrom, waitForRead } from './recovery.ts';

const statusOfMode = { publish: 'published', schedule: 'scheduled', draft: 'drafted' } as const;

/** Every end of an attempt is made here, one function each: what becomes of it, of its post, and of its calls. */
function settlement(
  attempt: OpenAttempt,
  state: Settlement['state'],
  post: PostChange,
  more: { readonly externalId?: string; readonly error?: ErrorRecord } = {},
): Settlement {
  const { id: attemptId, run, calls, booked, budgetKey, hiddenId, isOrphaned } = attempt;
  const { externalId = null, error = null } = more;
  const ofAttempt = { attemptId, run, calls, booked, budgetKey, hiddenId, isOrphaned };
  return { ...ofAttempt, state, externalId, error, post };
}

/** It is at the provider in the state that was asked for. */
export function confirmed(attempt: OpenAttempt, externalId: string): Settlement {
  const { decision, row, provider } = attempt;
  const change = changeOf(attempt, statusOfMode[decision.mode], {
    externalId,
    publishUrl: provider.publishUrl(externalId),
    verifyInMs: readBackAfterMs,
    error: null,
    attention: earlyAttention(attempt, externalId) ?? decision.attention,
    waiting: null,
    nextRunAt: null,
    leaseMs: null,
    ...liveTimes(decision.mode, row, attempt.now()),
  });
  // An answer that comes long after its attempt was taken for absent is knowledge all the same.
  const from: PostChange['from'] = [
    'publishing',
    'unknown',
    'approved',
    'queued',
    'failed',
    'missed',
    'cancelled',
  ];
  return settlement(attempt, 'confirmed', { ...change, from }, { externalId });
}

/** What was to be hidden until its time was not. */
function earlyAttention(attempt: OpenAttempt, externalId: string): Attention | null {
  const { revealAt } = attempt.decision;
  const now = attempt.now();
  if (revealAt === null || revealAt <= now) return null;
  const seenAt = now.toISOString();
  const url = attempt.provider.publishUrl(externalId);
  return {
    reason: 'visible_unexpectedly',
    since: seenAt,
    text: 'It was made ready before its time, and the network shows it already. Later posts of this account are not made ready any more.',
    who: 'author',
    evidence: [{ external_id: externalId, url, seen_at: seenAt }],
    choices: ['resolve_live', 'resolve_absent'],
  };
}

function liveTimes(mode: PublishMode, row: PublishRow, now: Date): PostFields {
  if (mode !== 'publish') return {};
  if (row.scheduledAt === null) return { publishedAt: now };
  return { publishedAt: now, latenessMs: now.getTime() - row.scheduledAt.getTime() };
}

/** Hidden at the provider, and shown at its time. */
export function prepared(attempt: OpenAttempt, revealAt: Date): Settlement {
  const waiting = waitForDue(revealAt, 'Prepared at the network; it is shown at its time.');
  return rest(attempt, revealAt, waiting);
}

/** Nothing failed, but now is not the time: what is staged or hidden is kept, and so is the call that reveals it. */
export function rest(attempt: OpenAttempt, nextRunAt: Date, waiting: Waiting | null): Settlement {
  return resting(attempt, { nextRunAt, waiting });
}

function resting(attempt: OpenAttempt, set: PostFields, error?: ErrorRecord): Settlement {
  const isHidden = attempt.hiddenId !== null;
  const fields = { ...set, leaseMs: null, ...(isHidden ? { preparedAt: attempt.now() } : {}) };
  const change = changeOf(attempt, 'approved', fields);
  const end = settlement(attempt, 'prepared', change, error === undefined ? {} : { error });
  return { ...end, keeps: isHidden ? 1 : 0 };
}

export function missed(attempt: OpenAttempt, attention: Attention): Settlement {
  return unsent(attempt, 'missed', { attention, waiting: null, nextRunAt: null });
}

/**
 * Somebody edited or cancelled the post, another run has it, or its tenant may not publish any more: only the attempt
 * and its calls are ours to settle. A post that is still publishing is judged anew when its lease ends.
 */
export function gone(attempt: OpenAttempt): Settlement {
  const change: PostChange = { ...changeOf(attempt, 'publishing', {}), from: ['publishing'] };
  return settlement(attempt, 'abandoned', change);
}

/** The network refuses to make such a post in two steps: what is hidden is discarded, and it goes out in one. */
export function startOver(attempt: OpenAttempt, error: ErrorRecord): Settlement {
  const set = { nextRunAt: attempt.now(), waiting: null, preparedAt: null, leaseMs: null };
  return settlement(attempt, 'rejected', changeOf(attempt, 'approved', set), { error });
}

/** Also what follows for the integration; `sent` says whether the visible call was, or may have been, made. */
export function failed(
  attempt: OpenAttempt,
  error: PublishError,
  { sent, lookAfterMs }: { readonly sent: boolean; readonly lookAfterMs: number },
): { readonly settlement: Settlement; readonly recovery: Recovery } {
  const failure: Failure = {
    record: error.record,
    // The window is narrower from now on: the next run holds the post until it opens.
    retryAfterMs: isWindowRefusal(attempt, error, sent) ? 0 : error.retryAfterMs,
    scope: error.scope,
    tries: attempt.row.tries,
    dueAt: attempt.row.scheduledAt ?? attempt.row.approvedAt,
    failedAt: hasAdvanced(attempt) ? null : (attempt.row.failedAt ?? null),
    lookAfterMs,
    now: attempt.now(),
    jitter: Math.random(),
  };
  const recovery = recover(attempt, { failure, error, sent });
  const { record } = error;
  const state = endState(attempt, recovery, sent);
  if (state === 'prepared') return { settlement: resting(attempt, recovery.set, record), recovery };
  const change = changeOf(attempt, recovery.to, {
    leaseMs: null,
    preparedAt: null,
    ...recovery.set,
  });
  const end = settlement(attempt, state, change, { error: record });
  if (recovery.to !== 'unknown') return { settlement: end, recovery };
  const lookAt = new Date(attempt.now().getTime() + lookAfterMs);
  return { settlement: { ...end, lookAt }, recovery };
}

/** Before the call that failed, this run put something there that is kept: it met another trouble than the last run. */
function hasAdvanced({ calls, booked }: OpenAttempt): boolean {
  const answered = calls.slice(booked, -1);
  return answered.some(({ effect, status }) => effect === 'stages' && status === 200);
}

/**
 * After an attempt that was taken for absent, two refusals mean something else: one as a duplicate that the earlier
 * one may be there after all, and one as invalid that the photos it shared with it are gone.
 */
function recover(
  attempt: OpenAttempt,
  { failure, error, sent }: { failure: Failure; error: PublishError; sent: boolean },
): Recovery {
  // A reveal may be repeated; but until its post was read nobody knows whether it is public.
  if (sent && attempt.inTwoSteps && !error.isProven) return lookFor(failure, waitForRead);
  const before = sentBefore(attempt.row);
  if (!sent || before?.state !== 'abandoned') return recoverFrom(failure);
  if (failure.record.class === 'duplicate') return lookFor(failure);
  if (failure.record.class === 'invalid' && before.staged.length > 0) {
    return recoverFrom({ ...failure, record: { ...failure.record, class: 'retry' } });
  }
  return recoverFrom(failure);
}

/** The provider's scheduler did not take a time that its own pages call possible, and cannot say when it will. */
export function isWindowRefusal(attempt: OpenAttempt, error: PublishError, sent: boolean): boolean {
  const isSchedule = sent && attempt.decision.mode === 'schedule';
  return isSchedule && error.record.class === 'not_ready' && error.retryAfterMs === undefined;
}

/** What is still hidden, or was never sent, and is tried again rests with what it has. */
function endState(attempt: OpenAttempt, recovery: Recovery, sent: boolean): Settlement['state'] {
  if (recovery.to === 'unknown') return 'unknown';
  const isKept = !sent || attempt.hiddenId !== null;
  return isKept && recovery.to === 'approved' ? 'prepared' : 'rejected';
}

/**
 * The look found what an earlier attempt made, although its end said otherwise. Photos decide alone, and so does a
 * single match of an attempt whose end was never told; after a plain rejection it may be somebody else's: a person says.
 */
export function foundEarlier(attempt: OpenAttempt, before: SentBefore, looked: Looked): Settlement {
  const { finding } = looked;
  const isKnown = finding.kind === 'bound' && (finding.certain || before.state === 'abandoned');
  return isKnown
    ? bindEarlier(attempt, before, looked, finding.listed)
    : askAbout(attempt, before, looked);
}

function bindEarlier(
  attempt: OpenAttempt,
  before: SentBefore,
  looked: Looked,
  listed: Parameters<typeof foundAt>[1],
): Settlement {
  const now = attempt.now();
  const { row, provider } = attempt;
  const { to, set } = foundAt({ row, provider, mode: before.mode }, listed, now);
  return {
    ...unsent(attempt, to, set),
    revives: {
      attemptId: before.attemptId,
      state: 'confirmed',
      externalId: listed.externalId,
      evidence: lookEntry(looked, now, { counts: false, conclusion: 'found' }),
    },
  };
}

/** What an earlier attempt had hidden, and was told that it could not reveal, is public after all. */
export function foundRevealed(
  attempt: OpenAttempt,
  earlier: { readonly attemptId: string; readonly hiddenId: string },
  post: RemotePost,
): Settlement {
  const now = attempt.now();
  const { row, provider, decision } = attempt;
  const { hiddenId: externalId, attemptId } = earlier;
  const shown = { ...post, externalId, url: post.permalink };
  const { to, set } = foundAt({ row, provider, mode: decision.mode }, shown, now);
  const seen = { external_id: externalId, url: shown.url, is_published: true, certain: true };
  const evidence = {
    looked_at: now.toISOString(),
    complete: true,
    counts: false,
    candidates: [seen],
    conclusion: 'found',
  };
  return {
    ...unsent(attempt, to, set),
    revives: { attemptId, state: 'confirmed', externalId, evidence },
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
    ...unsent(attempt, 'unknown', { attention, waiting: null, nextRunAt: null }),
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

function unsent(attempt: OpenAttempt, to: PostChange['to'], set: PostFields): Settlement {
  const change = changeOf(attempt, to, { ...set, leaseMs: null, preparedAt: null });
  return settlement(attempt, 'abandoned' satisfies AttemptState, change);
}

function changeOf(attempt: OpenAttempt, to: PostChange['to'], set: PostFields): PostChange {
  return {
    id: attempt.row.id,
    version: attempt.row.version,
    from: ['publishing', 'unknown'],
    to,
    set,
  };
}

/** The read-back is a later job: reads lag behind writes at Meta, and nothing waits for it. */
const readBackAfterMs = 60_000;

type Shown = Pick<ListedPost, 'externalId' | 'url' | 'isPublished' | 'createdAt' | 'scheduledAt'>;

/** A post that is at the provider after all: its row says what the provider shows, whatever was asked for. */
export function foundAt(
  { row, provider, mode }: { row: PublishRow; provider: Publishing; mode: PublishMode },
  shown: Shown,
  now: Date,
): { readonly to: PostStatus; readonly set: PostFields } {
  return {
    to: statusOf(shown),
    set: {
      effectiveMode: mode,
      externalId: shown.externalId,
      publishUrl: shown.url ?? provider.publishUrl(shown.externalId),
      verifyInMs: readBackAfterMs,
      error: null,
      attention: attentionFor(row, mode, shown, now),
      waiting: null,
      nextRunAt: null,
      leaseMs: null,
      ...shownTimes(row, shown),
    },
  };
}

/** Times go to a network in whole seconds, rounded up. */
const sameTimeMs = 1_000;

/** Whether a post that was to be revealed is, as far as its network shows it. */
export function isShown(
  post: Pick<Shown, 'isPublished' | 'scheduledAt'>,
  mode: PublishMode,
  { scheduledAt }: Pick<PublishRow, 'scheduledAt'>,
): boolean {
  if (post.isPublished) return true;
  if (mode !== 'schedule' || post.scheduledAt === null || scheduledAt === null) return false;
  return Math.abs(post.scheduledAt.getTime() - scheduledAt.getTime()) <= sameTimeMs;
}

function statusOf({ isPublished, scheduledAt }: Shown): PostStatus {
  if (isPublished) return 'published';
  return scheduledAt === null ? 'drafted' : 'scheduled';
}

/** By the provider's clock, as far as it says; it counts in whole seconds, so that nothing was early. */
function shownTimes({ scheduledAt }: PublishRow, { isPublished, createdAt }: Shown): PostFields {
  if (!isPublished || createdAt === null) return {};
  if (scheduledAt === null) return { publishedAt: createdAt };
  const latenessMs = Math.max(0, createdAt.getTime() - scheduledAt.getTime());
  return { publishedAt: createdAt, latenessMs };
}

function attentionFor(
  { scheduledAt }: PublishRow,
  mode: PublishMode,
  { externalId, url, isPublished }: Shown,
  now: Date,
): Attention | null {
  const isDue = mode === 'schedule' && scheduledAt !== null && scheduledAt <= now;
  if (!isPublished || mode === 'publish' || isDue) return null;
  const at = now.toISOString();
  return {
    reason: 'visible_unexpectedly',
    since: at,
    text: `It was sent as a ${mode === 'draft' ? 'draft' : 'scheduled post'}, but the network shows it as published. If nobody published it there by hand, delete it if it must not be seen.`,
    who: 'author',
    evidence: [{ external_id: externalId, url, seen_at: at }],
    choices: ['resolve_live', 'resolve_absent'],
  };
}
