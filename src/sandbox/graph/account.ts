import type { App, Page, Token, User } from '../world/model.ts';
import {
  holds,
  kindOf,
  personBehind,
  removeApp,
  revokeScope,
  scopedId,
  seesPage,
} from '../world/people.ts';
import type { World } from '../world/world.ts';
import { linkedInstagram, listEdge } from './assets.ts';
import {
  type Call,
  GraphError,
  invalidParameter,
  invalidToken,
  textParam,
  unsupportedRequest,
} from './call.ts';
import { project } from './fields.ts';
import { accountType, appType, type PageView, type Person, pageType } from './nodes.ts';
import { askedFields } from './reads.ts';
import { type Caller, deadToken, issueToken, pageScopes, readingDenied } from './tokens.ts';

/** GET /{page}: for its own token and for people with a role on it, who may also have its token. */
export function readPage(world: World, page: Page, caller: Caller, call: Call): object {
  requireRole(world, page, caller);
  const fields = askedFields(call.params, pageType);
  const wantsToken = fields?.some((field) => field.name === 'access_token') ?? false;
  return project(pageType, pageView(world, page, caller, wantsToken), fields);
}

/** A Page as this caller sees it; its token is made where it is asked for. */
export function pageView(world: World, page: Page, caller: Caller, withToken: boolean): PageView {
  const token = withToken ? pageTokenFor(world, page, caller) : null;
  return {
    world,
    page,
    accessToken: token?.value ?? null,
    tasks: rolesOf(world, page, caller),
    instagram: linkedInstagram(world, page, caller),
  };
}

function requireRole(world: World, page: Page, caller: Caller): void {
  if (!seesPage(caller.token, page.id)) throw unsupportedRequest('GET', page.id);
  if (rolesOf(world, page, caller) === null) throw readingDenied();
}

function rolesOf(world: World, page: Page, { token }: Caller): ReadonlySet<string> | null {
  if (token.type === 'page') return token.pageId === page.id ? token.tasks : null;
  return world.users.get(token.userId)?.roles.get(page.id) ?? null;
}

/**
 * A Page token is one per person, app and Page; it inherits scopes. One made with a lasting token of the person never
 * expires by time, one made with an hour's token ends with that.
 */
function pageTokenFor(world: World, page: Page, { token }: Caller): Token | null {
  if (token.type === 'page') return token.pageId === page.id ? token : null;
  const tasks = world.users.get(token.userId)?.roles.get(page.id);
  if (tasks === undefined || !seesPage(token, page.id)) return null;
  const expiresAt = token.isShort ? token.expiresAt : null;
  for (const known of world.tokens.values()) {
    const same =
      known.type === 'page' &&
      known.pageId === page.id &&
      known.userId === token.userId &&
      known.appId === token.appId &&
      known.state === 'valid' &&
      known.grant === token.grant &&
      (token.grant === null || known.expiresAt === expiresAt);
    if (same && (token.grant === null || sameScopes(known, token))) return known;
  }
  const { userId, appId, isShort, grant } = token;
  const scopes = new Set(token.scopes);
  const fresh = { pageId: page.id, userId, appId, tasks, scopes, isShort, grant, expiresAt };
  return issueToken(world, { type: 'page', ...fresh });
}

function sameScopes(a: Token, b: Token): boolean {
  return a.scopes.symmetricDifference(b.scopes).size === 0;
}

/** GET /me/accounts: the Pages of a person; those in a business portfolio need one more permission. */
export function readAccounts(world: World, user: User, caller: Caller, call: Call): object {
  const { token } = caller;
  const isListed = (page: Page) =>
    !page.portfolio ||
    (world.weather.portfolio_pages === 'with_business_management' &&
      token.scopes.has('business_management'));
  const shown = [...user.roles.keys()]
    .filter((id) => holds(token, 'pages_show_list', id))
    .flatMap((id) => world.pages.get(id) ?? [])
    .filter(isListed);
  const unasked = 'access_token,category,category_list,name,id,tasks';
  return listEdge(call, shown, accountType, (page) => pageView(world, page, caller, true), unasked);
}

/** A person as this app knows it. */
export function personView(world: World, user: User, app: App): Person {
  const { name, systemOf } = user;
  const id = scopedId(world, app.id, user.id);
  return systemOf === null ? { id, name } : { id, name, clientBusinessId: systemOf };
}

/** GET and DELETE /{user}/permissions. */
export function answerPermissions(world: World, user: User, caller: Caller, call: Call): object {
  const { token, app } = caller;
  if (call.method === 'GET') {
    const granted = [...(token.grant?.granted ?? token.scopes)];
    const declined = [...(token.grant?.declined ?? [])];
    return {
      data: [
        ...granted.map((permission) => ({ permission, status: 'granted' })),
        ...declined.map((permission) => ({ permission, status: 'declined' })),
      ],
    };
  }
  if (call.method !== 'DELETE') throw unsupportedRequest(call.method, user.id);
  const one = call.segments[2];
  if (one === undefined) removeApp(world, app.id, user.id);
  else revokeScope(world, app.id, user.id, one);
  return { success: true };
}

/** GET /{app}, with the app's own token. */
export function readApp(world: World, app: App, caller: Caller, call: Call): object {
  if (caller.app.id !== app.id) throw unsupportedRequest(call.method, app.id);
  const type = appType(world.weather.app_mode_field);
  return project(type, app, askedFields(call.params, type));
}

/** Whether an id in a path is the person who calls, or a person of the app that calls. */
export function userMeant(world: World, caller: Caller, id: string): User | undefined {
  const user = world.users.get(personBehind(world, caller.app.id, id) ?? '');
  const isOwn = user?.id === caller.token.userId || caller.token.type === 'app';
  return isOwn ? user : undefined;
}

/** GET /debug_token, asked with an app token or a token of the same app. */
export function debugToken(world: World, call: Call): object {
  const askingApp = appOf(world, call);
  const input = textParam(call.params, 'input_token');
  if (input === undefined) {
    throw invalidParameter('The parameter input_token is required');
  }
  const token = world.tokens.get(input);
  const isHidden = token?.type === 'instagram' && !world.weather.debug_instagram;
  if (token === undefined || isHidden) {
    const error = { code: 190, message: 'Invalid OAuth access token - Cannot parse access token' };
    return { data: { error, is_valid: false, scopes: [] } };
  }
  if (token.appId !== askingApp) {
    throw invalidParameter('The App_id in the input_token did not match the Viewing App');
  }
  return { data: describe(world, token) };
}

function appOf(world: World, call: Call): string {
  const [id = '', secret] = (call.token ?? '').split('|');
  const app = world.apps.get(id);
  if (app !== undefined && secret !== undefined) {
    if (app.secret === secret) return app.id;
    throw invalidToken('Invalid OAuth access token signature.');
  }
  const token = world.tokens.get(call.token ?? '');
  if (token !== undefined && deadToken(token, world.clock.now()) === null) return token.appId;
  throw new GraphError(
    '(#100) You must provide an app access token, or a user access token that is an owner or developer of the app',
    { code: 100 },
  );
}

function describe(world: World, token: Token): object {
  const dead = deadToken(token, world.clock.now());
  return {
    app_id: token.appId,
    type: token.type === 'instagram' ? 'USER' : token.type.toUpperCase(),
    application: world.apps.get(token.appId)?.name ?? '',
    data_access_expires_at: dataAccessEnd(token),
    expires_at: token.expiresAt === null ? 0 : Math.floor(token.expiresAt / 1000),
    is_valid: dead === null,
    issued_at: Math.floor(token.issuedAt / 1000),
    scopes: [...token.scopes],
    granular_scopes: token.grant === null ? scopesOfMade(token) : granularScopes(token),
    user_id: scopedId(world, token.appId, token.userId),
    ...(token.pageId === null ? {} : { profile_id: token.pageId }),
    ...(dead === null
      ? {}
      : { error: { code: 190, message: dead.message, subcode: dead.fields.subcode } }),
  };
}

/** 90 days after the person last went through the dialog, whatever was refreshed since; a system user never logs in. */
function dataAccessEnd(token: Token): number {
  if (token.type === 'system_user') return 0;
  return Math.floor((token.grant?.lastLoginAt ?? token.issuedAt) / 1000) + 90 * 86_400;
}

/** As it was ticked; without `target_ids` the permission holds for all there are. */
function granularScopes({ scopes, grant }: Token): object[] {
  return [...scopes]
    .filter((scope) => kindOf(scope) !== undefined)
    .map((scope) => {
      const targets = grant?.targets.get(scope);
      return { scope, ...(targets === undefined ? {} : { target_ids: [...targets] }) };
    });
}

/** A token of a control route was ticked by nobody: a Page's is for that Page. */
function scopesOfMade({ scopes, pageId }: Token): object[] {
  const target = pageId === null ? {} : { target_ids: [pageId] };
  return [...scopes]
    .filter((scope) => pageScopes.includes(scope))
    .map((scope) => ({ scope, ...target }));
}
