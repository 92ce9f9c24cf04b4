import { z } from 'zod';
import { ownFailure, PublishError } from '../errors.ts';
import type { CallContext } from '../providers/account.ts';
import type {
  App,
  Candidate,
  Grant,
  Login,
  RenewedToken,
  Scope,
  Unusable,
} from '../providers/connecting.ts';
import { Secret } from '../secret.ts';
import { listBusinesses, type Reader } from './assets.ts';
import type { GraphClient } from './client.ts';
import { debugToken, holdsFor, type ToldToken } from './token.ts';
import { maybeNumber } from './wire.ts';

export const facebookWebsite = 'https://www.facebook.com';

/** Where people consent. */
export interface FacebookDialog {
  /** Facebook's website, without a slash at its end; its own unless it is said. */
  readonly websiteUrl?: string;
  readonly version: string;
}

/** What each network does with the consent that a person gives in Facebook's dialog. */
export interface FacebookLogin extends Pick<Login, 'apps' | 'scopes' | 'optionalScopes'> {
  readonly accounts: (reach: Reach) => Promise<readonly Candidate[]>;
}

/** What a consent reaches, and how far. */
export interface Reach extends Reader {
  readonly token: Secret;
  /** Permissions that were granted; null: not told. */
  readonly granted: readonly string[] | null;
  readonly targets: ToldToken['targets'];
  readonly withBusinesses: boolean;
}

/** Facebook Login, and Facebook Login for Business where the app has a `configId`. */
export function facebookLogin(
  client: GraphClient,
  dialog: FacebookDialog,
  { accounts, ...own }: FacebookLogin,
): Login {
  return {
    name: 'facebook',
    ...own,
    isChosen: true,
    // It lives for 60 days, of which the last seven are when people are warned.
    renewal: { earliestDay: 1, fromDay: 45, toDay: 52 },
    authorizeUrl: (app, request) => authorizeUrl(dialog, app, request),
    exchange: (app, answer, context) => exchange(client, app, answer, context),
    accounts: async (app, grant, context) => accounts(await reachOf(client, app, grant, context)),
    renew: (app, token, context) => renew(client, app, token, context),
    revoke: (app, grant, context) => revoke(readerOf(client, app, grant, context), grant.userId),
    businesses: (app, grant, context) => listBusinesses(readerOf(client, app, grant, context)),
  };
}

function authorizeUrl(
  { websiteUrl = facebookWebsite, version }: FacebookDialog,
  app: App,
  { state, redirectUri, scopes }: Parameters<Login['authorizeUrl']>[1],
): string {
  const asked =
    app.configId === null
      ? { scope: scopes.join(',') }
      : { config_id: app.configId, override_default_response_type: 'true' };
  const query = new URLSearchParams({
    client_id: app.appId,
    redirect_uri: redirectUri,
    state,
    response_type: 'code',
    // Without it nobody is asked again for what they once declined; of a first consent it changes nothing.
    auth_type: 'rerequest',
    ...asked,
  });
  return `${websiteUrl}/${version}/dialog/oauth?${query.toString()}`;
}

const tokenAnswer = z.looseObject({
  access_token: z.string().min(1),
  expires_in: maybeNumber,
});

interface IssuedToken {
  readonly token: Secret;
  readonly expiresAt: Date | null;
}

/**
 * By POST, so that code, token and secret are in no address. Meta documents GET and takes both; whatever stands there and
 * does not know the one is asked by the other.
 */
async function askForToken(
  client: GraphClient,
  { appId, appSecret }: App,
  params: Readonly<Record<string, unknown>>,
  context: CallContext,
): Promise<IssuedToken> {
  let status: number | null = null;
  const ask = (method: 'POST' | 'GET') =>
    client.request({
      method,
      body: 'form',
      path: '/oauth/access_token',
      effect: 'reads',
      account: null,
      context: {
        ...context,
        onCall(call) {
          ({ status } = call);
          context.onCall(call);
        },
      },
      params: { client_id: appId, client_secret: appSecret, ...params },
      schema: tokenAnswer,
    });
  const { body } = await ask('POST').catch((error: unknown) => {
    if (status === 404 || status === 405) return ask('GET');
    throw error;
  });
  const { access_token: token, expires_in: lastsS } = body;
  return {
    token: new Secret(token),
    expiresAt: lastsS ? new Date(Date.now() + lastsS * 1000) : null,
  };
}

async function exchange(
  client: GraphClient,
  app: App,
  { code, redirectUri }: Parameters<Login['exchange']>[1],
  context: CallContext,
): Promise<Grant> {
  const given = { redirect_uri: redirectUri, code: new Secret(code.replace(/#_=_$/, '')) };
  const first = await askForToken(client, app, given, context);
  const told = await tell(client, app, first.token, context);
  // A system user's token does not end, nor does a person's at some apps: exchanged, it would.
  const isLasting = told?.expiresAt === 'never';
  const issued = isLasting ? first : await prolong(client, app, first.token, context);
  const facts = isLasting ? told : await tell(client, app, issued.token, context);
  const grant = { token: issued.token, userId: facts?.userId ?? null };
  const permissions =
    facts?.isSystemUser === true
      ? null
      : await readPermissions(readerOf(client, app, grant, context));
  return {
    ...grant,
    ...endsOf(issued, facts),
    scopes: permissions ?? facts?.granted ?? null,
  };
}

async function prolong(
  client: GraphClient,
  app: App,
  token: Secret,
  context: CallContext,
): Promise<IssuedToken> {
  const params = { grant_type: 'fb_exchange_token', fb_exchange_token: token };
  return askForToken(client, app, params, context);
}

/** Throws what Meta has against the token. */
async function tell(
  client: GraphClient,
  app: App,
  token: Secret,
  context: CallContext,
): Promise<ToldToken | null> {
  const told = await debugToken(client, app, token, context);
  if (told === null || told === 'foreign') return null;
  if (told.error !== null) throw new PublishError(told.error);
  return told;
}

function endsOf(
  { expiresAt }: IssuedToken,
  facts: ToldToken | null,
): Pick<Grant, 'expiresAt' | 'dataAccessExpiresAt'> {
  const told = facts?.expiresAt ?? 'unknown';
  return {
    expiresAt: told === 'unknown' ? expiresAt : told === 'never' ? null : told,
    dataAccessExpiresAt: facts?.dataAccessExpiresAt ?? null,
  };
}

async function renew(
  client: GraphClient,
  app: App | null,
  token: Secret,
  context: CallContext,
): Promise<RenewedToken> {
  if (app === null) {
    const message = 'The token cannot be renewed without the id and the secret of its app';
    throw new PublishError(ownFailure('internal', 'app_unknown', message));
  }
  const issued = await prolong(client, app, token, context);
  const facts = await tell(client, app, issued.token, context);
  return { token: issued.token, ...endsOf(issued, facts) };
}

function readerOf(
  client: GraphClient,
  { appSecret }: App,
  { token }: Pick<Grant, 'token'>,
  context: CallContext,
): Reader {
  return { client, account: { externalAccountId: 'me', token, appSecret }, context };
}

const permissionsAnswer = z.looseObject({
  data: z.array(z.looseObject({ permission: z.string(), status: z.string() })),
});

/** What the person left ticked; null: Meta would not tell. */
async function readPermissions({ client, ...reader }: Reader): Promise<readonly string[] | null> {
  try {
    const { body } = await client.request({
      method: 'GET',
      path: '/me/permissions',
      effect: 'reads',
      ...reader,
      schema: permissionsAnswer,
    });
    const granted = body.data.filter(({ status }) => status === 'granted');
    return granted.map(({ permission }) => permission);
  } catch (error) {
    if (error instanceof PublishError && error.record.class !== 'retry') return null;
    throw error;
  }
}

async function revoke({ client, ...reader }: Reader, userId: string | null): Promise<void> {
  await client.request({
    method: 'DELETE',
    path: `/${userId ?? 'me'}/permissions`,
    effect: 'changes',
    ...reader,
    schema: z.unknown(),
  });
}

async function reachOf(
  client: GraphClient,
  app: App,
  grant: Grant,
  context: CallContext,
): Promise<Reach> {
  const told = await tell(client, app, grant.token, context);
  const granted = grant.scopes ?? told?.granted ?? null;
  return {
    ...readerOf(client, app, grant, context),
    token: grant.token,
    granted,
    targets: told?.targets ?? new Map(),
    withBusinesses: granted?.includes('business_management') ?? true,
  };
}

/** The ids that permissions of a kind were given for, as their names begin: `pages_`. */
export function namedIds({ targets }: Pick<Reach, 'targets'>, kind: string): readonly string[] {
  const ids = [...targets].flatMap(([scope, named]) => (scope.startsWith(kind) ? named : []));
  return [...new Set(ids)];
}

/** The tasks that let a person publish; the second one is of the new kind of Page. */
const contentTasks = new Set(['CREATE_CONTENT', 'PROFILE_PLUS_CREATE_CONTENT']);

export function createsContent(tasks: readonly string[] | null): boolean | null {
  return tasks?.some((task) => contentTasks.has(task)) ?? null;
}

/** Why what a person has at Facebook could not be used; null: it can, as far as Meta tells. */
export function unusableBecause(
  asset: Pick<Candidate, 'token' | 'tasks'> & { readonly ids: readonly string[] },
  { granted, targets }: Pick<Reach, 'granted' | 'targets'>,
  scopes: readonly Scope[],
): Unusable | null {
  if (asset.token === null) return reasons.no_token;
  if (createsContent(asset.tasks) === false) return reasons.task_missing;
  const needed = scopes.filter(({ isRequired }) => isRequired).map(({ name }) => name);
  const missing = needed.filter((scope) => granted?.includes(scope) === false);
  if (missing.length > 0) return scopesMissing(missing);
  const elsewhere = needed.filter((scope) => !holdsFor({ targets }, scope, asset.ids));
  return elsewhere.length > 0 ? scopesElsewhere(elsewhere) : null;
}

const reasons = {
  no_token: {
    code: 'no_token',
    text: 'Facebook gives no access to this Page. Connect again, and tick the Page in the dialog.',
    who: 'tenant_admin',
  },
  task_missing: {
    code: 'task_missing',
    text: 'You may not create content on this Page. Have somebody with full control of it give you that task, then connect again.',
    who: 'tenant_admin',
  },
} as const satisfies Record<string, Unusable>;

function scopesMissing(scopes: readonly string[]): Unusable {
  const text = `The permission ${scopes.join(', ')} was not granted. Connect again, and leave every permission on.`;
  return { code: 'scope_missing', text, who: 'tenant_admin' };
}

function scopesElsewhere(scopes: readonly string[]): Unusable {
  const text = `The permission ${scopes.join(', ')} was granted for other accounts only. Connect again, and tick this one too, beside those ticked before.`;
  return { code: 'scope_other_accounts', text, who: 'tenant_admin' };
}
