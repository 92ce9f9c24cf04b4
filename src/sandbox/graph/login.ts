import type { App, Business, Grant, LoginConfig, User } from '../world/model.ts';
import { type AssetKind, addUser, grantOf, kindOf, mayLogIn, meet } from '../world/people.ts';
import { newSecret, type World } from '../world/world.ts';

/** Every permission that the dialog of Facebook knows; any other name makes it fail. */
const facebookScopes = new Set([
  'public_profile',
  'email',
  'pages_show_list',
  'pages_read_engagement',
  'pages_manage_posts',
  'pages_manage_engagement',
  'pages_read_user_content',
  'pages_manage_metadata',
  'pages_messaging',
  'pages_manage_ads',
  'read_insights',
  'business_management',
  'ads_management',
  'ads_read',
  'leads_retrieval',
  'instagram_basic',
  'publish_video',
  'instagram_content_publish',
  'instagram_manage_comments',
  'instagram_manage_insights',
  'instagram_manage_messages',
  'instagram_manage_contents',
]);
const instagramScopes = new Set([
  'instagram_business_basic',
  'instagram_business_content_publish',
  'instagram_business_manage_comments',
  'instagram_business_manage_messages',
  'instagram_business_manage_insights',
]);

const codeLifeMs = { facebook: 10 * 60_000, instagram: 60 * 60_000 };

/** What the address of a dialog asks for. */
export interface LoginRequest {
  readonly app: App;
  readonly redirectUri: string;
  readonly state: string | null;
  readonly scopes: readonly string[];
  readonly config: LoginConfig | null;
  /** Asks again for what was declined before. */
  readonly rerequest: boolean;
}

/** What a person decides in the dialog. A kind of asset that is not there stays as it was last time. */
export interface Choice {
  readonly userId: string;
  readonly declined: ReadonlySet<string>;
  /** null: all there are, and all to come. */
  readonly assets: ReadonlyMap<AssetKind, readonly string[] | null>;
  /** Permissions that hold for other assets than the rest of their kind. */
  readonly targets: Readonly<Record<string, readonly string[]>>;
  /** For whom a system user is made. */
  readonly businessId: string | null;
}

/** The dialog shows an error to the person, and sends nobody back to the app. */
export class LoginProblem extends Error {
  override name = 'LoginProblem';
}

export type Network = App['kind'];

/** Which dialog stands at a path. */
export function dialogAt(path: string): Network | null {
  if (/^\/(v\d+\.\d+\/)?dialog\/oauth\/?$/.test(path)) return 'facebook';
  return /^(\/instagram)?\/oauth\/authorize\/?$/.test(path) ? 'instagram' : null;
}

/** Reads the address; throws LoginProblem for what Meta would not even ask the person about. */
export function readLogin(world: World, network: Network, params: URLSearchParams): LoginRequest {
  const app = world.apps.get(params.get('client_id') ?? '');
  if (app?.kind !== network) {
    throw new LoginProblem(
      network === 'instagram'
        ? 'Invalid Request: Request parameters are invalid: Invalid platform app'
        : 'Invalid App ID: The provided app ID does not look like a valid app ID.',
    );
  }
  const redirectUri = readRedirect(app, params.get('redirect_uri'));
  const type = params.get('response_type') ?? (network === 'facebook' ? 'code' : '');
  if (type !== 'code') {
    throw new LoginProblem(`Invalid response_type: "${type}". The sandbox answers with a code.`);
  }
  const config = readConfig(app, params.get('config_id'));
  return {
    app,
    redirectUri,
    state: params.get('state'),
    scopes: config?.scopes ?? readScopes(network, params.get('scope') ?? ''),
    config,
    rerequest: params.get('auth_type') === 'rerequest',
  };
}

function readRedirect(app: App, given: string | null): string {
  const url = URL.parse(given ?? '');
  const isWeb = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal(url.hostname));
  if (given === null || url === null || !isWeb || url.hash !== '') {
    throw new LoginProblem(
      "Can't Load URL: The redirect_uri must be an absolute address, with https anywhere but on this machine, without a fragment.",
    );
  }
  if (app.redirectUris.length > 0 && !app.redirectUris.includes(given)) {
    throw new LoginProblem(
      "URL Blocked: This redirect failed because the redirect URI is not whitelisted in the app's Client OAuth Settings.",
    );
  }
  return given;
}

function isLocal(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|\[::1\]|[^.]+|.*\.localhost)$/.test(host);
}

function readConfig(app: App, id: string | null): LoginConfig | null {
  if (id === null) return null;
  const config = app.configs.get(id);
  if (config === undefined) {
    throw new LoginProblem(`Invalid config_id: App ${app.id} has no configuration ${id}.`);
  }
  return config;
}

function readScopes(network: Network, text: string): string[] {
  const known = network === 'facebook' ? facebookScopes : instagramScopes;
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  const unknown = names.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new LoginProblem(
      `Invalid Scopes: ${unknown.join(', ')}. This message is only shown to developers. Please read the documentation for valid permissions.`,
    );
  }
  if (network === 'instagram' && names.length === 0) {
    throw new LoginProblem('Invalid Request: Request parameters are invalid: Invalid scope');
  }
  return [...new Set(names)];
}

/** Who may be chosen in this dialog. */
export function candidates(world: World, network: Network): { id: string; name: string }[] {
  if (network === 'instagram') {
    return [...world.instagramAccounts.values()].map(({ id, username }) => ({
      id,
      name: username,
    }));
  }
  return [...world.users.values()].filter(({ systemOf }) => systemOf === null);
}

export function requirePerson(world: World, { app }: LoginRequest, userId: string): void {
  if (!candidates(world, app.kind).some(({ id }) => id === userId)) {
    throw new LoginProblem(`There is no person ${userId} in this sandbox.`);
  }
  if (mayLogIn(app, userId)) return;
  throw new LoginProblem(
    'App not active: This app is not accessible right now and the app developer is aware of the issue. You will be able to log in when the app is active.',
  );
}

/** The permissions this person is asked for: not those declined before, unless the app asks again. */
export function askedScopes(world: World, request: LoginRequest, userId: string): string[] {
  const grant = grantOf(world, request.app.id, userId);
  return request.scopes.filter(
    (scope) =>
      scope !== 'public_profile' && (request.rerequest || grant?.declined.has(scope) !== true),
  );
}

/** The ids of what a permission was given for last time; null: for all. */
export function chosenBefore(grant: Grant | undefined, kind: AssetKind): string[] | null {
  for (const [scope, ids] of grant?.targets ?? []) {
    if (kindOf(scope) === kind && grant?.granted.has(scope) === true) return [...ids];
  }
  return null;
}

/** The businesses that a person can let a system user act for. */
export function businessesOf(world: World, userId: string): Business[] {
  return [...world.businesses.values()].filter(({ people }) => people.has(userId));
}

/** The person agrees: remembered, and a code for the app. */
export function agree(world: World, request: LoginRequest, choice: Choice): string {
  requirePerson(world, request, choice.userId);
  const asked = askedScopes(world, request, choice.userId);
  remember(world, meet(world, request.app.id, choice.userId), asked, choice);
  const holder =
    request.config?.tokenType === 'system_user'
      ? systemUser(world, request, asked, choice)
      : choice.userId;
  return redirectWith(request, { code: newCode(world, request, holder) });
}

function remember(world: World, grant: Grant, asked: readonly string[], choice: Choice): void {
  const before = new Map(assetKinds.map((kind) => [kind, chosenBefore(grant, kind)]));
  for (const scope of asked) {
    const [to, from] = choice.declined.has(scope)
      ? [grant.declined, grant.granted]
      : [grant.granted, grant.declined];
    to.add(scope);
    from.delete(scope);
  }
  grant.lastLoginAt = world.clock.now();
  for (const scope of grant.granted) {
    const kind = kindOf(scope);
    if (kind === undefined) continue;
    const chosen = (choice.assets.has(kind) ? choice.assets : before).get(kind);
    const ids = choice.targets[scope] ?? chosen;
    if (ids == null) grant.targets.delete(scope);
    else grant.targets.set(scope, new Set(ids));
  }
  for (const token of world.tokens.values()) {
    if (token.grant === grant) token.scopes = token.scopes.difference(grant.declined);
  }
}

const assetKinds = ['page', 'ad_account', 'instagram_account', 'business'] as const;

/** A system user of the person's business: it holds what the person chose, and outlives the person's password. */
function systemUser(
  world: World,
  request: LoginRequest,
  asked: readonly string[],
  choice: Choice,
): string {
  const business = businessesOf(world, choice.userId).find(
    ({ id }) => choice.businessId === null || id === choice.businessId,
  );
  const person = world.users.get(choice.userId);
  if (business === undefined || person === undefined) {
    throw new LoginProblem('Choose a business portfolio that you have a role in.');
  }
  const name = `${request.app.name} (system user)`;
  const known = [...world.users.values()].find(
    (user) => user.systemOf === business.id && user.name === name,
  );
  const user: User = known ?? addUser(world, { name, systemOf: business.id });
  for (const [pageId, tasks] of person.roles) user.roles.set(pageId, new Set(tasks));
  for (const id of person.adAccounts) user.adAccounts.add(id);
  remember(world, meet(world, request.app.id, user.id), asked, choice);
  return user.id;
}

function newCode(world: World, { app, redirectUri }: LoginRequest, userId: string): string {
  const value = `AQ${newSecret(60)}`;
  world.codes.set(value, {
    value,
    appId: app.id,
    userId,
    redirectUri,
    expiresAt: world.clock.now() + codeLifeMs[app.kind],
    used: false,
  });
  return value;
}

/** The person presses Cancel. */
export function deny(request: LoginRequest): string {
  return redirectWith(request, {
    error: 'access_denied',
    ...(request.app.kind === 'facebook' ? { error_code: '200' } : {}),
    error_description:
      request.app.kind === 'facebook' ? 'Permissions error' : 'The user denied your request.',
    error_reason: 'user_denied',
  });
}

/** The address that was asked for, byte for byte, with what is told to the app; each network has a fragment of its own. */
function redirectWith({ app, redirectUri, state }: LoginRequest, told: object): string {
  const params = new URLSearchParams({ ...told, ...(state === null ? {} : { state }) });
  const join = redirectUri.includes('?') ? '&' : '?';
  const fragment = app.kind === 'facebook' ? '#_=_' : '#_';
  return `${redirectUri}${join}${params.toString()}${fragment}`;
}
