import type { AdAccount, Business, InstagramAccount, Page, User } from '../world/model.ts';
import { holds, instagramOf, seesPage } from '../world/people.ts';
import type { World } from '../world/world.ts';
import { type Call, GraphError, invalidParameter, textParam, unknownPath } from './call.ts';
import { checkFields, type NodeType, parseFields, project } from './fields.ts';
import { adAccountType, businessType, instagramType, type PageView, pageType } from './nodes.ts';
import { askedFields, limitOf } from './reads.ts';
import { type Caller, readingDenied } from './tokens.ts';

/** One page of a list with cursors; `view` makes of an entry what its fields are asked of. */
export function listEdge<T, V>(
  call: Call,
  items: readonly T[],
  type: NodeType<V>,
  view: (item: T) => V,
  unasked = type.defaults.join(','),
): object {
  const fields = parseFields(textParam(call.params, 'fields') || unasked);
  checkFields(type, fields);
  const after =
    Number(Buffer.from(textParam(call.params, 'after') ?? '', 'base64url').toString()) || 0;
  const limit = limitOf(call.params);
  const rows = items.slice(after, after + limit);
  const data = rows.map((item) => project(type, view(item), fields));
  if (rows.length === 0) return { data };
  const cursors = { before: offset(after), after: offset(after + rows.length) };
  const isMore = items.length > after + limit;
  return { data, paging: { cursors, ...(isMore ? { next: nextLink(call, cursors.after) } : {}) } };
}

function offset(at: number): string {
  return Buffer.from(String(at)).toString('base64url');
}

function nextLink(call: Call, after: string): string {
  const token = encodeURIComponent(call.token ?? '');
  const path = `${call.version ?? 'v21.0'}/${call.segments.join('/')}`;
  return `https://graph.facebook.com/${path}?access_token=${token}&limit=${limitOf(call.params)}&after=${after}`;
}

/** GET /me/businesses. Without the permission, or outside of any business, they are not told. */
export function readBusinesses(world: World, user: User, caller: Caller, call: Call): object {
  if (!caller.token.scopes.has('business_management')) throw missingPermissions();
  const own = [...world.businesses.values()].filter(
    (business) =>
      isMember(business, user) && holds(caller.token, 'business_management', business.id),
  );
  return listEdge(call, own, businessType, (business) => business);
}

function isMember(business: Business, user: User): boolean {
  return business.people.has(user.id) || user.systemOf === business.id;
}

function missingPermissions(): GraphError {
  return invalidParameter('Missing permissions');
}

/** GET /{business}, and its Pages and ad accounts: its own, and those that clients share with it. */
export function readBusiness(
  world: World,
  business: Business,
  caller: Caller,
  call: Call,
  edge: string | undefined,
  pageView: (page: Page) => PageView,
): object {
  const user = world.users.get(caller.token.userId);
  const isAllowed =
    user !== undefined &&
    isMember(business, user) &&
    holds(caller.token, 'business_management', business.id);
  if (!isAllowed) throw missingPermissions();
  const pages = { owned_pages: business.ownedPages, client_pages: business.clientPages };
  const accounts = {
    owned_ad_accounts: business.ownedAdAccounts,
    client_ad_accounts: business.clientAdAccounts,
  };
  if (edge === undefined) {
    return project(businessType, business, askedFields(call.params, businessType));
  }
  if (edge === 'owned_pages' || edge === 'client_pages') {
    const shown = [...pages[edge]].filter((id) => seesPage(caller.token, id));
    return listEdge(call, present(world.pages, shown), pageType, pageView);
  }
  if (edge === 'owned_ad_accounts' || edge === 'client_ad_accounts') {
    const shown = [...accounts[edge]].filter((id) => seesAdAccount(caller, id));
    return listEdge(call, present(world.adAccounts, shown), adAccountType, (account) => account);
  }
  throw unknownPath(`/${edge}`);
}

function present<T>(all: ReadonlyMap<string, T>, ids: readonly string[]): T[] {
  return ids.flatMap((id) => all.get(id) ?? []);
}

function seesAdAccount({ token }: Caller, id: string): boolean {
  return ['ads_read', 'ads_management'].some((scope) => holds(token, scope, id));
}

/** GET /me/adaccounts: those of the person that were ticked, dead ones too. */
export function readAdAccounts(world: World, user: User, caller: Caller, call: Call): object {
  requireAds(caller);
  const shown = [...user.adAccounts].filter((id) => seesAdAccount(caller, id));
  return listEdge(call, present(world.adAccounts, shown), adAccountType, (account) => account);
}

export function readAdAccount(
  world: World,
  account: AdAccount,
  caller: Caller,
  call: Call,
): object {
  requireAds(caller);
  const isOwn = world.users.get(caller.token.userId)?.adAccounts.has(account.id) ?? false;
  if (!isOwn || !seesAdAccount(caller, account.id)) throw adsDenied();
  return project(adAccountType, account, askedFields(call.params, adAccountType));
}

function requireAds({ token }: Caller): void {
  if (!token.scopes.has('ads_read') && !token.scopes.has('ads_management')) throw adsDenied();
}

function adsDenied(): GraphError {
  return new GraphError(
    '(#200) Ad account owner has NOT grant ads_management or ads_read permission',
    { code: 200, status: 403 },
  );
}

/** The Instagram account of a Page, where the caller was given it. */
export function linkedInstagram(world: World, page: Page, caller: Caller): InstagramAccount | null {
  const account = instagramOf(world, page.id);
  if (account === undefined || !holds(caller.token, 'instagram_basic', account.id)) return null;
  return account;
}

/** GET /{instagram account} on graph.facebook.com, by whoever has its Page. */
export function readInstagram(
  world: World,
  account: InstagramAccount,
  caller: Caller,
  call: Call,
): object {
  const { token } = caller;
  const isOwn =
    account.pageId !== null &&
    (token.pageId === account.pageId ||
      (world.users.get(token.userId)?.roles.has(account.pageId) === true && token.pageId === null));
  if (!isOwn || !holds(token, 'instagram_basic', account.id))
    throw readingDenied('instagram_basic');
  return project(instagramType, account, askedFields(call.params, instagramType));
}
