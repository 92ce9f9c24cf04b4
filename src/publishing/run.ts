import { setTimeout as delay } from 'node:timers/promises';
import { readHiddenAfterMs } from '../attempts/attempt.ts';
import type { AttemptRequest } from '../attempts/begin-store.ts';
import { earlierHidden, sentBefore } from '../attempts/row.ts';
import { lookIncomplete } from '../attempts/search.ts';
import {
  isUniqueViolation,
  markSent,
  type Settlement,
  saveOrphan,
  saveStaged,
  sendWithinMs,
} from '../attempts/settle-store.ts';
import {
  AppError,
  type ErrorRecord,
  ownFailure,
  PublishError,
  toPublishError,
  toSendError,
} from '../errors.ts';
import { openAccount } from '../integrations/account.ts';
import { reserveMore } from '../integrations/booking.ts';
import { noteFailure } from '../integrations/call.ts';
import { narrowWindow } from '../integrations/health-store.ts';
import { textOfPause } from '../integrations/pause.ts';
import { readPause } from '../integrations/pause-store.ts';
import { learn } from '../integrations/store.ts';
import type { Logger } from '../log.ts';
import { isTooYoung, refusedStep, stayingHidden } from '../posts/plan.ts';
import { renewLease } from '../posts/store.ts';
import type { Account } from '../providers/account.ts';
import { capabilityOf } from '../providers/capabilities.ts';
import type { StagedMedium } from '../providers/content.ts';
import type { Services } from '../services.ts';
import { decideRow } from './judge.ts';
import {
  callsOf,
  isThere,
  lookForEarlier,
  type OpenAttempt,
  observeLateness,
} from './open-attempt.ts';
import type { Pipeline } from './pipeline.ts';
import {
  confirmed,
  failed,
  foundEarlier,
  foundRevealed,
  gone,
  isShown,
  isWindowRefusal,
  missed,
  prepared,
  rest,
  startOver,
  waitForEqual,
} from './settlements.ts';

export interface PublishServices extends Services {
  readonly pipeline: Pipeline;
}

interface Work {
  readonly services: PublishServices;
  readonly attempt: OpenAttempt;
  readonly beginning: AttemptRequest;
  readonly account: Account;
}

/** How it ends without a visible call; null: it is no longer this worker's to settle. */
type Stop = { readonly settlement: Settlement | null };

/** Committed as sent. */
interface Ready {
  /** When the commit began, by the monotonic clock. */
  readonly beganAt: number;
  readonly staged: readonly StagedMedium[];
}

/**
 * Takes an open attempt to its end: find what an earlier one made, stage, create hidden, commit `sent`, reveal (or
 * publish in one step), settle. Throws only what the admins should see as a failed job.
 */
export async function runAttempt(
  services: PublishServices,
  attempt: OpenAttempt,
  beginning: AttemptRequest,
  context: { readonly beganAt: number; readonly job: { readonly logger: Logger } },
): Promise<void> {
  let isSent = beginning.opens === 'sends';
  try {
    const account = openToSend(services, attempt);
    const work: Work = { services, attempt, beginning, account };
    const opened: Ready = { beganAt: context.beganAt, staged: beginning.staged };
    const ready = isSent ? opened : await whileLeased(work, () => prepare(work));
    if ('settlement' in ready) return await settleStopped(work, ready);
    isSent = true;
    await send(work, ready);
    context.job.logger.info({ postId: attempt.row.id, mode: beginning.mode }, 'post sent');
  } catch (error) {
    if (error instanceof AppError && error.code === 'settle_failed') throw error;
    const failure = isSent ? toSendError(error) : toPublishError(error);
    await settleFailure(services, { attempt, failure, isSent, logger: context.job.logger });
  }
}

/** Opened as sent by the ledger's word only: where the token does not open, no call was begun. */
function openToSend(services: Services, attempt: OpenAttempt): Account {
  try {
    return openAccount(attempt.row, services.vault, services.config);
  } catch (error) {
    throw toPublishError(error);
  }
}

/** Everything before the visible call. Throws what the provider throws. */
async function prepare(work: Work): Promise<Stop | Ready> {
  const found = (await findEarlier(work)) ?? (await findRevealed(work));
  if (found !== null) return { settlement: found };
  const staged = await stageMedia(work);
  if (staged === null) return { settlement: null };
  const notNow = (await restIfPaused(work)) ?? judgeAgain(work);
  if (notNow !== null) return { settlement: notNow };
  if (work.attempt.inTwoSteps && work.attempt.hiddenId === null) {
    if (!(await createHidden(work, staged))) return { settlement: null };
    if (await isSeenAtOnce(work)) return commitSent(work, staged);
    const later = restUntilDue(work) ?? (await restIfPaused(work)) ?? judgeAgain(work);
    if (later !== null) return { settlement: later };
  }
  return commitSent(work, staged);
}

/** The look that must come before an attempt which follows one that was sent in one step. */
async function findEarlier({ services, attempt, account }: Work): Promise<Settlement | null> {
  const before = sentBefore(attempt.row);
  if (before === null) return null;
  const looked = await lookForEarlier(services, attempt, account, before);
  return isThere(looked, before) ? foundEarlier(attempt, before, looked) : null;
}

/** Before anything new is made: what an earlier attempt was told that it could not reveal is read by its id. */
async function findRevealed({ attempt, account }: Work): Promise<Settlement | null> {
  for (const earlier of earlierHidden(attempt.row)) {
    const { hiddenId: externalId } = earlier;
    const post = await attempt.provider.read({ account, externalId }, callsOf(attempt));
    if (post?.isPublished === true) return foundRevealed(attempt, earlier, post);
  }
  return null;
}

/**
 * Puts what is missing of a post's media at the provider, one by one and each saved before the next call, so that an
 * interrupted attempt goes on where it stopped. All of the media or none of the post. Null: the attempt was taken from
 * this worker meanwhile.
 */
async function stageMedia(work: Work): Promise<readonly StagedMedium[] | null> {
  const { services, attempt, beginning, account } = work;
  const { mode } = attempt.decision;
  const staged = [...beginning.staged];
  // The calls of a look are saved before others follow.
  let isSaved = attempt.calls.length === attempt.booked;
  const save = () =>
    saveStaged(services.db, attempt, { staged, calls: attempt.calls, creates: false });
  for (const [index, medium] of beginning.content.media.entries()) {
    if (staged.some((done) => done.index === index)) continue;
    if (!isSaved && !(await save())) return null;
    staged.push(await attempt.provider.stage({ account, medium, index, mode }, callsOf(attempt)));
    isSaved = false;
  }
  if (!isSaved && !(await save())) return null;
  return staged.toSorted((a, b) => a.index - b.index);
}

/** Staging takes its time: lateness and window are judged again, with a fresh clock. */
function judgeAgain({ attempt }: Work): Settlement | null {
  const decision = decideRow(attempt.row, attempt.provider, attempt.now());
  switch (decision.kind) {
    case 'missed':
      return missed(attempt, decision.attention);
    case 'hold':
      return rest(attempt, decision.until, decision.waiting);
    case 'go':
      return decision.mode === attempt.decision.mode ? null : rest(attempt, attempt.now(), null);
  }
}

/** A pause that came while it was prepared. */
async function restIfPaused({ services, attempt }: Work): Promise<Settlement | null> {
  const pause = await readPause(services, attempt.row);
  if (pause === null) return null;
  const waiting = { reason: 'paused', until: null, text: textOfPause(pause) } as const;
  return rest(attempt, attempt.now(), waiting);
}

function restUntilDue({ attempt }: Work): Settlement | null {
  const { revealAt } = attempt.decision;
  return revealAt !== null && revealAt > attempt.now() ? prepared(attempt, revealAt) : null;
}

/** False: the attempt is no longer this worker's, and nothing was made. */
async function createHidden(work: Work, staged: readonly StagedMedium[]): Promise<boolean> {
  const { services, attempt, beginning, account } = work;
  if (beginning.opens !== 'creates') {
    const { calls } = attempt;
    if (!(await saveStaged(services.db, attempt, { staged, calls, creates: true }))) return false;
  }
  const { content } = beginning;
  try {
    const made = await attempt.provider.create({ account, content, staged }, callsOf(attempt));
    attempt.hiddenId = made.externalId;
    return true;
  } catch (error) {
    attempt.isOrphaned = !(error instanceof PublishError && error.isProven);
    throw error;
  }
}

/**
 * The first time that an account makes such a post hidden it is read whether it is, if the hour has a call for it. True:
 * people see it already, so that there is nothing to wait for, and later ones go out in one step.
 */
async function isSeenAtOnce({ services, attempt, account, beginning }: Work): Promise<boolean> {
  const { id: attemptId, row, provider, budgetKey, hiddenId } = attempt;
  const name = stayingHidden(beginning.content);
  if (hiddenId === null || capabilityOf(row.capabilities, name) !== 'unknown') return false;
  const wanted = { attemptId, budgetKey, limit: provider.callsPerHour };
  if (!(await reserveMore(services.db, wanted))) return false;
  const request = { account, externalId: hiddenId };
  const post = await provider.read(request, callsOf(attempt)).catch((error: unknown) => {
    if (error instanceof PublishError) return null;
    throw error;
  });
  if (post === null) return false;
  await learn(services.db, row.integrationId, { [name]: post.isPublished ? 'no' : 'yes' });
  if (post.isPublished) {
    const text = 'what was to be hidden is public on this account: it gets its posts in one step';
    services.log.error({ postId: row.id, integrationId: row.integrationId, code: name }, text);
  }
  return post.isPublished;
}

async function commitSent(work: Work, staged: Ready['staged']): Promise<Stop | Ready> {
  const { services, attempt } = work;
  const beganAt = performance.now();
  const { id, run, row, hiddenId } = attempt;
  const sending = { id, run, postId: row.id, version: row.version, hiddenId };
  switch (await markSent(services.db, sending, services.config.graph.timeoutMs)) {
    case 'sent':
      return { beganAt, staged };
    case 'gone':
      return { settlement: gone(attempt) };
    case 'equal_in_flight': {
      const { nextRunAt, waiting } = waitForEqual(attempt.now());
      return { settlement: rest(attempt, nextRunAt, waiting) };
    }
  }
}

/** Within five seconds of beginning the commit or not at all. */
async function send(work: Work, { beganAt, staged }: Ready): Promise<void> {
  const { services, attempt, account, beginning } = work;
  if (performance.now() - beganAt > sendWithinMs) {
    const text = 'The worker was too slow to call after it had committed to; nothing was sent.';
    throw new PublishError(ownFailure('retry', 'not_sent_in_time', text));
  }
  const { content, mode, scheduledAt } = beginning;
  const context = { ...callsOf(attempt), startBefore: beganAt + sendWithinMs };
  if (attempt.hiddenId !== null) {
    const end = await reveal(work, attempt.hiddenId, context.startBefore);
    await settle(services, attempt, end);
    return;
  }
  const sent = { account, content, staged, mode, scheduledAt };
  const { externalId } = await attempt.provider.publish(sent, context);
  await settle(services, attempt, confirmed(attempt, externalId));
}

const againAfterMs = 500;

/**
 * Shows the hidden post. An answer that was lost costs nothing: it is asked for once more at once, as long as this
 * attempt may call; what then is not known is settled by reading the post.
 */
async function reveal(work: Work, externalId: string, startBefore: number): Promise<Settlement> {
  const { attempt, account, beginning } = work;
  const context = { ...callsOf(attempt), startBefore };
  const request = { account, externalId, scheduledAt: beginning.scheduledAt };
  try {
    await attempt.provider.reveal(request, context);
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    if (error.isProven) return afterRefusal(work, externalId, error);
    if (performance.now() + againAfterMs > startBefore) throw error;
    await delay(againAfterMs);
    await attempt.provider.reveal(request, context).catch((again: unknown) => {
      // What it refuses now, the first may have done.
      throw again instanceof PublishError && again.isProven ? error : again;
    });
  }
  return (await wasIgnored(work, externalId))
    ? startOver(attempt, ownFailure('retry', 'schedule_ignored', scheduleIgnored))
    : confirmed(attempt, externalId);
}

const scheduleIgnored =
  'The network said that the hidden post has its time, and does not show it: it is made anew, in one step.';

/** The first time that an account is asked to schedule a hidden post, it is read back whether it did. */
async function wasIgnored(work: Work, externalId: string): Promise<boolean> {
  const { attempt, account, services } = work;
  const { row, decision } = attempt;
  if (decision.mode !== 'schedule') return false;
  if (capabilityOf(row.capabilities, 'schedule_hidden') === 'yes') return false;
  const post = await attempt.provider.read({ account, externalId }, callsOf(attempt));
  const isTaken = post === null || isShown(post, attempt.decision.mode, attempt.row);
  if (post !== null) {
    await learn(services.db, row.integrationId, { schedule_hidden: isTaken ? 'yes' : 'no' });
  }
  if (!isTaken) await discard(work, externalId);
  return !isTaken;
}

/** Before anything else is made of the post: what is hidden could not be seen later, but must not be. */
async function discard({ attempt, account }: Work, externalId: string): Promise<void> {
  await attempt.provider.delete({ account, externalId }, callsOf(attempt));
  attempt.hiddenId = null;
}

/**
 * Refused for good: because it is public already, or is gone, or because this network does not do it in two steps. The
 * post itself says which.
 */
async function afterRefusal(
  work: Work,
  externalId: string,
  error: PublishError,
): Promise<Settlement> {
  const { attempt, account, services } = work;
  const { row, decision } = attempt;
  const { class: errorClass } = error.record;
  const refused = refusedStep(decision.mode, error.record, row.capabilities);
  if (refused === null && errorClass !== 'invalid' && errorClass !== 'duplicate') throw error;
  const post = await attempt.provider.read({ account, externalId }, callsOf(attempt));
  if (post === null) throw hiddenMissing(error);
  if (isShown(post, decision.mode, row)) return confirmed(attempt, externalId);
  if (isTooYoung(error.record)) throw hiddenMissing(error);
  if (refused === null) throw error;
  await learn(services.db, row.integrationId, { [refused]: 'no' });
  await discard(work, externalId);
  return startOver(attempt, error.record);
}

/** Perhaps too young to be seen, perhaps deleted by a person: read again later, and then a person is asked. */
function hiddenMissing({ record }: PublishError): PublishError {
  return new PublishError({ ...record, class: 'retry', retryable: true }, { isProven: false });
}

/** What its look found may have been bound to another post in between: then it looks again. */
async function settleStopped({ services, attempt }: Work, { settlement }: Stop): Promise<void> {
  if (settlement === null) {
    if (attempt.hiddenId !== null) await saveOrphan(services.db, attempt.id, attempt.hiddenId);
    return;
  }
  await settle(services, attempt, settlement).catch((error: unknown) => {
    throw error instanceof PublishError ? lookIncomplete() : error;
  });
}

async function settle(
  services: PublishServices,
  attempt: OpenAttempt,
  settlement: Settlement,
): Promise<void> {
  const isOurs = await settleDurably(services, settlement);
  const { state, post, externalId } = settlement;
  if (isOurs) {
    const { latenessMs } = post.set;
    if (typeof latenessMs === 'number') observeLateness(attempt.row.provider, latenessMs);
    return;
  }
  if (state !== 'confirmed') {
    if (attempt.hiddenId !== null) await saveOrphan(services.db, attempt.id, attempt.hiddenId);
    return;
  }
  // Others settled the attempt meanwhile, and another one may be open: only a person can put this right.
  const text = 'the network confirmed an attempt that had been settled otherwise: look at the page';
  services.log.error({ postId: post.id, externalId, code: 'confirmed_too_late' }, text);
}

const giveUpAfterMs = 600_000;

/**
 * Writes what was learned about an attempt, through an outage of the database if need be: an answer of the provider
 * that is lost here must be looked for. Gives up after ten minutes, when others have long called it unknown. False: the
 * attempt was settled by somebody else.
 */
async function settleDurably(services: PublishServices, settlement: Settlement): Promise<boolean> {
  const startedAt = performance.now();
  for (let waitMs = 200; ; waitMs = Math.min(waitMs * 2, 10_000)) {
    try {
      return await services.pipeline.settle(settlement);
    } catch (error) {
      if (isUniqueViolation(error)) throw takenExternalId(error);
      if (performance.now() - startedAt > giveUpAfterMs) {
        throw new AppError('settle_failed', 'The outcome could not be written', { cause: error });
      }
      services.log.warn({ err: error, postId: settlement.post.id }, 'outcome not written yet');
      await delay(waitMs);
    }
  }
}

/** Meta named a post that is another row's: then we do not know what happened to ours. */
function takenExternalId(cause: unknown): PublishError {
  const text = 'The network answered with the id of another post of ours.';
  return new PublishError(ownFailure('unknown_outcome', 'external_id_taken', text), { cause });
}

interface Failing {
  readonly attempt: OpenAttempt;
  readonly failure: PublishError;
  readonly isSent: boolean;
  readonly logger: Logger;
}

async function settleFailure(services: PublishServices, failing: Failing): Promise<void> {
  const { attempt, failure, isSent, logger } = failing;
  const { intervalMs } = services.config.reconcile;
  const isHidden = attempt.hiddenId !== null;
  const lookAfterMs = isHidden ? Math.min(readHiddenAfterMs, intervalMs) : intervalMs;
  const { settlement, recovery } = failed(attempt, failure, { sent: isSent, lookAfterMs });
  // First the integration, so that nothing else of it is claimed; but knowing the outcome matters more.
  await tellIntegration(services, failing).catch((cause: unknown) => {
    const { integrationId } = attempt.row;
    services.log.warn({ err: cause, integrationId }, 'integration not told');
  });
  await settle(services, attempt, settlement);
  const { key, class: errorClass } = failure.record;
  const fields = { postId: attempt.row.id, code: key, class: errorClass, to: recovery.to };
  logger.warn(fields, 'post not published');
  if (recovery.to === 'failed') throw jobFailure(failure.record);
}

async function tellIntegration(
  services: PublishServices,
  { attempt, failure, isSent }: Failing,
): Promise<void> {
  const { integrationId } = attempt.row;
  if (isWindowRefusal(attempt, failure, isSent)) await narrowWindow(services.db, integrationId);
  await noteFailure(services, attempt.row, failure, attempt.now());
}

/** Renews the lease while `work` is under way. A lease that is lost shows when the attempt is to be marked as sent. */
async function whileLeased<T>({ services, attempt }: Work, work: () => Promise<T>): Promise<T> {
  const { leaseMs } = services.config;
  const renewal = setInterval(() => {
    const post = { id: attempt.row.id, run: attempt.run };
    renewLease(services.db, post, leaseMs).catch(() => undefined);
  }, leaseMs / 3);
  try {
    return await work();
  } finally {
    clearInterval(renewal);
  }
}

/**
 * A job of a post that goes on by itself has done its work; one that needs a person shows as failed. Where in our code
 * an expected refusal was met helps nobody, and would hide the reason.
 */
export function jobFailure(record: ErrorRecord): AppError {
  const failure = new AppError(record.key, `${record.class}: ${record.message} → ${record.action}`);
  if (record.class !== 'internal') delete failure.stack;
  return failure;
}
