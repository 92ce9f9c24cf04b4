import { appBinding, operatorsApp } from '../integrations/account.ts';
import type { App, Login } from '../providers/connecting.ts';
import type { Services } from '../services.ts';
import { readApp, readCurrentApps, type SealedApp } from './app-store.ts';

type Needs = Pick<Services, 'db' | 'config' | 'vault'>;

/** Whose app: the tenant's own, or the operator's, which tenants share. */
export const appOwners = ['own', 'shared'] as const;
export type AppOwner = (typeof appOwners)[number];

/** An app with its secret, under the id that rows have it by. */
export interface KnownApp {
  /** Empty: the operator's. */
  readonly appId: string;
  readonly app: App;
}

/**
 * The app that people give their consent to: the tenant's own where there is one, else the operator's, unless one of
 * the two is asked for. Null: it is not there, or nobody gave us its secret.
 */
export async function chooseApp(
  services: Needs,
  {
    tenantId,
    login,
    owner,
  }: { readonly tenantId: string; readonly login: Login; readonly owner: AppOwner | undefined },
): Promise<KnownApp | null> {
  if (owner === 'shared') return sharedApp(services, login);
  const [own] = await readCurrentApps(services.db, tenantId, login.apps);
  if (own !== undefined) return openOwnApp(services, tenantId, own);
  return owner === 'own' ? null : sharedApp(services, login);
}

/** The app of a row, by the id that stands there. Null: it is gone, or its secret is. */
export async function openApp(
  services: Needs,
  tenantId: string,
  { login, appId }: { readonly login: Login; readonly appId: string },
): Promise<KnownApp | null> {
  if (appId === '') return sharedApp(services, login);
  const own = await readApp(services.db, tenantId, appId);
  return own === undefined ? null : openOwnApp(services, tenantId, own);
}

/** The tenant's own apps that may have issued a token of these logins, with their secrets, and then the operator's. */
export async function possibleApps(
  services: Needs,
  tenantId: string,
  login: Login,
): Promise<readonly KnownApp[]> {
  const own = await readCurrentApps(services.db, tenantId, login.apps);
  const known = [
    ...own.map((app) => openOwnApp(services, tenantId, app)),
    sharedApp(services, login),
  ];
  return known.filter((app) => app !== null);
}

function sharedApp({ config }: Needs, login: Login): KnownApp | null {
  const app = operatorsApp(login.name, config);
  return app === null ? null : { appId: '', app };
}

function openOwnApp(
  { vault }: Needs,
  tenantId: string,
  { appId, sealedSecret, configId }: SealedApp,
): KnownApp | null {
  if (sealedSecret === null) return null;
  const appSecret = vault.open(sealedSecret, appBinding(tenantId, appId));
  return { appId, app: { appId, appSecret, configId } };
}
