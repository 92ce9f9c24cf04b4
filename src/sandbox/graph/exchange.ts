import type { App, LoginCode, Token } from '../world/model.ts';
import { holds, meet, scopedId } from '../world/people.ts';
import type { World } from '../world/world.ts';
import {
  bareId,
  type Call,
  GraphError,
  invalidParameter,
  invalidToken,
  type Params,
  permissionDenied,
  textParam,
  unknownPath,
  unsupportedRequest,
} from './call.ts';
import { project } from './fields.ts';
import { instagramLoginType } from './nodes.ts';
import { askedFields } from './reads.ts';
import { type Caller, deadToken, issueToken } from './tokens.ts';

const shortMs = { facebook: 5_400_000, instagram: 3_600_000 };
/** What was recorded of both networks: a little under 60 days. */
const longMs = 5_183_944_000;
const dayMs = 86_400_000;

/** GET or POST /oauth/access_token on graph.facebook.com. */
export function exchangeFacebook(world: World, call: Call): object {
  const app = clientOf(world, call);
  const grantType = textParam(call.params, 'grant_type') ?? 'authorization_code';
  switch (grantType) {
    case 'authorization_code':
      return exchangeCode(world, app, call);
    case 'fb_exchange_token':
      return exchangeToken(world, app, call);
    case 'client_credentials':
      return { access_token: `${app.id}|${app.secret}`, token_type: 'bearer' };
    default:
      throw invalidParameter(`Unsupported grant_type: ${grantType}`);
  }
}

function clientOf(world: World, call: Call): App {
  const id = textParam(call.params, 'client_id');
  if (id === undefined) throw new GraphError('Missing client_id parameter.', { code: 101 });
  const app = world.apps.get(id);
  if (app?.kind !== 'facebook') {
    const text = 'Error validating application. Cannot get application info due to a system error.';
    throw new GraphError(text, { code: 101 });
  }
  if (textParam(call.params, 'client_secret') !== app.secret) {
    throw new GraphError('Error validating client secret.', { code: 1 });
  }
  return app;
}

function exchangeCode(world: World, app: App, call: Call): object {
  const code = world.codes.get(textParam(call.params, 'code') ?? '');
  if (code?.appId !== app.id) {
    throw new GraphError('Invalid verification code format.', { code: 100 });
  }
  if (code.used) throw codeRefused('This authorization code has been used.', 36_009);
  if (code.expiresAt <= world.clock.now()) {
    throw codeRefused('This authorization code has expired.', 36_007);
  }
  if (textParam(call.params, 'redirect_uri') !== code.redirectUri) {
    throw codeRefused(wrongRedirect, 36_008);
  }
  return answer(world, tokenFor(world, code));
}

const wrongRedirect =
  'Error validating verification code. Please make sure your redirect_uri is identical to the one you used in the OAuth dialog request';

function codeRefused(text: string, subcode: number): GraphError {
  return new GraphError(text, { code: 100, subcode });
}

/** The token that a code stands for. The code is used up by it. */
function tokenFor(world: World, code: LoginCode): Token {
  code.used = true;
  const { appId, userId } = code;
  const grant = meet(world, appId, userId);
  const isSystem = world.users.get(userId)?.systemOf != null;
  const network = world.instagramAccounts.has(userId) ? 'instagram' : 'facebook';
  const own = network === 'facebook' ? ['public_profile'] : [];
  for (const scope of own) grant.granted.add(scope);
  return issueToken(world, {
    type: isSystem ? 'system_user' : network === 'instagram' ? 'instagram' : 'user',
    appId,
    userId,
    grant,
    scopes: new Set(grant.granted),
    tasks: new Set(),
    isShort: !isSystem,
    expiresAt: isSystem ? null : world.clock.now() + shortMs[network],
  });
}

function answer(world: World, { value, expiresAt }: Token): object {
  const lasts = expiresAt === null ? {} : { expires_in: secondsTo(world, expiresAt) };
  return { access_token: value, token_type: 'bearer', ...lasts };
}

function secondsTo(world: World, at: number): number {
  return Math.round((at - world.clock.now()) / 1000);
}

/** An hour's token, or one of 60 days, for one of 60 days from now; one that is over is good for nothing. */
function exchangeToken(world: World, app: App, call: Call): object {
  const token = world.tokens.get(textParam(call.params, 'fb_exchange_token') ?? '');
  if (token === undefined || token.type === 'instagram') {
    throw invalidToken('Invalid OAuth access token - Cannot parse access token', undefined, 401);
  }
  if (token.appId !== app.id) {
    throw invalidToken('Error validating access token: The token belongs to another application.');
  }
  const dead = deadToken(token, world.clock.now());
  if (dead !== null) throw dead;
  if (token.type === 'page') throw invalidParameter('fb_exchange_token must be a user token');
  return answer(world, longer(world, token));
}

function longer(world: World, token: Token): Token {
  if (token.expiresAt === null) return token;
  const expiresAt = world.clock.now() + longMs;
  const again = world.weather.exchange_again;
  if (!token.isShort && again !== 'new') {
    if (again === 'prolonged') token.expiresAt = expiresAt;
    return token;
  }
  const { type, appId, userId, grant, tasks } = token;
  const scopes = new Set(token.scopes);
  return issueToken(world, { type, appId, userId, grant, tasks, scopes, expiresAt });
}

/** What stands behind api.instagram.com: one path. */
export function answerInstagramApi(world: World, call: Call): object {
  const path = call.segments.join('/');
  if (path === 'oauth/access_token') return exchangeInstagramCode(world, call);
  throw unknownPath(`/${path}`);
}

/** What stands behind graph.instagram.com. */
export function answerInstagram(world: World, caller: Caller, call: Call): object {
  const [first = '', second] = call.segments;
  if (second !== undefined) throw unknownPath(`/${second}`);
  if (first === 'access_token') return exchangeInstagram(world, caller, call);
  if (first === 'refresh_access_token') return refreshInstagram(world, caller, call);
  return readSelf(world, caller, call, first);
}

/** Refused in the form that only this host has. */
class InstagramLoginError extends GraphError {
  override name = 'InstagramLoginError';

  override envelope(): object {
    return { error_type: 'OAuthException', code: this.status, error_message: this.message };
  }
}

function exchangeInstagramCode(world: World, call: Call): object {
  if (call.method !== 'POST') {
    throw new InstagramLoginError('This method requires a POST.', { status: 405 });
  }
  const field = (name: string) => textParam(call.form, name);
  const app = instagramClient(world, call.form);
  if (field('grant_type') !== 'authorization_code') {
    throw new InstagramLoginError('You must provide grant_type authorization_code', {});
  }
  const code = world.codes.get(field('code') ?? '');
  const isGood = code?.appId === app.id && !code.used && code.expiresAt > world.clock.now();
  if (code === undefined || !isGood) {
    throw new InstagramLoginError('Matching code was not found or was already used', {});
  }
  if (field('redirect_uri') !== code.redirectUri) throw new InstagramLoginError(wrongRedirect, {});
  return shaped(world, tokenFor(world, code));
}

function instagramClient(world: World, params: Params): App {
  const app = world.apps.get(textParam(params, 'client_id') ?? '');
  if (app?.kind !== 'instagram') throw new InstagramLoginError('Invalid platform app', {});
  if (textParam(params, 'client_secret') !== app.secret) {
    throw new InstagramLoginError('Error validating client secret.', {});
  }
  return app;
}

/** Documented as a list with names in one string, recorded flat with a list of names. */
function shaped(world: World, token: Token): object {
  const { instagram_token_shape: shape, instagram_user_id: as } = world.weather;
  const id = scopedId(world, token.appId, token.userId);
  const userId = as === 'number' ? bareId(id) : id;
  const names = [...token.scopes];
  const rest = { access_token: token.value, user_id: userId };
  if (shape === 'flat') return { ...rest, permissions: names };
  return { data: [{ ...rest, permissions: names.join(',') }] };
}

/** GET /access_token on graph.instagram.com: an hour's token for one of 60 days. */
function exchangeInstagram(world: World, { token, app }: Caller, call: Call): object {
  requireGet(call, 'ig_exchange_token');
  if (textParam(call.params, 'client_secret') !== app.secret) {
    throw new GraphError('Error validating client secret.', { code: 1 });
  }
  if (!token.isShort) {
    throw new GraphError('Session key invalid: this is not a short-lived token', { code: 452 });
  }
  return answer(world, renewed(world, token));
}

/** GET /refresh_access_token: from a day after the issue until the end, 60 days from now. */
function refreshInstagram(world: World, { token }: Caller, call: Call): object {
  requireGet(call, 'ig_refresh_token');
  requireBasic(token);
  if (token.isShort || world.clock.now() - token.issuedAt < dayMs) {
    throw new GraphError(
      'The access token cannot be refreshed: it must be long-lived and at least 24 hours old',
      { code: 100, type: 'IGApiException' },
    );
  }
  return {
    ...answer(world, renewed(world, token)),
    permissions: [...token.scopes].join(','),
  };
}

function requireGet(call: Call, grantType: string): void {
  if (call.method !== 'GET') {
    const text = `Unsupported request - method type: ${call.method.toLowerCase()}`;
    throw new GraphError(text, { code: 100, type: 'IGApiException' });
  }
  if (textParam(call.params, 'grant_type') === grantType) return;
  throw invalidParameter(`grant_type must be ${grantType}`);
}

function renewed(world: World, { type, appId, userId, grant, scopes }: Token): Token {
  const expiresAt = world.clock.now() + longMs;
  return issueToken(world, { type, appId, userId, grant, scopes: new Set(scopes), expiresAt });
}

function requireBasic(token: Token): void {
  if (holds(token, 'instagram_business_basic', token.userId)) return;
  throw permissionDenied(10, 'Application does not have permission for this action');
}

/** GET /me, or the account by either of its ids; nobody else's is there. */
function readSelf(world: World, { token, app }: Caller, call: Call, id: string): object {
  const account = world.instagramAccounts.get(token.userId);
  const scoped = scopedId(world, app.id, token.userId);
  const isOwn = id === 'me' || id === account?.id || id === scoped;
  if (account === undefined || !isOwn || call.method !== 'GET') {
    throw unsupportedRequest(call.method, id);
  }
  requireBasic(token);
  const type = instagramLoginType(scoped);
  const self = project(type, account, askedFields(call.params, type));
  return world.weather.instagram_me_shape === 'flat' ? self : { data: [self] };
}
