import { readFence } from '../fence/fence.ts';
import { requireFleetsNetwork } from '../fence/fleet.ts';
import { loginBinding, openAccount, operatorsApp } from '../integrations/account.ts';
import type { Login } from '../providers/connecting.ts';
import type { Secret } from '../secret.ts';
import type { Services } from '../services.ts';
import { openApp } from './app.ts';
import { disconnectIntegration, type RestingToken } from './save-store.ts';
import { findLogin } from './start.ts';

/**
 * Forgets the token of an integration; its posts wait. The consent behind it is taken back at the network where nobody's
 * integration rests on it any more: that is tried once, and changes nothing here. Throws NotFoundError.
 */
export async function disconnect(services: Services, tenantId: string, id: string): Promise<void> {
  const { config, db, log } = services;
  const { forgotten, isShared } = await disconnectIntegration(
    db,
    tenantId,
    id,
    ({ appId, login }) => {
      const ours = operatorsApp(login, config)?.appId;
      return appId === '' || appId === ours ? ['', ours ?? ''] : [appId];
    },
  );
  if (isShared || forgotten.sealedToken === null) return;
  await revoke(services, forgotten).catch((error: unknown) => {
    log.warn({ err: error, tenantId, integrationId: id }, 'consent not taken back at the network');
  });
}

async function revoke(services: Services, forgotten: RestingToken): Promise<void> {
  const { tenantId, userId, provider: name } = forgotten;
  const logins = services.providers.get(name)?.connect.logins ?? [];
  const login = findLogin(logins, forgotten.login);
  const token = login && personsToken(services, login, forgotten);
  if (login?.revoke === undefined || token == null || userId === null) return;
  if ((await readFence(services)) !== null) return;
  await requireFleetsNetwork(services);
  const known = await openApp(services, tenantId, { ...forgotten, login });
  if (known === null) return;
  await login.revoke(known.app, { token, userId }, { onCall: () => undefined });
  services.log.info({ tenantId, integrationId: forgotten.integrationId }, 'consent taken back');
}

/** Of whoever consented: behind the account's, or the account's own where it logs in by itself. */
export function personsToken(
  { vault, config }: Pick<Services, 'vault' | 'config'>,
  login: Login,
  row: RestingToken,
): Secret | null {
  const { tenantId, loginId, sealedLogin } = row;
  if (loginId !== null && sealedLogin !== null) {
    return vault.open(sealedLogin, loginBinding(tenantId, loginId));
  }
  return login.isChosen || row.sealedToken === null ? null : openAccount(row, vault, config).token;
}
