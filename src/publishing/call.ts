import type { CallRecord } from '../attempts/attempt.ts';
import { bookLook, correctBooking } from '../budgets/look-budget.ts';
import { keptForPublishing } from '../budgets/reads.ts';
import { PublishError } from '../errors.ts';
import { readFence } from '../fence/fence.ts';
import { readStanding, type Standing } from '../integrations/health-store.ts';
import { findPause } from '../pauses/pause.ts';
import { readPauses } from '../pauses/store.ts';
import type { Account, CallContext } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { openAccount, type Sealed } from './account.ts';
import { type Called, callContext, noteFailure } from './health.ts';
import { budgetKeyOf } from './judge.ts';
import { type Obstacle, obstacleIn } from './obstacle.ts';

/** An account to be called, as the row of whatever the call is for knows it. */
export type Callee = Called & Sealed;

export interface CallPlan {
  /** Booked before the first call; those that are not made are given back, and those made beyond are booked. */
  readonly calls: number;
  /** Somebody waits for an `urgent` one: the last calls of the hour are open to it. Others leave publishing its share. */
  readonly priority: 'urgent' | 'idle';
  /** What keeps others from calling, and not this one. */
  readonly despite?: readonly Obstacle['kind'][];
  /** Whether a refusal only answers what was asked, and says nothing about the account. */
  isAnswer?(failure: PublishError): boolean;
  /** Told of each call. */
  onCall?(call: CallRecord): void;
}

export type CallOutcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: PublishError }
  | { readonly kind: 'obstacle'; readonly obstacle: Obstacle }
  /** The calls of this hour are spent, or kept for what is more urgent. */
  | { readonly kind: 'no_budget' };

/**
 * The way to an account for everything but publishing: asks whether it may be called at all, books the calls, opens the
 * token, calls, hears what the answers say of budget and health, and gives back what was not called. A failure is noted
 * for the account or the app that it concerns. Throws only what is a defect.
 */
export async function withAccount<T>(
  services: Services,
  row: Callee,
  plan: CallPlan,
  call: (account: Account, context: CallContext) => Promise<T>,
): Promise<CallOutcome<T>> {
  const standing = await readStanding(services.db, row.integrationId);
  const obstacle = await findInTheWay(services, row, plan, standing);
  if (obstacle !== null) return { kind: 'obstacle', obstacle };
  const booked = await bookLook(services.db, wantedBy(services, row, plan));
  if (booked === null) return { kind: 'no_budget' };
  let made = 0;
  const callee = { ...row, isAiling: standing.isAiling };
  const context = callContext(services, callee, (record) => {
    made += 1;
    plan.onCall?.(record);
  });
  try {
    const account = openAccount(row, services.vault, services.config);
    return { kind: 'done', value: await call(account, context) };
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    if (plan.isAnswer?.(error) !== true) await noteFailure(services, row, error);
    return { kind: 'failed', error };
  } finally {
    await correctBooking(services.db, booked, made);
  }
}

async function findInTheWay(
  services: Services,
  row: Callee,
  { priority, despite = [] }: CallPlan,
  standing: Standing,
): Promise<Obstacle | null> {
  if (!despite.includes('fenced') && (await readFence(services)) !== null) return fenced;
  const found = obstacleIn(findPause(await readPauses(services.db), row), standing);
  if (found !== null && !despite.includes(found.kind)) return found;
  return priority === 'idle' && standing.isForPublishing ? nearlySpent : null;
}

const fenced: Obstacle = {
  kind: 'fenced',
  scope: null,
  text: 'Nothing is sent or read: the database or the place is not as it was.',
  endsInMs: null,
};
const nearlySpent: Obstacle = {
  kind: 'held',
  scope: null,
  text: 'What the network still allows this account is kept for publishing.',
  endsInMs: 20 * 60_000,
};

function wantedBy({ providers }: Services, row: Callee, { calls, priority }: CallPlan) {
  const limit = providers.get(row.provider)?.callsPerHour ?? 0;
  const leaves = priority === 'idle' ? keptForPublishing(limit) : 0;
  return { budgetKey: budgetKeyOf(row), calls, limit, leaves };
}
