import { ConflictError, InvalidRequestError, NotFoundError } from '../errors.ts';
import { loginBinding } from '../integrations/account.ts';
import type { Candidate, Login } from '../providers/connecting.ts';
import type { Provider } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { openApp } from './app.ts';
import { provenAccount, type Saved } from './connect.ts';
import type { PendingConnection } from './connection-store.ts';
import { prove } from './prove.ts';
import { type Consent, saveIntegration } from './save-store.ts';
import { findLogin } from './start.ts';

export interface Choice {
  readonly accountId: string;
  /** What people call the account; by default its name at the provider. */
  readonly name: string | undefined;
  /** The id of the integration, if the account is new to the tenant. */
  readonly newId: string;
}

/**
 * Proves the account that was chosen of a consent, and saves it; more than one may be, one after the other. Throws
 * NotFoundError `account_not_found`, `account_not_usable` (422) with the reason, `invalid_config` where the app is gone
 * meanwhile, and what the proof throws.
 */
export async function choose(
  services: Pick<Services, 'db' | 'vault' | 'config'>,
  provider: Provider,
  connection: Omit<PendingConnection, 'expiresAt'>,
  { accountId, name, newId }: Choice,
): Promise<Saved> {
  const { tenantId, grant } = connection;
  const chosen = requireUsable(connection.accounts, accountId);
  const login = findLogin(provider.connect.logins, connection.login);
  const known = login && (await openApp(services, tenantId, { ...connection, login }));
  if (login === undefined || known == null) throw appGone();
  const { externalAccountId, token } = chosen;
  const { appId, appSecret } = known.app;
  const account = { externalAccountId, token, login: login.name, appId, appSecret };
  const named = { token: 'account_id', account: 'account_id' };
  const claims = [{ account, appId: known.appId }];
  const proof = await prove(services, provider, tenantId, claims, named);
  const proven = provenAccount(services, provider, tenantId, proof);
  const isOwn = token.reveal() === grant.token.reveal();
  const consent = login.isChosen ? consentOf(services, connection, login) : null;
  return saveIntegration(services.db, {
    ...proven,
    name: name ?? proven.name ?? chosen.name,
    username: proven.username ?? chosen.username,
    userId: grant.userId ?? proven.userId,
    expiresAt: proven.expiresAt ?? (isOwn ? grant.expiresAt : null),
    dataAccessExpiresAt: proven.dataAccessExpiresAt ?? grant.dataAccessExpiresAt,
    scopes: proven.scopes ?? grant.scopes,
    tasks: proven.tasks ?? chosen.tasks,
    seen: { ...chosen.seen, ...proven.seen },
    issuedAt: 'now',
    // Where the person's own token is kept, its renewal is that of all accounts that use it.
    renewal: isOwn && consent === null ? login.renewal : null,
    consent,
    newId,
  });
}

function requireUsable(
  accounts: readonly Candidate[],
  accountId: string,
): Candidate & { readonly token: NonNullable<Candidate['token']> } {
  const chosen = accounts.find(({ externalAccountId }) => externalAccountId === accountId);
  if (chosen === undefined) throw noSuchAccount();
  const { token, reason } = chosen;
  if (reason === null && token !== null) return { ...chosen, token };
  const message = reason?.text ?? 'The network gives no token for this account.';
  const problem = { path: 'account_id', message, rule: reason?.code ?? 'no_token' };
  throw new InvalidRequestError(422, 'account_not_usable', message, [problem]);
}

function noSuchAccount(): NotFoundError {
  const text =
    'The consent does not reach this account: GET /v1/connections/{id} shows those it does.';
  return new NotFoundError('account_not_found', text);
}

function appGone(): ConflictError {
  const text = 'The app of this consent is gone, or its secret is: connect again.';
  return new ConflictError('invalid_config', text);
}

/** The person's own token, on which those of the accounts rest. Null: nobody can be told from another by it. */
function consentOf(
  { vault }: Pick<Services, 'vault'>,
  { tenantId, grant }: Pick<PendingConnection, 'tenantId' | 'grant'>,
  { renewal }: Login,
): Consent | null {
  const { userId, token, expiresAt, dataAccessExpiresAt } = grant;
  if (userId === null) return null;
  const seal = (loginId: string) => vault.seal(token, loginBinding(tenantId, loginId));
  return { userId, expiresAt, dataAccessExpiresAt, renewal, seal };
}
