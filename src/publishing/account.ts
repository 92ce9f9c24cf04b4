import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import type { PublishRow } from '../posts/publish-row.ts';
import type { Account } from '../providers/provider.ts';
import type { Vault } from '../vault.ts';

type Sealed = Pick<
  PublishRow,
  'tenantId' | 'integrationId' | 'sealedToken' | 'externalAccountId' | 'appId'
>;

/** Opens an integration, in the process that calls Meta and nowhere else. */
export function openAccount(row: Sealed, vault: Vault, config: Config): Account {
  if (row.sealedToken === null) {
    throw new AppError('integration_disconnected', 'The integration holds no token any more');
  }
  const { tenantId, integrationId } = row;
  return {
    externalAccountId: row.externalAccountId,
    token: vault.open(row.sealedToken, { tenantId, integrationId }),
    ...appOf(row.appId, config),
  };
}

/** The operator's own app, unless the token belongs to an app whose secret we do not hold. */
export function appOf(appId: string, { meta }: Config): Pick<Account, 'appId' | 'appSecret'> {
  const isOurs = appId === '' || appId === meta.appId;
  return isOurs && meta.appSecret
    ? { appId: meta.appId, appSecret: meta.appSecret }
    : { appSecret: null };
}
