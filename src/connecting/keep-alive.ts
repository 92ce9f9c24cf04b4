import { PublishError } from '../errors.ts';
import { appOf as appOfSealed, loginBinding } from '../integrations/account.ts';
import { type CallPlan, withAccount } from '../integrations/call.ts';
import { changeTrouble, markTrouble, type Trouble } from '../integrations/health-store.ts';
import { isHealedThere, troubleOf } from '../integrations/integration.ts';
import type { Account, CallContext } from '../providers/account.ts';
import type {
  App,
  Connecting,
  Login,
  Renewal,
  RenewedToken,
  TokenFacts,
} from '../providers/connecting.ts';
import type { Secret } from '../secret.ts';
import type { Services } from '../services.ts';
import type { Vault } from '../vault.ts';
import { judgeToken, renewalPauseMs, renewsInMs, type Verdict } from './lifetime.ts';
import {
  type HeldToken,
  hastenProbe,
  hastenProofs,
  type LoginRow,
  loadLogin,
  loadToken,
  lockToken,
  lockTokensOf,
  type NewToken,
  noteFailedRenewal,
  postponeProof,
  postponeRenewal,
  type Renewable,
  replaceLogin,
  replaceToken,
  type TokenRow,
  writeFacts,
} from './lifetime-store.ts';

/**
 * Asks the network what it knows of the token, and writes it down. Only its word changes how the integration stands; a
 * network that cannot be reached is asked again within the hour.
 */
export async function proveToken(services: Services, integrationId: string): Promise<void> {
  const row = await loadToken(services.db, integrationId);
  const connect = row === null ? undefined : services.providers.get(row.provider)?.connect;
  if (row === null || connect === undefined) return;
  const facts = await inspect(services, row, connect);
  if (facts === 'unasked') await postponeProof(services.db, row.integrationId);
  else await conclude(services, row, facts, judgeToken(facts, loginOf(connect, row)?.scopes ?? []));
}

async function inspect(
  services: Services,
  row: TokenRow,
  connect: Connecting,
): Promise<TokenFacts | 'unasked' | null> {
  const inspected = await ask(services, row, planOf(row), (...call) => connect.inspect(...call));
  if (inspected === 'unasked' || inspected === null) return inspected;
  const { kind } = judgeToken(inspected, loginOf(connect, row)?.scopes ?? []);
  if (kind !== 'doubtful') return inspected;
  const plan = { ...planOf(row), calls: connect.verifyCalls, priority: 'idle' } as const;
  const proven = await ask(services, row, plan, async (...call) => {
    await connect.verify(...call);
    return inspected;
  });
  if (proven === 'unasked' || proven === null) return proven;
  return { ...inspected, error: proven.error };
}

/** A refusal of the token is the network's word on it too. */
async function ask(
  services: Services,
  row: TokenRow,
  plan: CallPlan,
  call: (account: Account, context: CallContext) => Promise<TokenFacts | null>,
): Promise<TokenFacts | 'unasked' | null> {
  const outcome = await withAccount(services, row, plan, call);
  if (outcome.kind === 'done') return outcome.value;
  return outcome.kind === 'failed' ? (factsOf(outcome.error) ?? 'unasked') : 'unasked';
}

/** Null: the failure says nothing of the token. */
function factsOf({ record, scope }: PublishError): TokenFacts | null {
  if (scope !== 'account' || troubleOf(record) === null) return null;
  return { ...nothing, error: record };
}

const nothing: TokenFacts = {
  error: null,
  appId: null,
  userId: null,
  expiresAt: 'unknown',
  dataAccessExpiresAt: null,
  issuedAt: null,
  scopes: null,
};

/**
 * Facebook's tokens are asked about with the app's own, which the account pays nothing for; Instagram's only with
 * themselves. What these calls run into says nothing about how the account may be published to; about the app it does.
 */
function planOf({ login }: TokenRow): CallPlan {
  if (login === 'instagram') return { calls: 1, priority: 'idle', despite: ['person'], isAnswer };
  return { calls: 0, priority: 'urgent', despite: ['person', 'held'], isAnswer };
}

function isAnswer({ scope, record }: PublishError): boolean {
  return scope !== 'app' || record.class === 'rate_limited';
}

async function conclude(
  { db, log }: Services,
  row: TokenRow,
  facts: TokenFacts | null,
  verdict: Verdict,
): Promise<void> {
  if (facts === null || verdict.kind === 'untold') return;
  const { integrationId, tenantId } = row;
  const isCurrent = await db.transaction(async (tx) => {
    if (!(await lockToken(tx, row))) return false;
    await writeFacts(tx, integrationId, facts);
    if (verdict.kind === 'dead') await writeTrouble(tx, row, verdict);
    else await hastenProbe(tx, integrationId);
    return true;
  });
  if (!isCurrent || verdict.kind !== 'dead' || row.status !== 'active') return;
  const { key: code } = verdict.error;
  log.warn({ integrationId, tenantId, code }, 'proof of a token: account waits for a person');
}

/** What is blocked stays so for a permission that is missing besides. */
async function writeTrouble(
  tx: Parameters<typeof markTrouble>[0],
  { integrationId, status: is }: TokenRow,
  { error }: Extract<Verdict, { kind: 'dead' }>,
): Promise<void> {
  const status = troubleOf(error) ?? 'needs_reconnect';
  const trouble: Trouble = { status, error, isProbed: isHealedThere(error) };
  if (is === 'active') await markTrouble(tx, integrationId, trouble);
  else if (is !== 'blocked' || status === 'needs_reconnect') {
    await changeTrouble(tx, integrationId, trouble);
  }
}

function loginOf({ logins }: Connecting, { login }: Pick<TokenRow, 'login'>): Login | undefined {
  return logins.find(({ name }) => name === login);
}

/**
 * Exchanges a token for one that lives longer. The new one is saved only in the place of the very token that was
 * exchanged: of two workers at once one is too late, and both tokens live. What fails is tried again for as long as the
 * token lives; only the network's word ends that.
 */
export async function renewToken(services: Services, { kind, id }: Renewable): Promise<void> {
  if (kind === 'login') return renewLogin(services, id);
  const row = await loadToken(services.db, id);
  const connect = row === null ? undefined : services.providers.get(row.provider)?.connect;
  const login = row === null || connect === undefined ? undefined : loginOf(connect, row);
  if (row === null || !isRenewing(login)) return;
  const outcome = await withAccount(services, row, planOf(row), ({ token, ...account }, context) =>
    login.renew(appOf(account), token, context),
  );
  if (outcome.kind !== 'done') {
    await renewalFailed(services, { kind, id }, row.sealedToken);
    const facts = outcome.kind === 'failed' ? factsOf(outcome.error) : null;
    return conclude(services, row, facts, judgeToken(facts, []));
  }
  const lasts = lastsFor(login, outcome.value, row.now);
  const sealed = services.vault.seal(outcome.value.token, row);
  if (!(await replaceToken(services.db, row, { sealed, ...lasts }))) return;
  services.log.info({ integrationId: id, until: lasts.expiresAt }, 'token renewed');
}

type Renewing = Login & { readonly renewal: Renewal };

function isRenewing(login: Login | undefined): login is Renewing {
  return login !== undefined && login.renewal !== null;
}

function appOf({ appId, appSecret }: Pick<Account, 'appId' | 'appSecret'>): App | null {
  return appId === undefined || appSecret === null ? null : { appId, appSecret, configId: null };
}

function lastsFor(
  { renewal }: Renewing,
  { expiresAt, dataAccessExpiresAt }: RenewedToken,
  now: Date,
): Omit<NewToken, 'sealed'> {
  const lifeMs = expiresAt === null ? null : expiresAt.getTime() - now.getTime();
  return {
    expiresAt,
    dataAccessExpiresAt,
    renewsInMs: lifeMs === null ? null : renewsInMs(renewal, lifeMs, Math.random()),
  };
}

async function renewalFailed(
  { db, log }: Services,
  token: Renewable,
  sealedToken: string,
): Promise<void> {
  const failures = await noteFailedRenewal(db, token);
  await postponeRenewal(db, token, { sealedToken, inMs: renewalPauseMs(failures) });
  log.warn({ [`${token.kind}Id`]: token.id, failures }, 'token not renewed: it is tried again');
}

/** The token of a person, on which those of several accounts may rest: some are that very token. */
async function renewLogin(services: Services, id: string): Promise<void> {
  const row = await loadLogin(services.db, id);
  const login = [...services.providers.values()]
    .flatMap(({ connect }) => connect.logins)
    .find(({ name, renewal }) => name === row?.login && renewal !== null);
  if (row === null || !isRenewing(login)) return;
  const token = services.vault.open(row.sealedToken, loginBinding(row.tenantId, row.id));
  try {
    const account = appOfSealed(row, services.vault, services.config);
    const renewed = await login.renew(appOf(account), token, { onCall: () => undefined });
    await saveLogin(services, { row, token, renewed, login });
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    await loginRefused(services, row, error);
  }
}

async function saveLogin(
  { db, vault, log }: Services,
  { row, token, renewed, login }: RenewedLogin,
): Promise<void> {
  const lasts = lastsFor(login, renewed, row.now);
  const isSaved = await db.transaction(async (tx) => {
    const sealed = vault.seal(renewed.token, loginBinding(row.tenantId, row.id));
    if (!(await replaceLogin(tx, row, { sealed, ...lasts }))) return false;
    for (const held of await lockTokensOf(tx, row.id)) {
      if (!isSameToken(vault, held, token)) continue;
      // The login's next renewal is theirs.
      const own = { ...lasts, renewsInMs: null, sealed: vault.seal(renewed.token, held) };
      await replaceToken(tx, held, own);
    }
    return true;
  });
  if (isSaved) log.info({ loginId: row.id, until: lasts.expiresAt }, 'token renewed');
}

interface RenewedLogin {
  readonly row: LoginRow;
  readonly token: Secret;
  readonly renewed: RenewedToken;
  readonly login: Renewing;
}

function isSameToken(vault: Vault, held: HeldToken, token: Secret): boolean {
  return (
    vault.opens(held.sealedToken, held) &&
    vault.open(held.sealedToken, held).reveal() === token.reveal()
  );
}

/** A person's dead token says nothing certain of those that came from it: each is asked about. */
async function loginRefused(services: Services, row: LoginRow, error: PublishError): Promise<void> {
  const { db, log } = services;
  const token = { kind: 'login', id: row.id } as const;
  if (error.record.class !== 'reauth') return renewalFailed(services, token, row.sealedToken);
  const { sealedToken, isOver } = row;
  await postponeRenewal(db, token, { sealedToken, inMs: isOver ? null : dayMs });
  await hastenProofs(db, row.id);
  log.warn({ loginId: row.id, code: error.record.key }, 'the token of a person has ended');
}

const dayMs = 86_400_000;

/** For whoever does not want to wait until it is due: a renewal that has failed, or that is not far off. */
export async function renewIfNear(services: Services, integrationId: string): Promise<void> {
  const row = await loadToken(services.db, integrationId);
  if (row?.status !== 'active' || !row.isRenewalNear) return;
  await renewToken(services, { kind: 'integration', id: integrationId });
}
