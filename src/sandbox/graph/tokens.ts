import { createHmac, timingSafeEqual } from 'node:crypto';
import type { App, Page, Token, TokenState } from '../world/model.ts';
import { holds } from '../world/people.ts';
import { newSecret, type World } from '../world/world.ts';
import { type Call, GraphError, invalidToken, permissionDenied, textParam } from './call.ts';

export const pageScopes = ['pages_show_list', 'pages_read_engagement', 'pages_manage_posts'];
export const pageTasks = [
  'ANALYZE',
  'ADVERTISE',
  'MESSAGING',
  'MODERATE',
  'CREATE_CONTENT',
  'MANAGE',
];

/** Who calls: a live token and its app. */
export interface Caller {
  readonly token: Token;
  readonly app: App;
}

export function issueToken(
  world: World,
  given: Partial<Token> & Pick<Token, 'type' | 'userId' | 'appId'>,
): Token {
  const token: Token = {
    value: given.value ?? `${given.type === 'instagram' ? 'IGAA' : 'EAA'}${newSecret(80)}`,
    type: given.type,
    appId: given.appId,
    userId: given.userId,
    pageId: given.pageId ?? null,
    issuedAt: world.clock.now(),
    isShort: given.isShort ?? false,
    grant: given.grant ?? null,
    scopes: given.scopes ?? new Set(pageScopes),
    tasks: given.tasks ?? new Set(pageTasks),
    state: given.state ?? 'valid',
    expiresAt: given.expiresAt ?? null,
    proof: null,
  };
  world.tokens.set(token.value, token);
  return token;
}

/** The caller, or Meta's answer to a token that is missing, dead, or without its proof. */
export function authenticate(world: World, call: Call): Caller {
  if (call.token === null) throw missingToken(call);
  const token = world.tokens.get(call.token) ?? appToken(world, call.token);
  const app = world.apps.get(token?.appId ?? '');
  const isForeign = (token?.type === 'instagram') !== (call.host === 'instagram-graph');
  if (token === undefined || app === undefined || isForeign) {
    throw invalidToken('Invalid OAuth access token - Cannot parse access token', undefined, 401);
  }
  const dead = deadToken(token, world.clock.now());
  if (dead !== null) throw dead;
  checkProof(call, token, app);
  return { token, app };
}

/** `id|secret`: the app itself, which may do little but look after its tokens and its people. */
function appToken(world: World, value: string): Token | undefined {
  const [id = '', secret] = value.split('|');
  if (secret === undefined || world.apps.get(id)?.secret !== secret) return undefined;
  return {
    value,
    type: 'app',
    appId: id,
    userId: '',
    pageId: null,
    issuedAt: world.clock.now(),
    isShort: false,
    grant: null,
    scopes: new Set(),
    tasks: new Set(),
    state: 'valid',
    expiresAt: null,
    proof: null,
  };
}

function missingToken(call: Call): GraphError {
  return call.segments[0] === 'me'
    ? new GraphError(
        'An active access token must be used to query information about the current user.',
        { code: 2500 },
      )
    : new GraphError('An access token is required to request this resource.', { code: 104 });
}

export function stateOf(token: Token, now: number): TokenState {
  const expired = token.expiresAt !== null && token.expiresAt <= now;
  return token.state === 'valid' && expired ? 'expired' : token.state;
}

function say(text: string, subcode: number): GraphError {
  return invalidToken(`Error validating access token: ${text}`, subcode);
}

export function deadToken(token: Token, now: number): GraphError | null {
  switch (stateOf(token, now)) {
    case 'valid':
      return null;
    case 'expired':
      return say(
        `Session has expired on ${new Date(token.expiresAt ?? now).toUTCString()}. The current time is ${new Date(now).toUTCString()}.`,
        463,
      );
    case 'revoked':
      return say(`The user has not authorized application ${token.appId}.`, 458);
    case 'checkpoint':
      return say(
        'You cannot access the app till you log in to www.facebook.com and follow the instructions given.',
        459,
      );
    case 'password_changed':
      return say(
        'The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons.',
        460,
      );
    case 'unconfirmed':
      return say(
        'Sessions for the user are not allowed because the user is not a confirmed user.',
        464,
      );
    case 'invalidated':
      return say('The session is invalid because the user logged out.', 467);
    case 'no_role':
      return say(
        'The user must be an administrator, editor, or moderator of the page in order to impersonate it. If the page business requires Two Factor Authentication, the user also needs to enable Two Factor Authentication.',
        492,
      );
  }
}

function checkProof(call: Call, token: Token, app: App): void {
  const given = textParam(call.params, 'appsecret_proof');
  if (given === undefined) {
    if (!app.requireProof) return;
    throw new GraphError('API calls from the server require an appsecret_proof argument', {
      code: 100,
      type: 'GraphMethodException',
    });
  }
  const expected = Buffer.from(proofOf(token, app));
  const sent = Buffer.from(given);
  if (sent.length === expected.length && timingSafeEqual(sent, expected)) return;
  throw new GraphError('Invalid appsecret_proof provided in the API argument', {
    code: 100,
    type: 'GraphMethodException',
  });
}

function proofOf(token: Token, { secret }: App): string {
  if (token.proof?.secret !== secret) {
    token.proof = { secret, value: createHmac('sha256', secret).update(token.value).digest('hex') };
  }
  return token.proof.value;
}

const postingDenied =
  'If posting to a group, requires app being installed in the group, and \\\n          either publish_to_groups permission with user token, or both pages_read_engagement \\\n          and pages_manage_posts permission with page token; If posting to a page, \\\n          requires both pages_read_engagement and pages_manage_posts as an admin with \\\n          sufficient administrative permission';

/** Posting needs a token of this very Page, both scopes, and the task CREATE_CONTENT. */
export function requirePosting(caller: Caller, page: Page): void {
  const { token } = caller;
  const allowed =
    token.type === 'page' &&
    token.pageId === page.id &&
    holds(token, 'pages_manage_posts', page.id) &&
    holds(token, 'pages_read_engagement', page.id) &&
    canCreate(token.tasks);
  if (!allowed) throw permissionDenied(200, postingDenied);
}

function canCreate(tasks: ReadonlySet<string>): boolean {
  return tasks.has('CREATE_CONTENT') || tasks.has('PROFILE_PLUS_CREATE_CONTENT');
}

/** Reading a Page's edges and posts needs its own token and `pages_read_engagement`. */
export function requireReading(caller: Caller, page: Page): void {
  const { token } = caller;
  if (token.type === 'user' || token.type === 'system_user') throw userTokenRefused();
  if (token.pageId !== page.id || !holds(token, 'pages_read_engagement', page.id)) {
    throw readingDenied();
  }
}

/** What one edge takes beyond reading, where the weather wants it. */
export function requireEdgeScope({ token }: Caller, scope: string | undefined): void {
  if (scope !== undefined && !holds(token, scope, token.pageId ?? '')) throw readingDenied(scope);
}

export function readingDenied(scope = 'pages_read_engagement'): GraphError {
  return permissionDenied(
    10,
    `This endpoint requires the '${scope}' permission or the 'Page Public Content Access' feature. Refer to https://developers.facebook.com/docs/apps/review/login-permissions#manage-pages and https://developers.facebook.com/docs/apps/review/feature#reference-PAGES_ACCESS for details.`,
  );
}

function userTokenRefused(): GraphError {
  const text = 'A Page access token is required for this call for the new Pages experience.';
  return new GraphError(text, {
    code: 190,
    subcode: 2069032,
    transient: false,
    userTitle: 'User Access Token Is Not Supported',
    userMessage: text,
  });
}

/** Changing or deleting: only what the same app wrote on the token's own Page. */
export function requireManaging(caller: Caller, page: Page, madeBy: string | null): void {
  if (!holds(caller.token, 'pages_read_engagement', page.id)) {
    throw permissionDenied(283, 'Requires pages_read_engagement permission to manage the object');
  }
  requirePosting(caller, page);
  if (madeBy !== caller.app.id) {
    throw permissionDenied(200, 'This post was not created by your application.');
  }
}
