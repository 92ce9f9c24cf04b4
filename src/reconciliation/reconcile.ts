import { type EvidenceSummary, summarizeEvidence, waitForLook } from '../attempts/attempt.ts';
import { type PublishRow, type SentBefore, sentBefore } from '../attempts/row.ts';
import {
  beyond,
  type Doubt,
  evidenceOf,
  type Looked,
  lookEntry,
  lookFor,
  type Sought,
} from '../attempts/search.ts';
import { isUniqueViolation } from '../attempts/settle-store.ts';
import { PublishError } from '../errors.ts';
import { openAccount } from '../integrations/account.ts';
import { bookLook, budgetKeyOf, correctBooking } from '../integrations/booking.ts';
import { callContext, noteFailure } from '../integrations/call.ts';
import { readPause } from '../integrations/pause-store.ts';
import type { Attention, Evidence, Waiting } from '../posts/post.ts';
import type { PostChange, PostFields } from '../posts/store.ts';
import type { CallRecord } from '../providers/content.ts';
import type { Publishing } from '../providers/provider.ts';
import { decideRow } from '../publishing/judge.ts';
import { foundAt } from '../publishing/settlements.ts';
import type { Services } from '../services.ts';
import {
  type Conclusion,
  conclude,
  gapMs,
  type Question,
  type ReconcileState,
} from './conclude.ts';
import { settleRevealed } from './revealed.ts';
import {
  changeUnknown,
  explainLookWaits,
  firstRecheckMs,
  loadRecheck,
  type Recheck,
  type UnknownAttempt,
  type UnknownChange,
  writeRecheck,
} from './store.ts';

/** Clocks and queues are what they are: a look this much of the interval after the one before is one of its own. */
const intervalShare = 0.9;

interface Case {
  readonly row: PublishRow;
  readonly unknown: UnknownAttempt;
  readonly provider: Publishing;
  readonly before: SentBefore;
  readonly known: EvidenceSummary;
  readonly intervalMs: number;
}

/**
 * One look for an unknown attempt, and what follows from it, written in one transaction. Resolves with what was
 * concluded. An account that cannot be asked now costs nothing: the look comes again.
 */
export function reconcile(
  services: Services,
  row: PublishRow,
  unknown: UnknownAttempt,
): Promise<string> {
  const provider = services.publishers.get(row.provider);
  if (provider === undefined) return Promise.resolve('nothing to look for');
  const { hiddenId } = unknown;
  return hiddenId === null
    ? reconcileOneStep(services, provider, { row, unknown })
    : settleRevealed(services, { row, provider, unknown: { ...unknown, hiddenId } });
}

/** Of an attempt whose one visible call had no known end: only the lists of the account can tell. */
async function reconcileOneStep(
  services: Services,
  provider: Publishing,
  { row, unknown }: Pick<Case, 'row' | 'unknown'>,
): Promise<string> {
  const before = sentBefore(row);
  if (before?.attemptId !== unknown.id || unknown.lookAt === null) return 'nothing to look for';
  const { intervalMs } = services.config.reconcile;
  const known = summarizeEvidence(unknown.evidence);
  const one: Case = { row, unknown, provider, before, known, intervalMs };
  const sought = { row, provider, attemptId: before.attemptId, sent: before };
  const result = await lookBooked(services, sought);
  if (result.looked !== null) return write(services, one, result.looked, result.calls);
  if (result.told === 'no calls left') await explainLookWaits(services.db, row.id, noCallsLeft);
  return result.told;
}

type LookResult =
  | { readonly looked: Looked; readonly calls: readonly CallRecord[] }
  | { readonly looked: null; readonly told: string };

/** One look with its calls booked, if the account may be asked now. */
async function lookBooked(
  services: Services,
  sought: Omit<Sought, 'account'>,
): Promise<LookResult> {
  const { row, provider } = sought;
  if ((await readPause(services, row)) !== null || !isAskable(row)) {
    return { looked: null, told: 'not now' };
  }
  const { callsPerHour: limit, lookCalls: calls } = provider;
  const budgetKey = budgetKeyOf(row);
  const booked = await bookLook(services.db, { budgetKey, calls, limit });
  if (booked === null) return { looked: null, told: 'no calls left' };
  const made: CallRecord[] = [];
  const beforeRead = beyond(calls, async () => {
    return (await bookLook(services.db, { budgetKey, calls: 1, limit })) !== null;
  });
  const context = callContext(services, row, (call) => {
    made.push(call);
  });
  try {
    const account = openAccount(row, services.vault, services.config);
    const looked = await lookFor(services, { ...sought, account }, { ...context, beforeRead });
    return { looked, calls: made };
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    await noteFailure(services, row, error, row.now);
    return { looked: null, told: error.record.key };
  } finally {
    // What went beyond was booked page by page.
    await correctBooking(services.db, booked, Math.min(made.length, calls));
  }
}

function isAskable({ integrationStatus, heldUntil, now, sealedToken }: PublishRow): boolean {
  const isHeld = heldUntil !== null && heldUntil > now;
  return integrationStatus === 'active' && sealedToken !== null && !isHeld;
}

async function write(
  services: Services,
  one: Case,
  looked: Looked,
  calls: readonly CallRecord[],
): Promise<string> {
  const standing = standingOf(services, one);
  const conclusion = conclude(looked.finding, standing);
  const told = {
    counts: standing.counts && looked.finding.kind === 'absent',
    conclusion: conclusion.kind,
  };
  const { unknown, row } = one;
  const change: UnknownChange = {
    attemptId: unknown.id,
    looksBefore: unknown.looks,
    looks: unknown.looks + (isWhole(looked) && standing.counts ? 1 : 0),
    evidence: lookEntry(looked, row.now, told),
    calls,
    ...endOf(one, looked, conclusion),
  };
  try {
    const isWritten = await changeUnknown(services.db, change);
    if (!isWritten) return 'overtaken';
  } catch (error) {
    // Another post of ours was bound to it at this very moment.
    if (isUniqueViolation(error)) return 'taken';
    throw error;
  }
  if (change.post.set.attention) {
    services.log.error(
      { postId: row.id, code: change.post.set.attention.reason },
      'a person is asked about a post',
    );
  }
  return conclusion.kind;
}

function standingOf({ config }: Services, one: Case): ReconcileState {
  const { unknown, row, provider, known, intervalMs } = one;
  const lastMs = (known.lookedAt ?? unknown.settledAt).getTime();
  return {
    looks: unknown.looks,
    proofs: known.proofs,
    looksNeeded: config.reconcile.looks,
    counts: row.now.getTime() - lastMs >= gapMs(unknown.looks, intervalMs) * intervalShare,
    resend: unknown.resend,
    asks: unknown.whenUnknown === 'ask',
    isRetryWished: known.isRetryWished,
    resends: unknown.resends,
    resendLimit: config.reconcile.resendLimit,
    isDuplicate: unknown.error?.class === 'duplicate',
    plan: decideRow(row, provider, row.now),
  };
}

function isWhole({ finding }: Looked): boolean {
  return finding.kind === 'absent' || finding.kind === 'unproven';
}

type End = Pick<UnknownChange, 'state' | 'lookInMs' | 'recheckInMs' | 'externalId' | 'post'>;

function endOf(one: Case, looked: Looked, conclusion: Conclusion): End {
  const { row, provider, before, intervalMs } = one;
  const done = { waiting: null, attention: null, error: null } as const;
  switch (conclusion.kind) {
    case 'look_again':
    case 'count': {
      const attention = isHopeless(one) ? cannotTell(one) : null;
      if (isGivenUp(one)) return open(one, null, { waiting: null, attention });
      const looks = one.unknown.looks + (conclusion.kind === 'count' ? 1 : 0);
      const lookInMs = gapMs(looks, intervalMs);
      const waiting = waitForLook(new Date(row.now.getTime() + lookInMs), one.unknown.resend);
      return open(one, lookInMs, { waiting, attention });
    }
    case 'ask':
      return open(one, null, { waiting: null, attention: ask(one, looked, conclusion.reason) });
    case 'bind': {
      const { listed } = conclusion;
      const found = foundAt({ row, provider, mode: before.mode }, listed, row.now);
      const post = changeOf(row, found.to, found.set);
      return { state: 'confirmed', lookInMs: null, externalId: listed.externalId, post };
    }
    case 'call_off':
      return closed(changeOf(row, 'cancelled', { ...done, nextRunAt: null }));
    case 'miss':
      return closed(
        changeOf(row, 'missed', {
          ...done,
          nextRunAt: null,
          attention: conclusion.plan.attention,
        }),
      );
    case 'send_again': {
      const { plan } = conclusion;
      const set =
        plan.kind === 'hold'
          ? { ...done, nextRunAt: plan.until, waiting: plan.waiting }
          : { ...done, nextRunAt: row.now };
      return { ...closed(changeOf(row, 'approved', set)), recheckInMs: firstRecheckMs };
    }
  }
}

function open({ row }: Case, lookInMs: number | null, set: PostFields): End {
  return { state: 'unknown', lookInMs, externalId: null, post: changeOf(row, 'unknown', set) };
}

function closed(post: PostChange): End {
  return { state: 'abandoned', lookInMs: null, externalId: null, post };
}

function changeOf(row: PublishRow, to: PostChange['to'], set: PostFields): PostChange {
  return { id: row.id, version: row.version, from: ['unknown'], to, set };
}

const noCallsLeft: Waiting = {
  reason: 'budget',
  until: null,
  text: 'The network may have created this post. The calls that this account may make in an hour are spent: it is looked for once there are some again.',
};

/** Looking goes on, but a person may know sooner. */
const patienceMs = 3_600_000;
/** And at last only a person can know. */
const longestMs = 24 * 3_600_000;

function isHopeless({ row, unknown }: Case): boolean {
  return row.now.getTime() - unknown.settledAt.getTime() > patienceMs;
}

function isGivenUp({ row, unknown }: Case): boolean {
  return row.now.getTime() - unknown.settledAt.getTime() > longestMs;
}

function cannotTell({ unknown }: Case): Attention {
  return {
    reason: 'unknown_outcome',
    since: unknown.settledAt.toISOString(),
    text: 'The network may have created this post: its answer was lost an hour ago, and no look at the page could tell since. It is still looked for.',
    who: 'author',
    evidence: [],
    choices: ['resolve_live', 'resolve_absent'],
  };
}

const questions: Readonly<Record<Question, string>> = {
  ambiguous:
    'The network may have created this post: its answer was lost, and what is on the page now may be it. Is one of them this post?',
  unprovable:
    'The network may have created this post: its answer was lost. No look at the page can tell',
  proven_absent:
    'The answer of the network was lost, and the post is not on the page. Nothing is sent again before a person says so.',
  resend_limit:
    'The answer of the network was lost each time it was sent, and the post is not on the page. It is not sent once more before a person says so.',
  said_duplicate:
    'The answer of the network was lost, and sent again it was refused as a duplicate: the network says that it is there, and does not show it. Is it on the page?',
};

function ask({ row }: Case, { finding }: Looked, reason: Question): Attention {
  const seen = evidenceOf(finding, row.now);
  const choices = ['resolve_live', 'resolve_absent'];
  const isOpen = reason === 'ambiguous' || reason === 'unprovable';
  const why = finding.kind === 'unproven' ? `: ${doubts[finding.doubt]} Is it there?` : '';
  return {
    reason,
    since: row.now.toISOString(),
    text: `${questions[reason]}${why}`,
    who: 'author',
    evidence: seen,
    choices: isOpen ? choices : [...choices, 'retry'],
  };
}

const doubts: Readonly<Record<Doubt, string>> = {
  not_shown_before:
    'its list has not shown a post of this kind of ours before, so that it proves nothing when it shows none.',
  forbidden: 'the connection may not read every list where it would be.',
  too_many: 'there are more posts than can be read back to the moment of the call.',
  unreadable: 'a post of that moment does not show what it consists of.',
};

/**
 * One more look for an attempt that was taken for absent and sent again: an effect that was later than the proof is a
 * second post, and a person is told of both. Nothing is deleted. Resolves with what was concluded.
 */
export async function recheck(
  services: Services,
  row: PublishRow,
  attemptId: string,
): Promise<string> {
  const provider = services.publishers.get(row.provider);
  const sent = await loadRecheck(services.db, attemptId);
  if (provider === undefined || sent === null) return 'nothing to look for';
  const result = await lookBooked(services, { row, provider, attemptId, sent });
  if (result.looked === null) return result.told;
  const { looked, calls } = result;
  if (looked.finding.kind === 'failed') return 'look again';
  const seen = evidenceOf(looked.finding, row.now);
  const conclusion = seen.length > 0 ? 'duplicate_found' : 'no_duplicate';
  await writeRecheck(services.db, attemptId, {
    evidence: lookEntry(looked, row.now, { counts: false, conclusion }),
    calls,
    post: seen.length > 0 ? tellOf(row, sent, looked, seen) : null,
  });
  return conclusion;
}

function tellOf(
  row: PublishRow,
  { externalId, publishUrl: url }: Recheck,
  { finding }: Looked,
  seen: readonly Evidence[],
): PostChange {
  const { id, version, status } = row;
  const own = { external_id: externalId, url, seen_at: row.now.toISOString() };
  const isSure = finding.kind === 'bound';
  const attention: Attention = {
    reason: 'duplicate_found',
    since: row.now.toISOString(),
    text: `The post ${isSure ? 'is' : 'may be'} on the page twice: its answer was lost, it was not to be seen and was sent again, and the first one came after all. Delete the one that is too many.`,
    who: 'author',
    evidence: [own, ...seen],
    choices: ['resolve_live'],
  };
  return { id, version, from: [status], to: status, set: { attention } };
}
