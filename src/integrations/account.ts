import type { Config } from '../config/config.ts';
import { AppError, ownFailure, PublishError } from '../errors.ts';
import type { Account, LoginName } from '../providers/account.ts';
import type { App } from '../providers/connecting.ts';
import type { Secret } from '../secret.ts';
import { type Binding, purposes, type Vault } from '../vault.ts';

export interface Sealed extends SealedAccount {
  readonly tenantId: string;
  readonly integrationId: string;
}

/** What `sealedAccountSql` reads. */
export interface SealedAccount {
  readonly externalAccountId: string;
  readonly sealedToken: string | null;
  readonly login: LoginName;
  /** Empty: the operator's own app. */
  readonly appId: string;
  /** Of a tenant's own app; null: the operator's, or one whose secret we do not hold. */
  readonly sealedAppSecret: string | null;
}

/**
 * Opens an integration, in the process that calls Meta and nowhere else. A token that does not open says something about
 * the keys of this process and nothing about the account or its posts: they wait, and go on once it opens.
 */
export function openAccount(row: Sealed, vault: Vault, config: Config): Account {
  if (row.sealedToken === null) {
    throw new AppError('integration_disconnected', 'The integration holds no token any more');
  }
  const { tenantId, integrationId } = row;
  return {
    externalAccountId: row.externalAccountId,
    token: openToken(vault, row.sealedToken, { tenantId, integrationId }),
    login: row.login,
    ...appOf(row, vault, config),
  };
}

const openAgainInMs = 30_000;

function openToken(vault: Vault, sealed: string, binding: Binding): Secret {
  try {
    return vault.open(sealed, binding);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const record = ownFailure('internal', tokenNotOpened, error.message);
    throw new PublishError(
      {
        ...record,
        user_message:
          'This service cannot open its connection to the account for now. Nothing was made public; the post goes out by itself once its operator has put that right.',
        action:
          'Put the key that sealed the token back into ENCRYPTION_KEYS of every process (`keys status` tells which); if the key is right, the stored token is damaged: connect the account again.',
      },
      { cause: error, retryAfterMs: openAgainInMs },
    );
  }
}

/** The app that the token belongs to, as far as we hold its secret. */
export function appOf(
  row: Omit<Sealed, 'integrationId' | 'sealedToken' | 'externalAccountId'>,
  vault: Vault,
  config: Config,
): Pick<Account, 'appId' | 'appSecret'> {
  const own = operatorsApp(row.login, config);
  if (row.appId === '' || row.appId === own?.appId)
    return own === null ? { appSecret: null } : { appId: own.appId, appSecret: own.appSecret };
  const { tenantId, appId, sealedAppSecret } = row;
  if (sealedAppSecret === null) return { appSecret: null };
  return { appId, appSecret: openToken(vault, sealedAppSecret, appBinding(tenantId, appId)) };
}

/** The one that issues the tokens of that login, where the environment names it. */
export function operatorsApp(login: LoginName, { meta, instagram }: Config): App | null {
  const { appId, appSecret, configId = null } = login === 'instagram' ? instagram : meta;
  return appId === undefined || appSecret === undefined ? null : { appId, appSecret, configId };
}

/** What the secret of a tenant's own app is sealed for. */
export function appBinding(tenantId: string, appId: string): Binding {
  return { tenantId, integrationId: appId, purpose: purposes.appSecret };
}

/** What the token of a person is sealed for. */
export function loginBinding(tenantId: string, loginId: string): Binding {
  return { tenantId, integrationId: loginId, purpose: purposes.login };
}

/** A sealed token that the keys of a process do not open: no fault of the post's, and none of its account's. */
export const tokenNotOpened = 'token_not_opened';
