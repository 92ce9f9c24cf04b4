import { InvalidRequestError, PublishError } from '../errors.ts';
import type { Account } from '../providers/account.ts';
import type { VerifiedAccount } from '../providers/connecting.ts';
import type { Provider } from '../providers/provider.ts';
import type { Vault } from '../vault.ts';
import { bookRefusal, requireRoom } from './booking.ts';
import { bookCalls, giveBackCalls } from './budget-store.ts';
import type { Integration } from './integration.ts';
import { isConnected, saveIntegration } from './store.ts';

const refusalsPerHour = 60;

export interface Connection {
  readonly tenantId: string;
  readonly account: Account;
  /** What people call the account; by default its name at the provider. */
  readonly name: string | undefined;
  /** The id of the integration, if the account is new to the tenant. */
  readonly newId: string;
  /** Where the calls made for the proof count, once it is one. */
  readonly budgetKey: string;
  /** The most that may count there. */
  readonly callsPerHour: number;
}

type Database = Parameters<typeof saveIntegration>[0];

interface Needs {
  readonly db: Database;
  readonly vault: Vault;
  readonly provider: Provider;
}

/**
 * Proves the token at the provider, then seals and saves it; nothing is saved without the proof. Throws
 * `token_rejected` or `token_is_user_token` (422) when the provider refuses, LimitedError before it is asked when the
 * tenant had too many refusals, else what `verify` throws.
 */
export async function connect(
  { db, vault, provider }: Needs,
  connection: Connection,
): Promise<{ readonly integration: Integration; readonly isNew: boolean }> {
  const { tenantId, account } = connection;
  const verified = await proveWithinLimits(db, provider, connection);
  return saveIntegration(db, {
    tenantId,
    provider: provider.name,
    externalAccountId: account.externalAccountId,
    name: connection.name ?? verified.name,
    newId: connection.newId,
    seal: (integrationId) => vault.seal(account.token, { tenantId, integrationId }),
  });
}

/**
 * Invariant 6: every call with the account's token counts for the account. But anybody may name an account: until the
 * token has proven to be the account's, the tenant answers for it alone.
 */
async function proveWithinLimits(
  db: Database,
  provider: Provider,
  { tenantId, account, budgetKey, callsPerHour }: Connection,
): Promise<VerifiedAccount> {
  if (await isConnected(db, { tenantId, provider: provider.name, ...account })) {
    const text = 'The calls that this account may make in an hour are spent or set aside.';
    await requireRoom(db, { budgetKey, limit: callsPerHour, text });
  }
  const refusal = await bookRefusal(db, {
    budgetKey: `connect:${tenantId}`,
    limit: refusalsPerHour,
    text: `${refusalsPerHour} connections of this tenant failed within an hour.`,
  });
  let calls = 0;
  const verified = await prove(provider, account, () => void (calls += 1));
  await bookCalls(db, [{ budgetKey, calls }]);
  await giveBackCalls(db, refusal);
  return verified;
}

async function prove(
  provider: Provider,
  account: Account,
  onCall: () => void,
): Promise<VerifiedAccount> {
  try {
    const verified = await provider.connect.verify(account, { onCall });
    if (verified.externalAccountId === account.externalAccountId) return verified;
  } catch (error) {
    throw error instanceof PublishError ? (refusalOf(error) ?? error) : error;
  }
  throw rejected('token_rejected', 'The token belongs to another account.', 'token_account');
}

function refusalOf({ record }: PublishError): InvalidRequestError | undefined {
  switch (record.class) {
    case 'reauth':
    case 'permission':
    case 'blocked':
    case 'invalid':
      return record.key === 'token_is_user_token'
        ? rejected('token_is_user_token', record.message, record.key)
        : rejected('token_rejected', record.message, record.key);
    case 'retry':
    case 'rate_limited':
    case 'duplicate':
    case 'not_ready':
    case 'unknown_outcome':
    case 'internal':
      return undefined;
  }
}

function rejected(code: string, message: string, rule: string): InvalidRequestError {
  return new InvalidRequestError(422, code, message, [{ path: 'access_token', message, rule }]);
}
