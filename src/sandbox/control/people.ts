import type { z } from 'zod';
import { agree, candidates, deny, dialogAt, LoginProblem, readLogin } from '../graph/login.ts';
import { stateOf } from '../graph/tokens.ts';
import type { AdAccount, Business, InstagramAccount, Token, User } from '../world/model.ts';
import {
  type AssetKind,
  addUser,
  endTokens,
  grantOf,
  removeApp,
  scopedId,
} from '../world/people.ts';
import { newId, type World } from '../world/world.ts';
import {
  type adAccountChangeSchema,
  type adAccountSchema,
  type businessSchema,
  ControlError,
  type consentSchema,
  type instagramChangeSchema,
  type instagramSchema,
  type personChangeSchema,
  type userSchema,
} from './schemas.ts';

/** What the control routes do to people and to what belongs to them. */
export function createUser(world: World, given: z.infer<typeof userSchema>): object {
  refuseKnown(world.users, given.id, 'user');
  for (const id of given.page_ids) mustKnow(world.pages, id, 'Page');
  for (const id of given.ad_account_ids) mustKnow(world.adAccounts, id, 'ad account');
  const user = addUser(world, {
    name: given.name,
    roles: new Map(given.page_ids.map((id) => [id, new Set(given.tasks)])),
    adAccounts: new Set(given.ad_account_ids),
    ...(given.id === undefined ? {} : { id: given.id }),
  });
  return userView(world, user);
}

/** What happens to a person at Facebook, and to the tokens that rest on it. */
export function changeUser(
  world: World,
  id: string,
  given: z.infer<typeof personChangeSchema>,
): object {
  const user = mustKnow(world.users, id, 'user');
  for (const pageId of Object.keys(given.roles)) mustKnow(world.pages, pageId, 'Page');
  for (const appId of given.remove_apps) mustKnow(world.apps, appId, 'app');
  user.name = given.name ?? user.name;
  for (const [pageId, tasks] of Object.entries(given.roles)) changeRole(world, user, pageId, tasks);
  for (const accountId of given.ad_account_ids ?? []) {
    mustKnow(world.adAccounts, accountId, 'ad account');
  }
  if (given.ad_account_ids !== undefined) {
    user.adAccounts.clear();
    for (const accountId of given.ad_account_ids) user.adAccounts.add(accountId);
  }
  changeLogin(world, id, given);
  return userView(world, user);
}

function changeRole(world: World, user: User, pageId: string, tasks: string[] | null): void {
  if (tasks === null) user.roles.delete(pageId);
  else user.roles.set(pageId, new Set(tasks));
  for (const token of world.tokens.values()) {
    if (token.userId !== user.id || token.pageId !== pageId) continue;
    if (tasks === null) token.state = 'no_role';
    else token.tasks = new Set(tasks);
  }
}

function changeLogin(
  world: World,
  userId: string,
  given: Pick<
    z.infer<typeof personChangeSchema>,
    'remove_apps' | 'password_changed' | 'checkpoint'
  >,
): void {
  for (const appId of given.remove_apps) removeApp(world, appId, userId);
  if (given.password_changed) endTokens(world, userId, 'password_changed');
  if (given.checkpoint === undefined) return;
  const [from, to] = given.checkpoint
    ? (['valid', 'checkpoint'] as const)
    : (['checkpoint', 'valid'] as const);
  for (const token of world.tokens.values()) {
    if (token.userId === userId && token.state === from) token.state = to;
  }
}

export function listUsers(world: World): object {
  return { data: [...world.users.values()].map((user) => userView(world, user)) };
}

function userView(world: World, user: User): object {
  return {
    id: user.id,
    name: user.name,
    roles: Object.fromEntries([...user.roles].map(([id, tasks]) => [id, [...tasks]])),
    ad_account_ids: [...user.adAccounts],
    system_user_of: user.systemOf,
    grants: grantViews(world, user.id),
  };
}

/** What each app was given, and by which id it knows the person. */
function grantViews(world: World, userId: string): object[] {
  return [...world.apps.keys()].flatMap((appId) => {
    const grant = grantOf(world, appId, userId);
    if (grant === undefined) return [];
    return [
      {
        app_id: appId,
        app_scoped_id: scopedId(world, appId, userId),
        granted: [...grant.granted],
        declined: [...grant.declined],
        target_ids: Object.fromEntries([...grant.targets].map(([name, ids]) => [name, [...ids]])),
        last_login_at: new Date(grant.lastLoginAt).toISOString(),
      },
    ];
  });
}

export function createBusiness(world: World, given: z.infer<typeof businessSchema>): object {
  refuseKnown(world.businesses, given.id, 'business');
  for (const id of given.user_ids) mustKnow(world.users, id, 'user');
  const pages = [...given.owned_page_ids, ...given.client_page_ids].map((id) =>
    mustKnow(world.pages, id, 'Page'),
  );
  for (const id of [...given.owned_ad_account_ids, ...given.client_ad_account_ids]) {
    mustKnow(world.adAccounts, id, 'ad account');
  }
  const business: Business = {
    id: given.id ?? newId(world, '160'),
    name: given.name,
    people: new Set(given.user_ids),
    ownedPages: new Set(given.owned_page_ids),
    clientPages: new Set(given.client_page_ids),
    ownedAdAccounts: new Set(given.owned_ad_account_ids),
    clientAdAccounts: new Set(given.client_ad_account_ids),
  };
  for (const page of pages) page.portfolio = true;
  world.businesses.set(business.id, business);
  return { id: business.id, name: business.name };
}

export function createAdAccount(world: World, given: z.infer<typeof adAccountSchema>): object {
  refuseKnown(world.adAccounts, given.id, 'ad account');
  for (const id of given.user_ids) mustKnow(world.users, id, 'user');
  const account: AdAccount = {
    id: given.id ?? newId(world, '88'),
    name: given.name,
    status: given.account_status,
    currency: given.currency,
    timezone: given.timezone_name,
  };
  world.adAccounts.set(account.id, account);
  for (const id of given.user_ids) world.users.get(id)?.adAccounts.add(account.id);
  return { ...account };
}

export function changeAdAccount(
  world: World,
  id: string,
  given: z.infer<typeof adAccountChangeSchema>,
): object {
  const account = mustKnow(world.adAccounts, id, 'ad account');
  account.name = given.name ?? account.name;
  account.status = given.account_status ?? account.status;
  return { ...account };
}

export function createInstagram(world: World, given: z.infer<typeof instagramSchema>): object {
  refuseKnown(world.instagramAccounts, given.id, 'Instagram account');
  if (given.page_id !== null) mustKnow(world.pages, given.page_id, 'Page');
  const account: InstagramAccount = {
    id: given.id ?? `17841${newId(world, '').slice(-12)}`,
    username: given.username,
    name: given.name ?? given.username,
    type: given.account_type,
    pageId: given.page_id,
  };
  world.instagramAccounts.set(account.id, account);
  return instagramView(world, account);
}

export function changeInstagram(
  world: World,
  id: string,
  given: z.infer<typeof instagramChangeSchema>,
): object {
  const account = mustKnow(world.instagramAccounts, id, 'Instagram account');
  if (given.page_id != null) mustKnow(world.pages, given.page_id, 'Page');
  account.username = given.username ?? account.username;
  account.type = given.account_type ?? account.type;
  if (given.page_id !== undefined) account.pageId = given.page_id;
  changeLogin(world, id, given);
  return instagramView(world, account);
}

function instagramView(world: World, account: InstagramAccount): object {
  const { id, username, name, type, pageId } = account;
  const grants = grantViews(world, id);
  return { id, username, name, account_type: type, page_id: pageId, grants };
}

/** Goes through a dialog without a browser, and answers where Meta would send the browser. */
export function consent(world: World, given: z.infer<typeof consentSchema>): object {
  const url = new URL(given.authorize_url);
  const network = dialogAt(url.pathname);
  if (network === null) throw new ControlError(400, 'authorize_url: there is no dialog there');
  try {
    const request = readLogin(world, network, url.searchParams);
    const userId = given.user_id ?? candidates(world, network)[0]?.id;
    if (userId === undefined) throw new ControlError(400, 'user_id: there is nobody to log in yet');
    if (given.deny) return { redirect: deny(request) };
    const redirect = agree(world, request, {
      userId,
      declined: new Set(given.decline_scopes),
      assets: assetsOf(given),
      targets: given.target_ids,
      businessId: given.business_id ?? null,
    });
    return { redirect };
  } catch (error) {
    if (error instanceof LoginProblem) throw new ControlError(400, error.message);
    throw error;
  }
}

function assetsOf(given: z.infer<typeof consentSchema>) {
  const assets = new Map<AssetKind, readonly string[] | null>();
  const tick = (kind: AssetKind, ids: readonly string[] | 'all' | undefined) => {
    if (ids !== undefined) assets.set(kind, ids === 'all' ? null : ids);
  };
  tick('page', given.page_ids);
  tick('ad_account', given.ad_account_ids);
  tick('instagram_account', given.instagram_account_ids);
  tick('business', given.business_ids);
  return assets;
}

function mustKnow<T>(all: ReadonlyMap<string, T>, id: string, what: string): T {
  const known = all.get(id);
  if (known === undefined) throw new ControlError(404, `There is no ${what} ${id}`);
  return known;
}

function refuseKnown(all: ReadonlyMap<string, object>, id: string | undefined, what: string): void {
  if (id !== undefined && all.has(id))
    throw new ControlError(409, `${what} ${id} is there already`);
}

export function tokenView(token: Token, now: number): object {
  return {
    access_token: token.value,
    token_type: token.type,
    state: stateOf(token, now),
    app_id: token.appId,
    user_id: token.userId,
    page_id: token.pageId,
    scopes: [...token.scopes],
    tasks: [...token.tasks],
    issued_at: new Date(token.issuedAt).toISOString(),
    expires_at: token.expiresAt === null ? null : new Date(token.expiresAt).toISOString(),
  };
}
