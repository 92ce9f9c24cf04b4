import type { CallRecord } from '../attempts/attempt.ts';
import type { ErrorClass, ErrorRecord, PublishError } from '../errors.ts';
import { holdApp, holdIntegration, markTrouble } from '../integrations/health-store.ts';
import { usageBook } from '../integrations/usage-book.ts';
import type { IntegrationTrouble } from '../posts/recovery.ts';
import type { CallContext } from '../providers/provider.ts';
import type { Services } from '../services.ts';

/** Whose call it was. */
export interface Called {
  readonly integrationId: string;
  readonly appId: string;
}

const fullWaitMs = 300_000;

/** Meta's code for the limit of an app, over all of its accounts. */
const appLimitCode = 4;

/** What a call for an integration is given: it counts the call, and hears how full the provider's budget is. */
export function callContext(
  services: Pick<Services, 'db' | 'log'>,
  { integrationId }: Pick<Called, 'integrationId'>,
  onCall: (call: CallRecord) => void,
): CallContext {
  return { onCall, onUsage: usageBook(services).listener(integrationId) };
}

/**
 * What a failed call says about its account, whatever the call was for: a limit holds the account (or every account of
 * the app, if the limit is the app's), a dead or blocked one leaves `active` and its posts wait. Everything else, an
 * outage above all, says nothing about the account. `now` is the database's clock.
 */
export async function noteFailure(
  { db, config, log }: Pick<Services, 'db' | 'config' | 'log'>,
  called: Called,
  { record, retryAfterMs }: PublishError,
  now = new Date(),
): Promise<void> {
  const { integrationId } = called;
  if (record.class === 'rate_limited') {
    const until = new Date(now.getTime() + (retryAfterMs ?? fullWaitMs));
    if (record.provider_code !== appLimitCode) return holdIntegration(db, integrationId, until);
    log.warn({ appId: called.appId, until }, 'the app has reached its limit: its accounts wait');
    return holdApp(db, sameApp(called.appId, config.meta.appId), until);
  }
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

/** A checkpoint or an unconfirmed account: the same token lives again once the person did what Facebook asks for. */
const passingSubcodes: ReadonlySet<number> = new Set([459, 464]);

/** A token that is dead stays dead; everything else a person may put right at the provider, without telling us. */
export function isHealedThere(record: ErrorRecord): boolean {
  if (record.class !== 'reauth') return true;
  return record.provider_subcode !== null && passingSubcodes.has(record.provider_subcode);
}

/** Rows without an app id are the operator's own app's, and rows with its id are too. */
function sameApp(appId: string, ours: string | undefined): readonly string[] {
  return appId === '' || appId === ours ? ['', ...(ours === undefined ? [] : [ours])] : [appId];
}
