import type { Beginning } from '../attempts/begin-store.ts';
import { sendWithinMs } from '../attempts/send-store.ts';
import type { Settlement } from '../attempts/settle-store.ts';
import { AppError, type ErrorRecord, PublishError } from '../errors.ts';
import { narrowWindow } from '../integrations/health-store.ts';
import type { Logger } from '../log.ts';
import type { Recovery } from '../posts/recovery.ts';
import type { Services } from '../services.ts';
import { openAccount } from './account.ts';
import { ownFailure, toPublishError, toSendError } from './errors.ts';
import { noteFailure } from './health.ts';
import { observeLateness } from './lateness.ts';
import { lookIncomplete } from './look.ts';
import { confirmed, failed, isWindowRefusal, type OpenAttempt } from './outcome.ts';
import type { Pipeline } from './pipeline.ts';
import { type Prepared, prepare } from './prepare.ts';
import { settleDurably } from './settle.ts';
import { callsOf, whileLeased } from './stage.ts';

export interface PublishServices extends Services {
  readonly pipeline: Pipeline;
}

type Ready = Extract<Prepared, { kind: 'ready' }>;

/** Takes an open attempt to its end. Throws only what the admins should see as a failed job. */
export async function runAttempt(
  services: PublishServices,
  attempt: OpenAttempt,
  beginning: Beginning,
  context: { readonly beganAt: number; readonly job: { readonly logger: Logger } },
): Promise<void> {
  let isSent = beginning.sends;
  try {
    const ready = beginning.sends
      ? openedAsSent(services, attempt, beginning, context.beganAt)
      : await prepareOrStop(services, attempt, beginning);
    if (ready === null) return;
    isSent = true;
    await send(services, attempt, beginning, ready);
    context.job.logger.info({ postId: attempt.row.id }, 'post published');
  } catch (error) {
    if (error instanceof AppError && error.code === 'settle_failed') throw error;
    const failure = isSent ? toSendError(error) : toPublishError(error);
    const { to } = await settleFailure(services, attempt, failure, isSent);
    const { key, class: errorClass } = failure.record;
    context.job.logger.warn(
      { postId: attempt.row.id, code: key, class: errorClass, to },
      'post not published',
    );
    if (to === 'failed') throw jobFailure(failure.record);
  }
}

function openedAsSent(
  services: PublishServices,
  attempt: OpenAttempt,
  beginning: Beginning,
  beganAt: number,
): Ready {
  try {
    const account = openAccount(attempt.row, services.vault, services.config);
    return { kind: 'ready', account, staged: beginning.staged, beganAt };
  } catch (error) {
    // Sent by the ledger's word only: no call was begun.
    throw toPublishError(error);
  }
}

async function prepareOrStop(
  services: PublishServices,
  attempt: OpenAttempt,
  beginning: Beginning,
): Promise<Ready | null> {
  const prepared = await whileLeased(services.db, attempt, services.config.leaseMs, () =>
    prepare(services, attempt, beginning),
  );
  if (prepared.kind === 'ready') return prepared;
  if (prepared.settlement !== null) await settleUnsent(services, prepared.settlement);
  return null;
}

/** What its look found may have been bound to another post in between: then it looks again. */
async function settleUnsent(services: PublishServices, settlement: Settlement): Promise<void> {
  try {
    await settleDurably(services, settlement);
  } catch (error) {
    throw error instanceof PublishError ? lookIncomplete() : error;
  }
}

/** The one visible call, at most once, within five seconds of beginning the commit or not at all. */
async function send(
  services: PublishServices,
  attempt: OpenAttempt,
  beginning: Beginning,
  { account, staged, beganAt }: Ready,
): Promise<void> {
  if (performance.now() - beganAt > sendWithinMs) {
    const text = 'The worker was too slow to call after it had committed to; nothing was sent.';
    throw new PublishError(ownFailure('retry', 'not_sent_in_time', text));
  }
  const { content, mode, scheduledAt } = beginning;
  const published = await attempt.provider.publish(
    { account, content, staged, mode, scheduledAt },
    { ...callsOf(attempt), startBefore: beganAt + sendWithinMs },
  );
  const settlement = confirmed(attempt, published.externalId);
  if (!(await settleDurably(services, settlement))) return tellTooLate(services, settlement);
  const { latenessMs } = settlement.post.set;
  if (typeof latenessMs === 'number') observeLateness(attempt.row.provider, latenessMs);
}

/** Others settled the attempt meanwhile, and another one may be open: only a person can put this right. */
function tellTooLate({ log }: PublishServices, { post, externalId }: Settlement): void {
  const text = 'the network confirmed an attempt that had been settled otherwise: look at the page';
  log.error({ postId: post.id, externalId, code: 'confirmed_too_late' }, text);
}

async function settleFailure(
  services: PublishServices,
  attempt: OpenAttempt,
  error: PublishError,
  isSent: boolean,
): Promise<Recovery> {
  const { settlement, recovery } = failed(attempt, error, {
    sent: isSent,
    lookAfterMs: services.config.reconcile.intervalMs,
  });
  // First the integration, so that nothing else of it is claimed; but knowing the outcome matters more.
  await tellIntegration(services, attempt, error, isSent).catch((cause: unknown) => {
    services.log.warn(
      { err: cause, integrationId: attempt.row.integrationId },
      'integration not told',
    );
  });
  await settleDurably(services, settlement);
  return recovery;
}

async function tellIntegration(
  services: PublishServices,
  attempt: OpenAttempt,
  error: PublishError,
  isSent: boolean,
): Promise<void> {
  const { integrationId } = attempt.row;
  if (isWindowRefusal(attempt, error, isSent)) await narrowWindow(services.db, integrationId);
  await noteFailure(services, attempt.row, error, attempt.now());
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
