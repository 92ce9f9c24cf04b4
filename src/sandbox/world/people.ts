import { createHash } from 'node:crypto';
import type { App, Grant, InstagramAccount, Post, Token, TokenState, User } from './model.ts';
import { defaultAppId, newId, type World } from './world.ts';

export type AssetKind = 'page' | 'ad_account' | 'instagram_account' | 'business';

/** What a permission of Facebook Login holds for; undefined: for the person alone. */
export function kindOf(scope: string): AssetKind | undefined {
  if (scope.startsWith('pages_') || scope === 'read_insights' || scope === 'leads_retrieval') {
    return 'page';
  }
  if (scope === 'publish_video') return 'page';
  if (scope.startsWith('ads_')) return 'ad_account';
  if (scope === 'business_management') return 'business';
  return /^instagram_(?!business_)/.test(scope) ? 'instagram_account' : undefined;
}

/** Whether the token has this permission for this asset: a person may have given it for others only. */
export function holds(token: Token, scope: string, assetId: string): boolean {
  if (!token.scopes.has(scope)) return false;
  return token.grant?.targets.get(scope)?.has(assetId) ?? true;
}

/** A Page that was not ticked in the dialog is not there for the app. */
export function seesPage(token: Token, pageId: string): boolean {
  if (token.grant === null) return true;
  return [...token.scopes].some((scope) => kindOf(scope) === 'page' && holds(token, scope, pageId));
}

export function addUser(world: World, given: Partial<User> = {}): User {
  const user: User = {
    id: given.id ?? newId(world, '133'),
    name: given.name ?? 'Page admin',
    roles: given.roles ?? new Map<string, Set<string>>(),
    adAccounts: given.adAccounts ?? new Set<string>(),
    systemOf: given.systemOf ?? null,
  };
  world.users.set(user.id, user);
  return user;
}

/**
 * The id by which an app knows a person: another one for each app, as Meta's are. The sandbox's first app knows people
 * by the ids that the control routes use.
 */
export function scopedId(world: World, appId: string, userId: string): string {
  if (appId === defaultAppId) return userId;
  const digest = createHash('sha256').update(`${appId}:${userId}`).digest();
  const id = `2${(digest.readBigUInt64BE() % 10n ** 16n).toString().padStart(16, '0')}`;
  world.scopedIds.set(`${appId}:${id}`, userId);
  return id;
}

/** Who is meant by an id in a call of this app. */
export function personBehind(world: World, appId: string, id: string): string | undefined {
  return appId === defaultAppId ? id : world.scopedIds.get(`${appId}:${id}`);
}

export function grantOf(world: World, appId: string, userId: string): Grant | undefined {
  return world.grants.get(`${appId}:${userId}`);
}

/** The grant of the two; made when they meet for the first time. */
export function meet(world: World, appId: string, userId: string): Grant {
  const known = grantOf(world, appId, userId);
  if (known !== undefined) return known;
  const grant: Grant = {
    userId,
    appId,
    granted: new Set(),
    declined: new Set(),
    targets: new Map(),
    lastLoginAt: world.clock.now(),
  };
  world.grants.set(`${appId}:${userId}`, grant);
  return grant;
}

/** Takes one permission from an app: from all its tokens of this person, at once. */
export function revokeScope(world: World, appId: string, userId: string, scope: string): void {
  for (const token of tokensOf(world, userId, appId)) token.scopes.delete(scope);
  const grant = grantOf(world, appId, userId);
  if (grant?.granted.delete(scope) === true) grant.declined.add(scope);
}

/** The person removes the app, or the app lets go of the person: the next dialog begins anew. */
export function removeApp(world: World, appId: string, userId: string): void {
  endTokens(world, userId, 'revoked', appId);
  world.grants.delete(`${appId}:${userId}`);
}

/** Living tokens of a person come into this state; without an app those of all apps. */
export function endTokens(world: World, userId: string, state: TokenState, appId?: string): void {
  for (const token of tokensOf(world, userId, appId)) token.state = state;
}

function tokensOf(world: World, userId: string, appId?: string): Token[] {
  return [...world.tokens.values()].filter(
    (token) => token.userId === userId && (appId === undefined || token.appId === appId),
  );
}

export function instagramOf(world: World, pageId: string): InstagramAccount | undefined {
  return [...world.instagramAccounts.values()].find((account) => account.pageId === pageId);
}

/** In development mode nobody can log in but the people of the app. */
export function mayLogIn(app: App, userId: string): boolean {
  return app.mode === 'live' || app.people.has(userId);
}

/** What an app in development mode wrote, only its own people see. */
export function isForAppPeopleOnly(world: World, post: Post): boolean {
  return world.apps.get(post.appId ?? '')?.mode === 'development';
}
