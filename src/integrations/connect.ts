import { bookCalls } from '../budgets/store.ts';
import { InvalidRequestError, PublishError } from '../errors.ts';
import type { Account, Provider, VerifiedAccount } from '../providers/provider.ts';
import type { Vault } from '../vault.ts';
import type { Integration } from './integration.ts';
import { saveIntegration } from './store.ts';

export interface Connection {
  readonly tenantId: string;
  readonly account: Account;
  /** What people call the account; by default its name at the provider. */
  readonly name: string | undefined;
  /** The id of the integration, if the account is new to the tenant. */
  readonly newId: string;
  /** Where the calls made for the proof count. */
  readonly budgetKey: string;
}

type Database = Parameters<typeof saveIntegration>[0];

interface Needs {
  readonly db: Database;
  readonly vault: Vault;
  readonly provider: Provider;
}

/**
 * Proves the token at the provider, then seals and saves it; nothing is saved without the proof. Throws
 * `token_rejected` or `token_is_user_token` (422) when the provider refuses, else what `verify` throws.
 */
export async function connect(
  { db, vault, provider }: Needs,
  connection: Connection,
): Promise<{ readonly integration: Integration; readonly isNew: boolean }> {
  const { tenantId, account } = connection;
  const verified = await prove(db, provider, connection);
  return saveIntegration(db, {
    tenantId,
    provider: provider.name,
    externalAccountId: account.externalAccountId,
    name: connection.name ?? verified.name,
    newId: connection.newId,
    seal: (integrationId) => vault.seal(account.token, { tenantId, integrationId }),
  });
}

async function prove(
  db: Database,
  provider: Provider,
  { account, budgetKey }: Connection,
): Promise<VerifiedAccount> {
  let calls = 0;
  try {
    const verified = await provider.verify(account, { onCall: () => void (calls += 1) });
    if (verified.externalAccountId === account.externalAccountId) return verified;
  } catch (error) {
    throw error instanceof PublishError ? (refusalOf(error) ?? error) : error;
  } finally {
    // Invariant 6: every request with the token counts, the refused ones too.
    await bookCalls(db, [{ budgetKey, calls }]);
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
