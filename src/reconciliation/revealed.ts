import { type EvidenceSummary, type LookEntry, summarizeEvidence } from '../attempts/attempt.ts';
import type { PublishRow } from '../attempts/row.ts';
import { PublishError } from '../errors.ts';
import { type CallPlan, withAccount } from '../integrations/call.ts';
import { narrowWindow } from '../integrations/health-store.ts';
import { learn } from '../integrations/store.ts';
import { isTooYoung, refusedStep } from '../posts/plan.ts';
import type { Attention } from '../posts/post.ts';
import type { PostChange, PostFields } from '../posts/store.ts';
import type { Account, CallContext } from '../providers/account.ts';
import type { CapabilityName } from '../providers/capabilities.ts';
import type { CallRecord } from '../providers/content.ts';
import type { Publishing, RemotePost } from '../providers/provider.ts';
import { decideRow } from '../publishing/judge.ts';
import { waitForRead } from '../publishing/recovery.ts';
import { foundAt, isShown } from '../publishing/settlements.ts';
import type { Services } from '../services.ts';
import { changeUnknown, type UnknownAttempt, type UnknownChange } from './store.ts';

/** A read, the reveal once more, and what it says then. */
const callsOfSettling = 3;

/** A hidden post whose reveal had no answer. */
export interface Revealed {
  readonly row: PublishRow;
  readonly unknown: UnknownAttempt & { readonly hiddenId: string };
  readonly provider: Publishing;
}

interface Asking extends Revealed {
  readonly account: Account;
  readonly context: CallContext;
}

/**
 * The post itself says what became of it, and it is revealed again while it is hidden: no list is asked, and nothing is
 * made anew. Resolves with what was concluded. An account that cannot be asked now costs nothing: the look comes again.
 */
export async function settleRevealed(services: Services, one: Revealed): Promise<string> {
  const calls: CallRecord[] = [];
  const plan: CallPlan = {
    calls: callsOfSettling,
    priority: 'urgent',
    onCall: (call) => void calls.push(call),
  };
  const outcome = await withAccount(services, one.row, plan, (account, context) =>
    settle(services, { ...one, account, context }, calls),
  );
  switch (outcome.kind) {
    case 'done':
      return outcome.value;
    case 'failed':
      return outcome.error.record.key;
    case 'obstacle':
      return 'not now';
    case 'no_budget':
      return 'no calls left';
  }
}

type End = Pick<UnknownChange, 'state' | 'lookInMs' | 'externalId' | 'post'> & {
  readonly conclusion: string;
  readonly isMissing?: boolean;
};

async function settle(
  services: Services,
  one: Asking,
  calls: readonly CallRecord[],
): Promise<string> {
  const { row, unknown, provider, account, context } = one;
  const externalId = unknown.hiddenId;
  const post = await provider.read({ account, externalId }, context);
  const end = await conclude(services, one, post);
  const entry: LookEntry = {
    looked_at: row.now.toISOString(),
    complete: true,
    counts: end.isMissing ?? false,
    candidates: post === null ? [] : [{ ...seenOf(externalId, post), certain: true }],
    conclusion: end.conclusion,
  };
  const { conclusion, isMissing, ...change } = end;
  const isWritten = await changeUnknown(services.db, {
    ...change,
    attemptId: unknown.id,
    looksBefore: unknown.looks,
    looks: unknown.looks + (isMissing === true ? 1 : 0),
    evidence: entry,
    calls,
  });
  if (isWritten && change.post.set.attention) {
    const { reason } = change.post.set.attention;
    services.log.error({ postId: row.id, code: reason }, 'a person is asked about a post');
  }
  return isWritten ? conclusion : 'overtaken';
}

function seenOf(externalId: string, post: RemotePost) {
  return { external_id: externalId, url: post.permalink, is_published: post.isPublished };
}

async function conclude(services: Services, one: Asking, post: RemotePost | null): Promise<End> {
  if (post === null) return missing(services, one);
  if (isShown(post, one.unknown.mode, one.row)) return bind(one, post);
  const { row, unknown, provider } = one;
  if (!unknown.resend) return discard(changeOf(row, 'cancelled', done));
  const plan = decideRow(row, provider, row.now);
  if (plan.kind === 'missed') {
    return discard(changeOf(row, 'missed', { ...done, attention: plan.attention }));
  }
  // Read as hidden, and no longer to be shown this way: it is planned, and made, anew.
  const isStillMeant = plan.kind === 'go' && plan.mode === unknown.mode;
  const isAllowed = unknown.mode !== 'publish' || row.autoPublish;
  if (!isStillMeant || !isAllowed) return discard(changeOf(row, 'approved', done));
  return revealAgain(services, one, post);
}

const done = { waiting: null, attention: null, error: null, nextRunAt: null, preparedAt: null };

/** Made public by the call whose answer was lost, or by this one. */
function bind(one: Revealed, post: RemotePost): End {
  const { row, provider, unknown } = one;
  const { mode } = unknown;
  const externalId = unknown.hiddenId;
  // It was made before it was shown: its own time may be that of either.
  const { sentAt } = unknown;
  const createdAt = post.createdAt !== null && post.createdAt > sentAt ? post.createdAt : sentAt;
  const shown = { ...post, externalId, url: post.permalink, createdAt };
  const { to, set } = foundAt({ row, provider, mode }, shown, row.now);
  return {
    state: 'confirmed',
    lookInMs: null,
    externalId,
    post: changeOf(row, to, set),
    conclusion: 'bind',
  };
}

async function revealAgain(services: Services, one: Asking, post: RemotePost): Promise<End> {
  const { row, unknown, provider, account, context } = one;
  const { mode, hiddenId: externalId } = unknown;
  const scheduledAt = mode === 'schedule' ? row.scheduledAt : null;
  try {
    await provider.reveal({ account, externalId, scheduledAt }, context);
  } catch (error) {
    // Where nothing new is known the next look reads it again. What it says of the account is the caller's to tell.
    if (!(error instanceof PublishError && error.isProven)) throw error;
    return afterRefusal(services, one, error);
  }
  if (scheduledAt === null) {
    const shown = { ...post, isPublished: true, createdAt: new Date(row.now.getTime()) };
    return { ...bind(one, shown), conclusion: 'revealed' };
  }
  const seen = await provider.read({ account, externalId }, context);
  if (seen !== null && !isShown(seen, mode, row))
    return startOver(services, one, 'schedule_hidden');
  return { ...bind(one, seen ?? { ...post, scheduledAt }), conclusion: 'revealed' };
}

/** Refused for good: what the post says of itself counts, as the call before may have done it. */
async function afterRefusal(services: Services, one: Asking, error: PublishError): Promise<End> {
  const { row, unknown, provider, account, context } = one;
  const { record } = error;
  const refused = refusedStep(unknown.mode, record, row.capabilities);
  if (refused === null && !aboutPost.has(record.class)) throw error;
  const post = await provider.read({ account, externalId: unknown.hiddenId }, context);
  if (post === null) return missing(services, one);
  if (isShown(post, unknown.mode, row)) return bind(one, post);
  if (isTooYoung(record)) return missing(services, one);
  if (refused !== null) return startOver(services, one, refused);
  // Planned anew: it may be out of the window by now, or be held until it opens.
  if (record.class === 'not_ready') {
    if (record.key === 'facebook_schedule_window')
      await narrowWindow(services.db, row.integrationId);
    return discard(changeOf(row, 'approved', { ...done, error: record }));
  }
  return { ...discard(changeOf(row, 'failed', { ...done, error: record })), state: 'rejected' };
}

const aboutPost: ReadonlySet<string> = new Set(['invalid', 'duplicate', 'not_ready']);

/** This account does not do it in two steps: what is hidden is discarded, and the post goes out in one. */
async function startOver({ db }: Services, one: Asking, refused: CapabilityName): Promise<End> {
  const { row, unknown, provider, account, context } = one;
  await learn(db, row.integrationId, { [refused]: 'no' });
  // Before anything else is made of the post: what is hidden could be seen later, and must not be.
  await provider.delete({ account, externalId: unknown.hiddenId }, context);
  return discard(changeOf(one.row, 'approved', done));
}

/** Perhaps too young to be seen, perhaps deleted by a person: then only a person knows whether it was ever public. */
function missing(services: Services, one: Revealed): End {
  const { row, unknown } = one;
  const known: EvidenceSummary = summarizeEvidence(unknown.evidence);
  if (unknown.looks + 1 < services.config.reconcile.looks) {
    return { ...lookAgain(one, 'missing', services.config.reconcile.intervalMs), isMissing: true };
  }
  if (!unknown.resend) return { ...discard(changeOf(row, 'cancelled', done)), isMissing: true };
  if (known.isRetryWished) return { ...discard(changeOf(row, 'approved', done)), isMissing: true };
  const attention: Attention = {
    reason: 'hidden_post_missing',
    since: row.now.toISOString(),
    text: 'The post was made ready at the network, and the answer to showing it was lost. It is there no more: somebody may have deleted it, before or after it was seen. Nothing is sent again before a person says so.',
    who: 'author',
    evidence: [{ external_id: unknown.hiddenId, url: null, seen_at: row.now.toISOString() }],
    choices: ['resolve_live', 'resolve_absent', 'retry'],
  };
  const post = changeOf(row, 'unknown', { waiting: null, attention });
  return { ...open(post, null), conclusion: 'ask', isMissing: true };
}

function lookAgain(one: Revealed, conclusion: string, lookInMs: number): End {
  const { row, unknown } = one;
  const at = new Date(row.now.getTime() + lookInMs);
  const waiting = waitForRead(at, unknown.resend);
  return { ...open(changeOf(row, 'unknown', { waiting }), lookInMs), conclusion };
}

function open(post: PostChange, lookInMs: number | null): Omit<End, 'conclusion'> {
  return { state: 'unknown', lookInMs, externalId: null, post };
}

/** What is hidden is deleted by a later job; before anything new is made it is read once more. */
function discard(post: PostChange): End {
  return { state: 'abandoned', lookInMs: null, externalId: null, post, conclusion: post.to };
}

function changeOf(row: PublishRow, to: PostChange['to'], set: PostFields): PostChange {
  return { id: row.id, version: row.version, from: ['unknown'], to, set };
}
