import type { CallRecord } from '../attempts/attempt.ts';
import type { ErrorClass, ErrorRecord, PublishError } from '../errors.ts';
import { type App, noteAppTrouble } from '../integrations/app-store.ts';
import {
  endOutage,
  holdApp,
  holdIntegration,
  markTrouble,
  noteOutage,
} from '../integrations/health-store.ts';
import type { IntegrationTrouble } from '../integrations/integration.ts';
import { usageBook } from '../integrations/usage-book.ts';
import type { CallContext } from '../providers/provider.ts';
import type { Services } from '../services.ts';

/** Whose call it was. */
export interface Called {
  readonly provider: string;
  readonly integrationId: string;
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
  { integrationId, appId }: Called,
  { scope, retryAfterMs }: PublishError,
  now: Date,
): Promise<void> {
  const until = new Date(now.getTime() + (retryAfterMs ?? fullWaitMs));
  if (scope !== 'app') return holdIntegration(db, integrationId, until);
  log.warn({ appId, until }, 'the app has reached its limit: its accounts wait');
  return holdApp(db, sameApp(appId, config.meta.appId), until);
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
  { provider, integrationId, appId }: Called,
  record: ErrorRecord,
): Promise<void> {
  const app = appAt(provider, appId, config.meta.appId);
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

/** The state that an error moves its integration to; null: it stays. */
export function troubleOf(record: ErrorRecord): IntegrationTrouble | null {
  return troubles[record.class] ?? null;
}

const troubles: Partial<Record<ErrorClass, IntegrationTrouble>> = {
  reauth: 'needs_reconnect',
  permission: 'needs_permission',
  blocked: 'blocked',
};

/** A token that is dead stays dead; everything else a person may put right at the provider, without telling us. */
export function isHealedThere({ class: errorClass, key }: ErrorRecord): boolean {
  return errorClass !== 'reauth' || key === 'account_not_visible';
}

/** The operator's own app is known by the empty id. */
export function appAt(provider: string, appId: string, ours: string | undefined): App {
  return { provider, appIds: sameApp(appId, ours) };
}

/** Rows without an app id are the operator's own app's, and rows with its id are too. */
function sameApp(appId: string, ours: string | undefined): App['appIds'] {
  return appId === '' || appId === ours ? ['', ...(ours === undefined ? [] : [ours])] : [appId];
}
