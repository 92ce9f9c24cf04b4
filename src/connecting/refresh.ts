import { ConflictError, LimitedError, type PublishError } from '../errors.ts';
import { requireRoom } from '../integrations/booking.ts';
import { bookCalls } from '../integrations/budget-store.ts';
import { withAccount } from '../integrations/call.ts';
import { markHealed } from '../integrations/health-store.ts';
import type { Integration } from '../integrations/integration.ts';
import { getIntegration } from '../integrations/store.ts';
import type { Business } from '../providers/connecting.ts';
import type { Services } from '../services.ts';
import { openApp } from './app.ts';
import { personsToken } from './disconnect.ts';
import { renewIfNear } from './keep-alive.ts';
import { loadResting, type RestingToken, writeProof } from './save-store.ts';
import { findLogin } from './start.ts';

/**
 * Proves the token now, and renews it first where that is not far off. Answers the integration as it then is, dead or
 * alive. Throws NotFoundError, ConflictError while nothing may be asked, LimitedError when the calls of the hour are
 * spent, and what keeps the network from answering.
 */
export async function refresh(
  services: Services,
  tenantId: string,
  id: string,
): Promise<Integration> {
  // Of another tenant's nothing is renewed either.
  await loadResting(services.db, tenantId, id);
  await renewIfNear(services, id);
  const row = await loadResting(services.db, tenantId, id);
  if (row.sealedToken !== null) await proveNow(services, row, row.sealedToken);
  return getIntegration(services.db, tenantId, id);
}

async function proveNow(services: Services, row: RestingToken, sealedToken: string): Promise<void> {
  const { connect } = providerOf(services, row);
  const plan = {
    calls: connect.verifyCalls,
    priority: 'urgent',
    despite: ['person', 'held'],
  } as const;
  const outcome = await withAccount(services, row, plan, (account, context) =>
    connect.verify(account, context),
  );
  switch (outcome.kind) {
    case 'obstacle':
      throw new ConflictError('conflict', outcome.obstacle.text);
    case 'no_budget':
      throw new LimitedError('The calls of this account are spent or set aside.', 600_000);
    case 'failed':
      if (isVerdict(outcome.error)) return;
      throw outcome.error;
    case 'done':
      await services.db.transaction(async (tx) => {
        await writeProof(tx, row, outcome.value);
        await markHealed(tx, { id: row.integrationId, sealedToken });
      });
  }
}

/** What the network said of the token stands in the row by now. */
function isVerdict({ record }: PublishError): boolean {
  return ['reauth', 'permission', 'blocked'].includes(record.class);
}

/** The businesses that the person behind the token works for. Throws NotFoundError, and ConflictError without a person. */
export async function listBusinesses(
  services: Services,
  tenantId: string,
  id: string,
): Promise<readonly Business[]> {
  const row = await loadResting(services.db, tenantId, id);
  const { connect, callsPerHour } = providerOf(services, row);
  const login = findLogin(connect.logins, row.login);
  if (login?.businesses === undefined) return [];
  const token = personsToken(services, login, row);
  const known = token === null ? null : await openApp(services, tenantId, { ...row, login });
  if (token === null || known === null) throw noPerson();
  // Meta counts these for the person.
  const budgetKey = `person:${tenantId}:${row.appId}:${row.userId ?? id}`;
  const text = 'The calls that are made in an hour for this person are spent.';
  await requireRoom(services.db, { budgetKey, limit: callsPerHour, text });
  let calls = 0;
  try {
    return await login.businesses(known.app, { token }, { onCall: () => void (calls += 1) });
  } finally {
    await bookCalls(services.db, [{ budgetKey, calls }]);
  }
}

function noPerson(): ConflictError {
  const text =
    'No consent of a person is kept for this integration, and only a person has businesses: connect it through POST /v1/connect/{provider}.';
  return new ConflictError('conflict', text);
}

function providerOf({ providers }: Services, { provider: name }: RestingToken) {
  const provider = providers.get(name);
  if (provider !== undefined) return provider;
  throw new ConflictError('conflict', `This installation does not know ${name} any more.`);
}
