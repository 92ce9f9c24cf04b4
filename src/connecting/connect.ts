import { InvalidRequestError } from '../errors.ts';
import type { Integration } from '../integrations/integration.ts';
import type { LoginName } from '../providers/account.ts';
import type { Login, TokenFacts } from '../providers/connecting.ts';
import type { Provider } from '../providers/provider.ts';
import type { Secret } from '../secret.ts';
import type { Services } from '../services.ts';
import { type KnownApp, possibleApps } from './app.ts';
import { type Claim, type Proof, prove } from './prove.ts';
import { type ProvenAccount, saveIntegration } from './save-store.ts';

type Needs = Pick<Services, 'db' | 'vault' | 'config'>;

export interface Saved {
  readonly integration: Integration;
  readonly isNew: boolean;
}

/** A token that somebody hands over. */
export interface HandedToken {
  readonly tenantId: string;
  readonly externalAccountId: string;
  readonly token: Secret;
  /** What people call the account; by default its name at the provider. */
  readonly name: string | undefined;
  /** One that ends by time is taken, though its account could have one that lasts. */
  readonly acceptsExpiring: boolean;
  /** The id of the integration, if the account is new to the tenant. */
  readonly newId: string;
}

/**
 * Proves the token at the provider, then seals and saves it; nothing is saved without the proof. Throws what the token
 * is refused for (422), LimitedError before the provider is asked when the tenant had too many refusals, else what
 * `verify` throws.
 */
export async function connect(
  services: Needs,
  provider: Provider,
  handed: HandedToken,
): Promise<Saved> {
  const { tenantId } = handed;
  const login = loginOf(provider, handed.token);
  const apps = login === undefined ? [] : await possibleApps(services, tenantId, login);
  const claims = (apps.length === 0 ? [null] : apps).map((app) => claimOf(handed, login, app));
  const named = { token: 'access_token', account: 'external_account_id' };
  const proof = await prove(services, provider, tenantId, claims, named);
  const { facts } = proof.verified;
  if (!handed.acceptsExpiring) refuseExpiring(provider, facts);
  return saveIntegration(services.db, {
    ...provenAccount(services, provider, tenantId, proof),
    ...(handed.name === undefined ? {} : { name: handed.name }),
    expiresAt: endOf(facts),
    issuedAt: facts?.issuedAt ?? null,
    // Of what a person pastes nobody knows how to get another, but where the account logs in by itself.
    renewal: login === undefined || login.isChosen ? null : login.renewal,
    consent: null,
    newId: handed.newId,
  });
}

/** Tokens of Instagram's own login tell themselves by how they begin. */
function loginOf({ connect: { logins } }: Provider, token: Secret): Login | undefined {
  const name: LoginName = token.reveal().startsWith('IG') ? 'instagram' : 'facebook';
  return logins.find((login) => login.name === name) ?? logins[0];
}

function claimOf(
  { externalAccountId, token }: HandedToken,
  login: Login | undefined,
  known: KnownApp | null,
): Claim {
  const { appId, appSecret } = known?.app ?? { appSecret: null };
  const account = { externalAccountId, token, login: login?.name, appId, appSecret };
  return { account, appId: known?.appId ?? '' };
}

function refuseExpiring(provider: Provider, facts: TokenFacts | null): void {
  const end = endOf(facts);
  if (end === null || provider.connect.tokensEnd === true) return;
  const message = `The token ends on ${end.toISOString()}, and everything that is due later would wait. One that lasts comes from POST /v1/connect/${provider.name}, or from a long-lived token of the person (grant_type=fb_exchange_token) by way of me/accounts. To use this one all the same, send accept_expiring.`;
  const problem = { path: 'access_token', message, rule: 'token_lasts' };
  throw new InvalidRequestError(422, 'token_expires', message, [problem]);
}

function endOf(facts: TokenFacts | null): Date | null {
  return facts?.expiresAt instanceof Date ? facts.expiresAt : null;
}

/** What the proof says of an account; where its token comes from is told by whoever had it. */
export function provenAccount(
  { vault }: Pick<Needs, 'vault'>,
  provider: Provider,
  tenantId: string,
  { claim: { account, appId }, verified }: Proof,
): Omit<ProvenAccount, 'issuedAt' | 'renewal' | 'consent' | 'newId'> {
  const { facts } = verified;
  return {
    tenantId,
    provider: provider.name,
    externalAccountId: account.externalAccountId,
    name: verified.name,
    username: verified.username,
    appId,
    login: account.login ?? 'facebook',
    userId: facts?.userId ?? null,
    expiresAt: endOf(facts),
    dataAccessExpiresAt: facts?.dataAccessExpiresAt ?? null,
    scopes: facts?.scopes ?? null,
    tasks: verified.tasks,
    seen: verified.seen,
    seal: (integrationId) => vault.seal(account.token, { tenantId, integrationId }),
  };
}
