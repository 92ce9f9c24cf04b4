import { ConflictError, type FieldProblem, InvalidRequestError } from '../errors.ts';
import { bookRefusal } from '../integrations/booking.ts';
import type { LoginName } from '../providers/account.ts';
import type { Login } from '../providers/connecting.ts';
import type { Provider } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { type AppOwner, chooseApp, openApp } from './app.ts';
import {
  bindBrowser,
  findJourney,
  type Journey,
  newSecretText,
  saveJourney,
} from './state-store.ts';
import { type Outcome, outcomes } from './way-back.ts';

/** Somebody wants accounts of a tenant connected. */
export interface Wish {
  readonly tenantId: string;
  readonly redirectUrl: string;
  readonly owner?: AppOwner | undefined;
  readonly login?: LoginName | undefined;
  /** Beyond the usual ones. */
  readonly scopes?: readonly string[] | undefined;
}

/** Where the outside reaches the API, without a slash at its end. */
export interface Place {
  readonly publicUrl: string;
}

/**
 * Sends a person on the way: `authorizeUrl` is for their browser, once, until `expiresAt`. Throws `invalid` (422) for a
 * login or a scope that the provider does not have, ConflictError `invalid_config` where there is no usable app.
 */
export async function startConnect(
  services: Pick<Services, 'db' | 'config' | 'vault'>,
  provider: Provider,
  { tenantId, redirectUrl, owner, login: name, scopes = [] }: Wish,
  { publicUrl }: Place,
): Promise<{ readonly authorizeUrl: string; readonly expiresAt: Date }> {
  const login = requireLogin(provider, name);
  requireScopes(login, scopes);
  const known = await chooseApp(services, { tenantId, login, owner });
  if (known === null) throw noUsableApp(provider, owner);
  await bookStart(services.db, tenantId);
  const state = newSecretText();
  const usual = login.scopes.map((scope) => scope.name);
  const expiresAt = await saveJourney(services.db, state, {
    tenantId,
    provider: provider.name,
    login: login.name,
    appId: known.appId,
    scopes: [...new Set([...usual, ...scopes])],
    redirectUrl,
  });
  return { authorizeUrl: `${placeOf(provider.name, publicUrl)}/start?state=${state}`, expiresAt };
}

const startsPerHour = 2000;

/** Each is a row that is kept for a while. Throws LimitedError. */
export async function bookStart(db: Services['db'], tenantId: string): Promise<void> {
  await bookRefusal(db, {
    budgetKey: `start:${tenantId}`,
    limit: startsPerHour,
    text: `This tenant has begun ${startsPerHour} connections within an hour.`,
  });
}

/** Registered at the network, and byte by byte the same in the dialog and in the exchange. */
export function redirectUriOf(provider: string, publicUrl: string): string {
  return `${placeOf(provider, publicUrl)}/callback`;
}

function placeOf(provider: string, publicUrl: string): string {
  return `${publicUrl}/v1/connect/${provider}`;
}

function requireLogin({ name: provider, connect }: Provider, name: LoginName | undefined): Login {
  const login = findLogin(connect.logins, name);
  if (login !== undefined) return login;
  const known = connect.logins.map((one) => one.name).join(' or ') || 'left out';
  throw broken({ path: 'login', message: `must be ${known} for ${provider}`, rule: 'login_known' });
}

export function findLogin(
  logins: readonly Login[],
  name: LoginName | undefined,
): Login | undefined {
  return name === undefined ? logins[0] : logins.find((login) => login.name === name);
}

function requireScopes({ scopes, optionalScopes }: Login, wanted: readonly string[]): void {
  const known = [...scopes, ...optionalScopes].map(({ name }) => name);
  const unknown = wanted.find((scope) => !known.includes(scope));
  if (unknown === undefined) return;
  throw broken({ path: 'scopes', message: `must be of ${known.join(', ')}`, rule: 'scope_known' });
}

function broken(problem: FieldProblem): InvalidRequestError {
  const detail = `${problem.path}: ${problem.message}.`;
  return new InvalidRequestError(422, 'invalid', detail, [problem]);
}

function noUsableApp({ name }: Provider, owner: AppOwner | undefined): ConflictError {
  const where = {
    own: `The tenant has no app of its own for ${name} whose secret is known: PUT /v1/apps/${name}.`,
    shared: `The operator's app for ${name} is not configured: META_APP_ID and META_APP_SECRET, or INSTAGRAM_APP_ID and INSTAGRAM_APP_SECRET.`,
    any: `There is no usable app for ${name}, neither the tenant's own (PUT /v1/apps/${name}) nor the operator's.`,
  };
  return new ConflictError('invalid_config', where[owner ?? 'any']);
}

/** Throws `redirect_url_invalid` (422). Answers the address as it is kept. */
export function readRedirectUrl(text: string): string {
  const url = URL.parse(text);
  const isSafe =
    url?.protocol === 'https:' ||
    (url?.protocol === 'http:' && ['localhost', '127.0.0.1'].includes(url.hostname));
  const isPlain = url !== null && url.username === '' && url.password === '' && !text.includes('#');
  if (url !== null && isSafe && isPlain && /^[\x21-\x7e]+$/.test(text)) return url.href;
  const message = 'must be https, or http on localhost or 127.0.0.1, without user or fragment';
  throw new InvalidRequestError(422, 'redirect_url_invalid', `redirect_url: ${message}.`, [
    { path: 'redirect_url', message, rule: 'redirect_url_safe' },
  ]);
}

interface Departure {
  readonly state: string;
  /** By which it is known when it comes back. */
  readonly browser: string;
}

/** A browser comes to the start, and is led on to the dialog of the network. */
export async function leave(
  services: Pick<Services, 'db' | 'config' | 'vault' | 'log'>,
  provider: Provider,
  departure: Departure,
  place: Place,
): Promise<Outcome> {
  const journey = await findJourney(services.db, provider.name, departure.state);
  if (journey === undefined) return { kind: 'lost', error: 'session_expired' };
  try {
    return await leadOn(services, provider, journey, { ...departure, ...place });
  } catch (error) {
    const { tenantId } = journey;
    services.log.error({ err: error, tenantId }, 'nobody could be led on to the dialog');
    return outcomes.failed(journey, 'internal_error');
  }
}

async function leadOn(
  services: Pick<Services, 'db' | 'config' | 'vault'>,
  provider: Provider,
  journey: Journey,
  { state, browser, publicUrl }: Departure & Place,
): Promise<Outcome> {
  const login = findLogin(provider.connect.logins, journey.login);
  const known = login && (await openApp(services, journey.tenantId, { ...journey, login }));
  if (login === undefined || known == null) return outcomes.failed(journey, 'invalid_config');
  if (!(await bindBrowser(services.db, state, browser))) {
    return outcomes.failed(journey, 'session_expired');
  }
  const redirectUri = redirectUriOf(provider.name, publicUrl);
  const { scopes } = journey;
  return { kind: 'onward', url: login.authorizeUrl(known.app, { state, redirectUri, scopes }) };
}
