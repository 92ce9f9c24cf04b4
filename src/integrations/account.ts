import type { Config } from '../config/config.ts';
import { AppError, ownFailure, PublishError } from '../errors.ts';
import type { Account } from '../providers/provider.ts';
import type { Secret } from '../secret.ts';
import type { Binding, Vault } from '../vault.ts';

export interface Sealed {
  readonly tenantId: string;
  readonly integrationId: string;
  readonly sealedToken: string | null;
  readonly externalAccountId: string;
  readonly appId: string;
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
    ...appOf(row.appId, config),
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

/** The operator's own app, unless the token belongs to an app whose secret we do not hold. */
export function appOf(appId: string, { meta }: Config): Pick<Account, 'appId' | 'appSecret'> {
  const isOurs = appId === '' || appId === meta.appId;
  return isOurs && meta.appSecret
    ? { appId: meta.appId, appSecret: meta.appSecret }
    : { appSecret: null };
}

/** A sealed token that the keys of a process do not open: no fault of the post's, and none of its account's. */
export const tokenNotOpened = 'token_not_opened';
