import { z } from 'zod';
import type { GraphClient } from '../../graph/client.ts';
import { generalErrors } from '../../graph/codes.ts';
import { idSchema, maybeNumber } from '../../graph/wire.ts';
import { Secret } from '../../secret.ts';
import type { CallContext } from '../account.ts';
import type { App, Candidate, Grant, Login, RenewedToken, Scope, Unusable } from '../connecting.ts';
import { isProfessional, readSelf } from './verify.ts';

/** Instagram's accounts answer on two sides of Meta: each login's tokens are taken by hosts of their own. */
export interface InstagramClients {
  readonly facebook: GraphClient;
  readonly instagram: GraphClient;
  /** Exchanges codes. */
  readonly oauth: GraphClient;
}

const scopes: readonly Scope[] = [
  { name: 'instagram_business_basic', why: 'see the account and its posts', isRequired: true },
  { name: 'instagram_business_content_publish', why: 'publish to the account', isRequired: true },
  { name: 'instagram_business_manage_comments', why: 'write the first comment', isRequired: false },
  { name: 'instagram_business_manage_insights', why: 'show how posts perform', isRequired: false },
  {
    name: 'instagram_business_manage_messages',
    why: 'read and answer messages to the account',
    isRequired: false,
  },
];

/** The account's own login, without Facebook: whoever consents is the account. */
export function instagramLogin(
  clients: InstagramClients,
  websiteUrl = 'https://www.instagram.com',
): Login {
  return {
    name: 'instagram',
    apps: ['instagram'],
    scopes,
    optionalScopes: [],
    isChosen: false,
    // A token lives for 60 days, and is refused when it is not a day old.
    renewal: { earliestDay: 1, fromDay: 30, toDay: 50 },
    authorizeUrl: (app, request) => authorizeUrl(websiteUrl, app, request),
    exchange: (app, answer, context) => exchange(clients, app, answer, context),
    accounts: async (_app, grant, context) => [await self(clients.instagram, grant, context)],
    renew: (_app, token, context) => renew(clients.instagram, token, context),
  };
}

function authorizeUrl(
  websiteUrl: string,
  app: App,
  { state, redirectUri, scopes: asked }: Parameters<Login['authorizeUrl']>[1],
): string {
  const query = new URLSearchParams({
    client_id: app.appId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: asked.join(','),
    state,
    // Else whoever is logged in is taken, and a person with several accounts cannot choose another.
    force_reauth: 'true',
  });
  return `${websiteUrl}/oauth/authorize?${query.toString()}`;
}

const permissions = z
  .union([z.array(z.string()), z.string().transform((names) => names.split(',').map(trim))])
  .nullish()
  .catch(null);

function trim(name: string): string {
  return name.trim();
}

const first = z.looseObject({ access_token: z.string().min(1), user_id: idSchema, permissions });
/** Documented in a list, recorded without one. */
const firstAnswer = z.union([
  first,
  z.looseObject({ data: z.tuple([first]) }).transform(({ data }) => data[0]),
]);
const lastingAnswer = z.looseObject({ access_token: z.string().min(1), expires_in: maybeNumber });

async function exchange(
  { oauth, instagram }: InstagramClients,
  { appId, appSecret }: App,
  { code, redirectUri }: Parameters<Login['exchange']>[1],
  context: CallContext,
): Promise<Grant> {
  const { body } = await oauth.request({
    method: 'POST',
    path: '/oauth/access_token',
    isUnversioned: true,
    effect: 'reads',
    account: null,
    body: 'form',
    params: {
      client_id: appId,
      client_secret: appSecret,
      grant_type: 'authorization_code',
      redirect_uri: redirectUri,
      // What ends the address is no part of the code.
      code: new Secret(code.replace(/#_$/, '')),
    },
    schema: firstAnswer,
    context,
  });
  const lasting = await askForToken(instagram, '/access_token', context, {
    grant_type: 'ig_exchange_token',
    client_secret: appSecret,
    access_token: new Secret(body.access_token),
  });
  // The callbacks of Meta name the person by this id.
  const { scopedId } = await readSelf(instagram, lasting.token, context);
  const userId = scopedId ?? body.user_id;
  return { ...lasting, userId, scopes: body.permissions ?? null };
}

async function renew(
  instagram: GraphClient,
  token: Secret,
  context: CallContext,
): Promise<RenewedToken> {
  const params = { grant_type: 'ig_refresh_token', access_token: token };
  return askForToken(instagram, '/refresh_access_token', context, params);
}

/** As documented, the token goes in the address here. */
async function askForToken(
  client: GraphClient,
  path: string,
  context: CallContext,
  params: Readonly<Record<string, unknown>>,
): Promise<RenewedToken> {
  const { body } = await client.request({
    method: 'GET',
    path,
    isUnversioned: true,
    effect: 'reads',
    account: null,
    params,
    schema: lastingAnswer,
    context,
  });
  const lastsS = body.expires_in ?? documentedLifeS;
  return {
    token: new Secret(body.access_token),
    expiresAt: new Date(Date.now() + lastsS * 1000),
    dataAccessExpiresAt: null,
  };
}

const documentedLifeS = 60 * 86_400;

async function self(
  client: GraphClient,
  { token, scopes: granted }: Grant,
  context: CallContext,
): Promise<Candidate> {
  const { id, name, username, accountType } = await readSelf(client, token, context);
  const reason = isProfessional(accountType) ? missingOf(granted) : notProfessional;
  return { externalAccountId: id, name, username, token, tasks: null, seen: {}, reason };
}

function missingOf(granted: Grant['scopes']): Unusable | null {
  const missing = scopes.filter(
    ({ name, isRequired }) => isRequired && granted?.includes(name) === false,
  );
  if (missing.length === 0) return null;
  const names = missing.map(({ name }) => name).join(', ');
  const text = `The permission ${names} was not granted. Connect again, and leave every permission on.`;
  return { code: 'scope_missing', text, who: 'tenant_admin' };
}

const { key: code, who, user_message: what, action } = generalErrors.notProfessional;
const notProfessional: Unusable = { code, who, text: `${what} ${action}` };
