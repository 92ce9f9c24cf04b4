import { randomUUID } from 'node:crypto';
import { InvalidRequestError, LimitedError, PublishError } from '../errors.ts';
import { requireFleetsKey, requireFleetsNetwork } from '../fence/fleet.ts';
import { giveBackCalls } from '../integrations/budget-store.ts';
import type { CallContext } from '../providers/account.ts';
import type { Candidate, Grant, Login } from '../providers/connecting.ts';
import type { Provider } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { type KnownApp, openApp } from './app.ts';
import { choose } from './choose.ts';
import { saveConnection } from './connection-store.ts';
import { bookFailure } from './prove.ts';
import { findLogin, type Place, redirectUriOf } from './start.ts';
import { endJourney, findJourney, type KnownJourney } from './state-store.ts';
import { type ConnectError, type Outcome, outcomes } from './way-back.ts';

type Needs = Pick<Services, 'db' | 'config' | 'vault' | 'log'>;

/** What a browser brings back from the dialog. */
export interface Return {
  readonly state: string | undefined;
  readonly code: string | undefined;
  /** The person, or the network, said no. */
  readonly isDenied: boolean;
  /** What its cookie says. */
  readonly browser: string | undefined;
}

/** The way back from the dialog: whatever fails, the person there has nothing but a browser and is led back with it. */
export async function comeBack(
  services: Needs,
  provider: Provider,
  given: Return,
  place: Place,
): Promise<Outcome> {
  const { state } = given;
  if (state === undefined) return { kind: 'lost', error: 'missing_params' };
  const journey = await findJourney(services.db, provider.name, state);
  if (journey === undefined) return { kind: 'lost', error: 'session_expired' };
  try {
    const refusal = await admit(services, journey, { ...given, state });
    if (refusal !== null) return outcomes.failed(journey, refusal);
    return await arrive(services, provider, journey, { code: given.code ?? '', place });
  } catch (error) {
    services.log.error({ err: error, ...factsOf(journey) }, 'connecting failed on our side');
    return outcomes.failed(journey, 'internal_error');
  }
}

/** Whether the consent may be asked for at all: the state is used up by it. Null: it may. */
async function admit(
  { db }: Needs,
  journey: KnownJourney,
  { state, code, isDenied, browser }: Return & { readonly state: string },
): Promise<ConnectError | null> {
  if (!journey.isOpen || browser === undefined) return 'session_expired';
  if (code === undefined && !isDenied) return 'missing_params';
  // Of somebody else's browser nothing is taken: whoever started may still return.
  if (!(await endJourney(db, state, browser))) return 'session_expired';
  return isDenied ? 'authorization_denied' : null;
}

interface Arrival {
  readonly code: string;
  readonly place: Place;
}

async function arrive(
  services: Needs,
  provider: Provider,
  journey: KnownJourney,
  { code, place }: Arrival,
): Promise<Outcome> {
  const login = findLogin(provider.connect.logins, journey.login);
  const known = login && (await openApp(services, journey.tenantId, { ...journey, login }));
  if (login === undefined || known == null) return outcomes.failed(journey, 'invalid_config');
  await requireFleetsNetwork(services);
  await requireFleetsKey(services);
  const redirectUri = redirectUriOf(provider.name, place.publicUrl);
  const consent = await ask(services, journey, { login, known, code, redirectUri });
  if (consent === null) return outcomes.failed(journey, 'token_exchange_failed');
  const { grant, accounts } = consent;
  const [only] = accounts;
  if (only === undefined) return outcomes.nothing(journey);
  const { tenantId, appId } = journey;
  const connection = {
    id: randomUUID(),
    tenantId,
    provider: provider.name,
    login: login.name,
    appId,
    grant,
    accounts,
  };
  if (!login.isChosen) return connectAtOnce(services, provider, journey, { connection, only });
  await saveConnection(services, connection);
  services.log.info({ ...factsOf(journey), accounts: accounts.length }, 'consent given');
  return outcomes.choice(journey, connection.id, accounts);
}

interface Question {
  readonly login: Login;
  readonly known: KnownApp;
  readonly code: string;
  readonly redirectUri: string;
}

/** Null: the network refused, or did not answer, or has refused too often to be asked. */
async function ask(
  { db, log }: Needs,
  journey: KnownJourney,
  { login, known, code, redirectUri }: Question,
): Promise<{ readonly grant: Grant; readonly accounts: readonly Candidate[] } | null> {
  // No account's calls yet: nothing is counted.
  const context: CallContext = { onCall: () => undefined };
  try {
    const booked = await bookFailure(db, journey.tenantId);
    const grant = await login.exchange(known.app, { code, redirectUri }, context);
    await giveBackCalls(db, booked);
    return { grant, accounts: await login.accounts(known.app, grant, context) };
  } catch (error) {
    const isOurs = !(error instanceof PublishError) || error.record.class === 'internal';
    if (isOurs && !(error instanceof LimitedError)) throw error;
    log.warn({ err: error, ...factsOf(journey) }, 'the network gave no token for a consent');
    return null;
  }
}

/** Where the login is the account's own there is nothing to choose. */
async function connectAtOnce(
  services: Needs,
  provider: Provider,
  journey: KnownJourney,
  {
    connection,
    only,
  }: { readonly connection: Parameters<typeof choose>[2]; readonly only: Candidate },
): Promise<Outcome> {
  try {
    const { integration } = await choose(services, provider, connection, {
      accountId: only.externalAccountId,
      name: undefined,
      newId: randomUUID(),
    });
    return outcomes.connected(journey, integration);
  } catch (error) {
    const why = whyNot(error);
    if (why === null) throw error;
    services.log.warn(
      { err: error, ...factsOf(journey) },
      'the account of a consent is not usable',
    );
    return outcomes.failed(journey, why);
  }
}

/** Null: it is none of the person's, and none of the network's. */
function whyNot(error: unknown): ConnectError | null {
  if (error instanceof PublishError) return 'token_exchange_failed';
  if (!(error instanceof InvalidRequestError)) return null;
  const rules = error.errors.map(({ rule }) => rule);
  if (error.code === 'permission_missing' || rules.some((rule) => rule.startsWith('scope_'))) {
    return 'authorization_denied';
  }
  return error.code === 'account_not_usable' ? 'no_accounts' : 'token_exchange_failed';
}

function factsOf({ tenantId, provider }: KnownJourney) {
  return { tenantId, provider };
}
