import type { Config } from '../config/config.ts';
import { type ErrorRecord, PublishError } from '../errors.ts';
import { readFence } from '../fence/fence.ts';
import type { Account, CallContext, LoginName } from '../providers/account.ts';
import type { CallRecord } from '../providers/content.ts';
import type { Services } from '../services.ts';
import { openAccount, type Sealed } from './account.ts';
import { type App, noteAppTrouble, type TroubledApp } from './app-store.ts';
import { bookLook, budgetKeyOf, correctBooking, keptForPublishing } from './booking.ts';
import {
  endOutage,
  holdApp,
  holdIntegration,
  markTrouble,
  noteOutage,
  readStanding,
  type Standing,
} from './health-store.ts';
import { adviceFor, isHealedThere, troubleOf, waitingWhileHeld } from './integration.ts';
import { findPause, type Pausable, type Pause, type PauseScope, textOfPause } from './pause.ts';
import { readPause, readPauses } from './pause-store.ts';
import { usageBook } from './usage.ts';

/** An account to be called, as the row of whatever the call is for knows it. */
export type Callee = Called & Sealed;

export interface CallPlan {
  /**
   * Booked before the first call; those that are not made are given back, and those made beyond are booked. 0: the
   * provider counts none of them for the account.
   */
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
  const isFree = plan.calls === 0;
  const booked = isFree ? null : await bookLook(services.db, wantedBy(services, row, plan));
  if (booked === null && !isFree) return { kind: 'no_budget' };
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
    if (booked !== null) await correctBooking(services.db, booked, made);
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

/** Why an account may not be called now. */
interface Obstacle {
  /** `person`: it is not active, and somebody must act before it is. */
  readonly kind: 'fenced' | 'paused' | 'held' | 'person';
  /** Of the pause that holds it; null: none does. */
  readonly scope: PauseScope | null;
  /** For people: what it is, and what ends it. */
  readonly text: string;
  /** When it ends by itself; null: somebody must act. */
  readonly endsInMs: number | null;
}

/**
 * What keeps an account from being called for somebody who waits for the answer; null: nothing does. Background jobs
 * need not ask: their claims pass such accounts over.
 */
export async function findObstacle(
  services: Pick<Services, 'db'>,
  account: Pausable,
): Promise<Obstacle | null> {
  const pause = await readPause(services, account);
  return obstacleIn(pause, await readStanding(services.db, account.integrationId));
}

/** The same of what is read already. */
function obstacleIn(pause: Pause | null, standing: Standing): Obstacle | null {
  if (pause !== null) {
    return { kind: 'paused', scope: pause.scope, text: textOfPause(pause), endsInMs: null };
  }
  const { heldMs, heldFor, ...health } = standing;
  const advice = adviceFor(health);
  if (advice !== null) {
    const text = `The account is not active and waits for a person: ${advice}`;
    return { kind: 'person', scope: null, text, endsInMs: null };
  }
  if (heldMs === null) return null;
  return { kind: 'held', scope: null, text: waitingWhileHeld(heldFor).text, endsInMs: heldMs };
}

/** Whose call it was. */
interface Called {
  readonly provider: string;
  readonly tenantId: string;
  readonly integrationId: string;
  readonly login: LoginName;
  readonly appId: string;
  /** The provider has not answered its last calls, where that was read. */
  readonly isAiling?: boolean;
}

const fullWaitMs = 300_000;

/** What a call for an integration is given: it counts the call, and hears how its provider answers. */
export function callContext(
  services: Pick<Services, 'db' | 'log'>,
  called: Pick<Called, 'integrationId' | 'isAiling'>,
  onCall: (call: CallRecord) => void,
): CallContext {
  return { onCall, ...listeners(services, called) };
}

/** How full the provider's budget is, and that it answers again where it did not. */
export function listeners(
  services: Pick<Services, 'db' | 'log'>,
  { integrationId, isAiling = false }: Pick<Called, 'integrationId' | 'isAiling'>,
): Required<Pick<CallContext, 'onUsage' | 'onAnswer'>> {
  let mayEnd = isAiling;
  return {
    onUsage: usageBook(services).listener(integrationId),
    onAnswer() {
      if (!mayEnd) return;
      mayEnd = false;
      endOutage(services.db, integrationId).catch((error: unknown) => {
        mayEnd = true;
        services.log.warn({ err: error, integrationId }, 'end of an outage not written');
      });
    },
  };
}

/**
 * What a failed call says about its account or app, whatever the call was for: a limit holds it, trouble of the app
 * holds all accounts of the app, a dead or blocked account leaves `active`, an outage makes its posts go one at a time.
 * What is about the post says nothing. `now` is the database's clock.
 */
export async function noteFailure(
  services: Pick<Services, 'db' | 'config' | 'log'>,
  called: Called,
  failure: PublishError,
  now = new Date(),
): Promise<void> {
  const { record, scope } = failure;
  if (record.class === 'rate_limited') return noteLimit(services, called, failure, now);
  switch (scope) {
    case 'post':
      return;
    case 'provider':
      return outage(services, called);
    case 'app':
      return appTrouble(services, called, record);
    case 'account':
      return accountTrouble(services, called, record);
  }
}

async function noteLimit(
  { db, config, log }: Pick<Services, 'db' | 'config' | 'log'>,
  called: Called,
  { scope, retryAfterMs }: PublishError,
  now: Date,
): Promise<void> {
  const until = new Date(now.getTime() + (retryAfterMs ?? fullWaitMs));
  if (scope !== 'app') return holdIntegration(db, called.integrationId, until);
  const app = appOfCalled(called, config);
  log.warn({ appId: called.appId, until }, 'the app has reached its limit: its accounts wait');
  return holdApp(db, app, until);
}

async function outage(
  { db, log }: Pick<Services, 'db' | 'log'>,
  { integrationId }: Called,
): Promise<void> {
  if (!(await noteOutage(db, integrationId))) return;
  log.info({ integrationId }, 'the network does not answer for the account: it is held and tried');
}

/** One message, however many posts run into it. */
async function appTrouble(
  { db, config, log }: Pick<Services, 'db' | 'config' | 'log'>,
  called: Called,
  record: ErrorRecord,
): Promise<void> {
  const { provider, integrationId, appId } = called;
  const app = appOfCalled(called, config);
  const what = await db.transaction((tx) => noteAppTrouble(tx, integrationId, app, record));
  const told = { provider, appId, code: record.key, action: record.action, err: record.message };
  if (what === 'new') {
    log.error(told, 'the app is refused: all of its accounts wait for the operator');
  } else if (what === 'own') {
    log.warn({ ...told, integrationId }, 'the app is refused for one account only: it waits');
  }
}

async function accountTrouble(
  { db, log }: Pick<Services, 'db' | 'log'>,
  { integrationId }: Called,
  record: ErrorRecord,
): Promise<void> {
  const status = troubleOf(record);
  if (status === null) return;
  const isProbed = isHealedThere(record);
  const isNew = await db.transaction((tx) =>
    markTrouble(tx, integrationId, { status, error: record, isProbed }),
  );
  if (isNew) {
    log.warn({ integrationId, status, code: record.key }, 'account waits for a person');
  }
}

/**
 * Which accounts share what is found out of an app. That a token is of the operator's app is proven only at Facebook,
 * and with its secret: of Instagram's own login nobody can ask, and which app is a tenant's own is the tenant's word.
 * What one tenant runs into there concerns no other.
 */
function appOfCalled({ provider, login, appId, tenantId }: Called, config: Config): App {
  const isShared = appId === '' && login === 'facebook' && config.meta.appSecret !== undefined;
  return appAt({ provider, login, appId, tenantId: isShared ? '' : tenantId }, config);
}

/** The operator's own app is known by the empty id, and rows may have its own id too. */
export function appAt({ appId, ...app }: TroubledApp, { meta, instagram }: Config): App {
  const ours = app.login === 'instagram' ? instagram.appId : meta.appId;
  return { ...app, appIds: appId === '' && ours !== undefined ? ['', ours] : [appId] };
}
