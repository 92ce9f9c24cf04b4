import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { appOwners } from '../../connecting/app.ts';
import { comeBack } from '../../connecting/callback.ts';
import { choose } from '../../connecting/choose.ts';
import {
  findIntegrationIds,
  loadPending,
  type PendingConnection,
} from '../../connecting/connection-store.ts';
import { leave, readRedirectUrl, startConnect } from '../../connecting/start.ts';
import { hashOf, newSecretText } from '../../connecting/state-store.ts';
import type { Outcome } from '../../connecting/way-back.ts';
import { NotFoundError } from '../../errors.ts';
import { requireFleetsKey, requireFleetsNetwork } from '../../fence/fleet.ts';
import type { Provider } from '../../providers/provider.ts';
import type { Services } from '../../services.ts';
import { forEveryone, forTenant } from '../auth.ts';
import { id, idParams, text, time } from '../fields.ts';
import { escapeHtml, htmlHeaders, htmlPage } from '../pages/html.ts';
import { type Answer, defineRoute } from '../route.ts';
import { integrationSchema, integrationView } from './integrations.ts';

export const providerParams = z.strictObject({ provider: text(64) });

/** Throws NotFoundError. */
export function providerAt({ providers }: Pick<Services, 'providers'>, name: string): Provider {
  const provider = providers.get(name);
  if (provider !== undefined) return provider;
  const known = [...providers.keys()].join(', ');
  throw new NotFoundError('not_found', `No provider has this name; there are ${known}.`);
}

const wish = z
  .strictObject({
    redirect_url: z.string().max(2000).meta({
      description:
        'Where the person is led in the end: https, or http on localhost or 127.0.0.1, without user or fragment. Its own query is kept.',
    }),
    app: z.enum(appOwners).optional().meta({
      description:
        "Whose app: the tenant's `own`, or the operator's. Without it the own one, if there is one.",
    }),
    login: z
      .enum(['instagram', 'facebook'])
      .optional()
      .meta({ description: "Of `instagram`: its own login, or that of the Page's people." }),
    scopes: z
      .array(text(100))
      .max(50)
      .optional()
      .meta({ description: 'Permissions to ask for beyond the usual ones.' }),
  })
  .meta({ id: 'NewConnect', examples: [{ redirect_url: 'https://calendar.example/connected' }] });

const onTheWay = z
  .strictObject({
    authorize_url: z.string().meta({ description: 'For the browser of the person, once.' }),
    expires_at: time,
  })
  .meta({ id: 'Connect' });

const reasonSchema = z.strictObject({
  code: z.string().meta({ description: 'Stable, for translations.' }),
  text: z.string(),
  who: z.enum(['nobody', 'author', 'tenant_admin', 'operator', 'meta']),
});

const connectionSchema = z
  .strictObject({
    id: z.guid(),
    provider: z.string(),
    expires_at: time,
    accounts: z.array(
      z.strictObject({
        account_id: z.string(),
        name: z.string().nullable(),
        usable: z.boolean(),
        reason: reasonSchema.nullable().meta({ description: 'Why it cannot be chosen.' }),
        integration_id: z
          .guid()
          .nullable()
          .meta({ description: 'Where the tenant has connected it before.' }),
      }),
    ),
  })
  .meta({ id: 'Connection', description: 'What a person consented to, for 15 minutes.' });

const selection = z
  .strictObject({
    connection_id: id,
    account_id: text(64),
    name: text(200).optional().meta({ description: 'By default its name at the network.' }),
  })
  .meta({
    id: 'Selection',
    examples: [{ connection_id: '01938c5e-7a10-7cc3-9d52-3f1f0a2b4c6d', account_id: '1029384756' }],
  });

/** A network, or somebody, may send a parameter twice, or more of them than it said. */
const oneText = z.string().min(1).max(4096).optional().catch(undefined);
const startQuery = z.looseObject({ state: oneText });
const callbackQuery = z.looseObject({
  state: oneText,
  code: oneText,
  error: oneText,
  error_code: oneText,
  error_reason: oneText,
});

const tag = 'Connecting';
const lost = { description: 'A page that says what happened.', contentType: 'text/html' };
const location = { location: 'Where the browser goes next.' };
const cookieLivesS = 900;

export const connectRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/connect/{provider}',
    operationId: 'startConnect',
    summary: "Send a person to the network's dialog",
    description:
      'Open `authorize_url` in the browser of whoever shall consent, within 15 minutes. That browser comes back to `redirect_url` with `fb_`, `ig_` or `metaads_` parameters: what was connected, or `…_error`.',
    tag,
    auth: forTenant,
    input: { params: providerParams, body: wish },
    responses: { 200: { description: 'The way to the dialog.', body: onTheWay } },
    problems: ['not_found', 'redirect_url_invalid', 'invalid_config', 'conflict', 'rate_limited'],
    secretAnswer: true,
    async handler({ params, body, tenantId, publicUrl }, services) {
      const provider = providerAt(services, params.provider);
      const redirectUrl = readRedirectUrl(body.redirect_url);
      await requireFleetsNetwork(services);
      const { app: owner, login, scopes } = body;
      const wanted = { tenantId, redirectUrl, owner, login, scopes };
      const started = await startConnect(services, provider, wanted, { publicUrl });
      return {
        status: 200,
        body: {
          authorize_url: started.authorizeUrl,
          expires_at: started.expiresAt.toISOString(),
        } satisfies z.input<typeof onTheWay>,
      };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/connect/{provider}/start',
    operationId: 'leaveForDialog',
    summary: 'Go on to the dialog',
    description:
      'For browsers: sets a cookie, so that the browser that starts is the one that returns.',
    tag,
    auth: forEveryone,
    input: { params: providerParams, query: startQuery },
    responses: { 303: { description: 'On to the dialog.', headers: location }, 400: lost },
    problems: ['not_found'],
    async handler({ params, query: { state }, publicUrl, log }, services) {
      const provider = providerAt(services, params.provider);
      if (state === undefined) return answerOf({ kind: 'lost', error: 'missing_params' });
      const browser = newSecretText();
      const outcome = await leave(
        { ...services, log },
        provider,
        { state, browser },
        { publicUrl },
      );
      if (outcome.kind !== 'onward') return answerOf(outcome);
      return answerOf(outcome, cookie(state, browser, { publicUrl, forS: cookieLivesS }));
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/connect/{provider}/callback',
    operationId: 'returnFromDialog',
    summary: 'Come back from the dialog',
    description:
      'For browsers: leads to `redirect_url` with `fb_connected=true&fb_connection=…&fb_pages=[{"id","name"}]`, `ig_connected=true&ig_username=…&ig_integration=…`, `metaads_connected=true&metaads_connection=…&metaads_accounts=[{"id","name"}]`, or `fb_error`, `ig_error`, `metaads_error` = `missing_params`, `session_expired`, `authorization_denied`, `token_exchange_failed`, `no_pages`, `no_accounts`, `invalid_config` or `internal_error`. At most 75 accounts are named, and `fb_pages_total` says how many there are when there are more.',
    tag,
    auth: forEveryone,
    input: { params: providerParams, query: callbackQuery },
    responses: { 303: { description: 'Back to `redirect_url`.', headers: location }, 400: lost },
    problems: ['not_found'],
    async handler({ params, query, headers, publicUrl, log }, services) {
      const provider = providerAt(services, params.provider);
      const { state, code, error, error_code, error_reason } = query;
      const given = {
        state,
        // What Meta's dialogs append behind the address, where somebody put it into the query.
        code: code?.replace(/(#_=_|#_|_=_)$/, ''),
        isDenied: (error ?? error_code ?? error_reason) !== undefined,
        browser: state === undefined ? undefined : readCookie(headers, state),
      };
      const outcome = await comeBack({ ...services, log }, provider, given, { publicUrl });
      if (state === undefined || given.browser === undefined) return answerOf(outcome);
      return answerOf(outcome, cookie(state, '', { publicUrl, forS: 0 }));
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/connections/{id}',
    operationId: 'getConnection',
    summary: 'Read what a person consented to',
    description:
      'Every account that the consent reaches, also those that cannot be chosen, with the reason. For 15 minutes, after a choice too.',
    tag,
    auth: forTenant,
    input: { params: idParams },
    responses: { 200: { description: 'The connection.', body: connectionSchema } },
    problems: ['no_pending_connection'],
    async handler({ params, tenantId }, services) {
      const pending = await loadPending(services, tenantId, params.id);
      const known = await findIntegrationIds(services.db, pending);
      return { status: 200, body: toJson(pending, known) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/v1/connect/{provider}/select',
    operationId: 'selectAccount',
    summary: 'Choose an account of a consent',
    description:
      'Its token is proven at the network before anything is saved. Several accounts of one consent make several integrations. For an account that the tenant has connected before the token is replaced, the integration is active again, and its waiting posts go on.',
    tag,
    auth: forTenant,
    input: { params: providerParams, body: selection },
    responses: {
      200: { description: 'Known before; its token is replaced.', body: integrationSchema },
      201: { description: 'Connected.', body: integrationSchema },
    },
    problems: [
      'not_found',
      'no_pending_connection',
      'account_not_found',
      'account_not_usable',
      'invalid_config',
      'conflict',
      'token_rejected',
      'permission_missing',
      'rate_limited',
      'provider_unreachable',
    ],
    async handler({ params, body, tenantId, idempotentId }, services) {
      const provider = providerAt(services, params.provider);
      const pending = await loadPending(services, tenantId, body.connection_id, provider.name);
      await requireFleetsNetwork(services);
      await requireFleetsKey(services);
      const { integration, isNew } = await choose(services, provider, pending, {
        accountId: body.account_id,
        name: body.name,
        newId: idempotentId(),
      });
      const headers = { location: `/v1/integrations/${integration.id}` };
      const shown = await integrationView(services, integration);
      return { status: isNew ? 201 : 200, body: shown, headers };
    },
  }),
];

/** Nobody is told where the browser came from: the address has the state in it. */
function answerOf(outcome: Outcome, setCookie?: string): Answer {
  const headers = {
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    ...(setCookie === undefined ? {} : { 'set-cookie': setCookie }),
  };
  if (outcome.kind === 'lost') {
    return { status: 400, body: pageOf(outcome.error), headers: { ...htmlHeaders, ...headers } };
  }
  return { status: 303, headers: { ...headers, location: outcome.url } };
}

/** One for each state, so that two tabs of a browser do not end each other's way. */
function cookieName(state: string): string {
  return `connect_${hashOf(state).toString('hex').slice(0, 16)}`;
}

function cookie(
  state: string,
  value: string,
  { publicUrl, forS }: { readonly publicUrl: string; readonly forS: number },
): string {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  const { pathname } = new URL(`${publicUrl}/v1/connect`);
  return `${cookieName(state)}=${value}; Max-Age=${forS}; Path=${pathname}; HttpOnly; SameSite=Lax${secure}`;
}

function readCookie(
  { cookie: header = '' }: IncomingHttpHeaders,
  state: string,
): string | undefined {
  const name = `${cookieName(state)}=`;
  const found = header.split(/;\s*/).find((one) => one.startsWith(name));
  return found?.slice(name.length);
}

const whatHappened = {
  session_expired: 'This way to connect an account is not known here any more.',
  missing_params: 'This address is only of use on the way back from the network.',
} as const;

function pageOf(error: keyof typeof whatHappened): string {
  return htmlPage(
    'Not connected',
    `<h1>Not connected</h1><p>${escapeHtml(whatHappened[error])} Go back to where you started, and connect the account again.</p>
<p class="quiet"><code>${error}</code></p>`,
  );
}

function toJson(
  { id: connectionId, provider, expiresAt, accounts }: PendingConnection,
  known: ReadonlyMap<string, string>,
): z.input<typeof connectionSchema> {
  return {
    id: connectionId,
    provider,
    expires_at: expiresAt.toISOString(),
    accounts: accounts.map(({ externalAccountId, name, username, token, reason }) => ({
      account_id: externalAccountId,
      name: name ?? username,
      usable: reason === null && token !== null,
      reason,
      integration_id: known.get(externalAccountId) ?? null,
    })),
  };
}
