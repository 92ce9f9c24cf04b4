import type { Page, Token, User } from '../world/model.ts';
import type { World } from '../world/world.ts';
import {
  type Call,
  GraphError,
  invalidParameter,
  invalidToken,
  textParam,
  unsupportedRequest,
} from './call.ts';
import { checkFields, parseFields, project } from './fields.ts';
import { pageType } from './nodes.ts';
import { askedFields, limitOf } from './reads.ts';
import { type Caller, deadToken, issueToken, pageScopes, readingDenied } from './tokens.ts';

/** GET /{page}: for its own token and for people with a role on it, who may also have its token. */
export function readPage(world: World, page: Page, caller: Caller, call: Call): object {
  requireRole(world, page, caller);
  const fields = askedFields(call.params, pageType);
  const wantsToken = fields?.some((field) => field.name === 'access_token') ?? false;
  const token = wantsToken ? pageTokenFor(world, page, caller) : null;
  const tasks = token?.tasks ?? tasksOf(world, page, caller);
  return project(pageType, { world, page, accessToken: token?.value ?? null, tasks }, fields);
}

function requireRole(world: World, page: Page, caller: Caller): void {
  if (tasksOf(world, page, caller) === null) throw readingDenied();
}

function tasksOf(world: World, page: Page, { token }: Caller): ReadonlySet<string> | null {
  if (token.type === 'page') return token.pageId === page.id ? token.tasks : null;
  return world.users.get(token.userId)?.roles.get(page.id) ?? null;
}

/** A Page token is one per person, app and Page; it inherits scopes and never expires by time. */
function pageTokenFor(world: World, page: Page, { token }: Caller): Token | null {
  if (token.type === 'page') return token.pageId === page.id ? token : null;
  const tasks = world.users.get(token.userId)?.roles.get(page.id);
  if (tasks === undefined) return null;
  for (const known of world.tokens.values()) {
    const same =
      known.type === 'page' &&
      known.pageId === page.id &&
      known.userId === token.userId &&
      known.appId === token.appId &&
      known.state === 'valid';
    if (same) return known;
  }
  const { userId, appId } = token;
  return issueToken(world, {
    type: 'page',
    pageId: page.id,
    userId,
    appId,
    tasks,
    scopes: token.scopes,
  });
}

/** GET /me/accounts: the Pages of a person; those in a business portfolio need one more permission. */
export function readAccounts(world: World, user: User, caller: Caller, call: Call): object {
  const text =
    textParam(call.params, 'fields') ?? 'access_token,category,category_list,name,id,tasks';
  const fields = parseFields(text);
  checkFields(pageType, fields);
  const after =
    Number(Buffer.from(textParam(call.params, 'after') ?? '', 'base64url').toString()) || 0;
  const limit = limitOf(call.params);
  const pages = caller.token.scopes.has('pages_show_list')
    ? [...user.roles.keys()].flatMap((id) => world.pages.get(id) ?? [])
    : [];
  const shown = pages.filter(
    (page) => !page.portfolio || caller.token.scopes.has('business_management'),
  );
  const rows = shown.slice(after, after + limit);
  const data = rows.map((page) => {
    const token = pageTokenFor(world, page, caller);
    const view = {
      world,
      page,
      accessToken: token?.value ?? null,
      tasks: user.roles.get(page.id) ?? null,
    };
    return project(pageType, view, fields);
  });
  if (rows.length === 0) return { data };
  const cursors = { before: offset(after), after: offset(after + rows.length) };
  return {
    data,
    paging: { cursors, ...nextLink(call, shown.length > after + limit, cursors.after) },
  };
}

function offset(at: number): string {
  return Buffer.from(String(at)).toString('base64url');
}

function nextLink(call: Call, more: boolean, after: string): { next?: string } {
  if (!more) return {};
  const token = encodeURIComponent(call.token ?? '');
  const version = call.version ?? 'v21.0';
  const limit = limitOf(call.params);
  return {
    next: `https://graph.facebook.com/${version}/me/accounts?access_token=${token}&limit=${limit}&after=${after}`,
  };
}

/** GET and DELETE /{user}/permissions. */
export function answerPermissions(world: World, user: User, caller: Caller, call: Call): object {
  if (call.method === 'GET') {
    const granted = [...caller.token.scopes].map((permission) => ({
      permission,
      status: 'granted',
    }));
    return { data: granted };
  }
  if (call.method !== 'DELETE') throw unsupportedRequest(call.method, user.id);
  const one = call.segments[2];
  for (const token of world.tokens.values()) {
    if (token.userId !== user.id || token.appId !== caller.app.id) continue;
    if (one === undefined) token.state = 'revoked';
    else token.scopes.delete(one);
  }
  return { success: true };
}

/** GET /debug_token, asked with an app token or a token of the same app. */
export function debugToken(world: World, call: Call): object {
  const askingApp = appOf(world, call);
  const input = textParam(call.params, 'input_token');
  if (input === undefined) {
    throw invalidParameter('The parameter input_token is required');
  }
  const token = world.tokens.get(input);
  if (token === undefined) {
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
  const target = token.pageId === null ? {} : { target_ids: [token.pageId] };
  return {
    app_id: token.appId,
    type: token.type.toUpperCase(),
    application: world.apps.get(token.appId)?.name ?? '',
    data_access_expires_at: Math.floor(token.issuedAt / 1000) + 90 * 86_400,
    expires_at: token.expiresAt === null ? 0 : Math.floor(token.expiresAt / 1000),
    is_valid: dead === null,
    issued_at: Math.floor(token.issuedAt / 1000),
    scopes: [...token.scopes],
    granular_scopes: [...token.scopes]
      .filter((scope) => pageScopes.includes(scope))
      .map((scope) => ({ scope, ...target })),
    user_id: token.userId,
    ...(token.pageId === null ? {} : { profile_id: token.pageId }),
    ...(dead === null
      ? {}
      : { error: { code: 190, message: dead.message, subcode: dead.fields.subcode } }),
  };
}
