import { z } from 'zod';
import { appOwners } from '../../connecting/app.ts';
import { connect } from '../../connecting/connect.ts';
import { disconnect } from '../../connecting/disconnect.ts';
import { listBusinesses, refresh } from '../../connecting/refresh.ts';
import { errorRecordSchema, InvalidRequestError } from '../../errors.ts';
import { requireFleetsKey, requireFleetsNetwork } from '../../fence/fleet.ts';
import { budgetKeyOf, type SpentCalls, spentCalls } from '../../integrations/booking.ts';
import {
  adviceFor,
  type Integration,
  integrationStatuses,
} from '../../integrations/integration.ts';
import { getIntegration, listIntegrations } from '../../integrations/store.ts';
import { capabilities, readCapabilities } from '../../providers/capabilities.ts';
import type { Provider } from '../../providers/provider.ts';
import { Secret } from '../../secret.ts';
import type { Services } from '../../services.ts';
import { forTenant } from '../auth.ts';
import { idParams, text, time } from '../fields.ts';
import { pageOf, pageSchema, pageShape } from '../paging.ts';
import { defineRoute } from '../route.ts';

const newIntegration = z
  .strictObject({
    provider: text(64),
    external_account_id: z
      .string()
      .regex(/^[\w-]{1,64}$/, { error: "must be the account's id at the provider" })
      .meta({ description: "The account's id at the provider: of a Facebook Page its number." }),
    access_token: z
      .string()
      .regex(/^[\x21-\x7e]{1,4096}$/, { error: 'must be a token: ASCII without spaces' })
      .meta({ description: 'A Page access token. Sealed at once, and never answered.' }),
    name: text(200).optional(),
    accept_expiring: z.boolean().default(false).meta({
      description:
        'Take a token that ends by time, though the account could have one that lasts. Its end is shown, and its posts wait from then on.',
    }),
  })
  .meta({
    id: 'NewIntegration',
    examples: [
      {
        provider: 'facebook',
        external_account_id: '1029384756',
        access_token: 'EAAB-the-token-of-the-Page',
      },
    ],
  });

const capabilitySchema = z.strictObject({
  value: z.enum(['yes', 'no', 'unknown']),
  seen_at: time.nullable(),
  meaning: z.string().meta({ description: 'What `yes` says.' }),
});

export const integrationSchema = z
  .strictObject({
    id: z.guid(),
    provider: z.string(),
    external_account_id: z.string(),
    name: z.string().nullable(),
    username: z.string().nullable(),
    status: z.enum(integrationStatuses),
    advice: z.string().nullable().meta({
      description: 'What a person must do, or why it is held; null while nothing is in the way.',
    }),
    error: errorRecordSchema.nullable(),
    held_until: time.nullable().meta({ description: 'Nothing is asked of the account before.' }),
    verified_at: time.nullable().meta({ description: 'When its token was last proven.' }),
    connected_at: time.nullable().meta({ description: 'When the token that it has was saved.' }),
    token_expires_at: time
      .nullable()
      .meta({ description: 'Null: the token does not end by time, as far as is known.' }),
    data_access_expires_at: time.nullable().meta({
      description: 'From then on the network tells nothing until the person logs in again.',
    }),
    scopes: z
      .array(z.string())
      .nullable()
      .meta({ description: 'Permissions of the token; null: the network did not tell.' }),
    missing_scopes: z
      .array(z.string())
      .nullable()
      .meta({ description: 'Those that are asked for, and were not granted.' }),
    tasks: z
      .array(z.string())
      .nullable()
      .meta({ description: 'What the person behind the token may do; null: not told.' }),
    login: z
      .enum(['facebook', 'instagram'])
      .meta({ description: 'Whose dialog issued the token.' }),
    app: z.enum(appOwners).meta({
      description: "The app that issued the token: the tenant's `own`, or the operator's.",
    }),
    calls: z
      .strictObject({
        limit: z.int(),
        used: z.int().meta({ description: 'Made or set aside, in the last hour.' }),
        resets_at: time
          .nullable()
          .meta({ description: 'When all of them are free again; null: none is used.' }),
      })
      .meta({ description: 'What may still be asked of the account in this hour.' }),
    capabilities: z.record(z.string(), capabilitySchema).meta({
      description:
        'What the network was seen to do for this account, where its own pages do not say it or disagree. `unknown` until it was seen.',
    }),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Integration', description: "A tenant's sealed connection to one account." });

const owned = z.array(
  z.strictObject({
    id: z.string(),
    name: z.string().nullable(),
    relation: z.enum(['owned', 'client']).meta({ description: "Its own, or a client's." }),
  }),
);
const businessesSchema = z
  .strictObject({
    data: z.array(
      z.strictObject({
        id: z.string(),
        name: z.string().nullable(),
        pages: owned,
        ad_accounts: owned,
      }),
    ),
  })
  .meta({ id: 'Businesses' });

const tag = 'Integrations';
const found = { description: 'The integration.', body: integrationSchema };

export const integrationRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/integrations',
    operationId: 'connectIntegration',
    summary: 'Connect an account',
    description:
      'The token is proven at the provider before anything is saved; after 60 connections of a tenant that failed within an hour it is not even tried (429). For an account that the tenant has connected before, the token is replaced, the integration is active again, and its waiting posts go on.',
    tag,
    auth: forTenant,
    input: { body: newIntegration },
    responses: {
      200: { description: 'Known before; its token is replaced.', body: integrationSchema },
      201: { description: 'Connected.', body: integrationSchema },
    },
    problems: [
      'unknown_provider',
      'conflict',
      'token_rejected',
      'token_is_user_token',
      'token_of_another_app',
      'token_expires',
      'permission_missing',
      'rate_limited',
      'provider_unreachable',
    ],
    async handler({ body, tenantId, idempotentId }, services) {
      const provider = providerNamed(services, body.provider);
      await requireFleetsNetwork(services);
      await requireFleetsKey(services);
      const { integration, isNew } = await connect(services, provider, {
        tenantId,
        externalAccountId: body.external_account_id,
        token: new Secret(body.access_token),
        name: body.name,
        acceptsExpiring: body.accept_expiring,
        newId: idempotentId(),
      });
      const location = `/v1/integrations/${integration.id}`;
      const shown = await integrationView(services, integration);
      return { status: isNew ? 201 : 200, body: shown, headers: { location } };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/integrations',
    operationId: 'listIntegrations',
    summary: 'List integrations, newest first',
    tag,
    auth: forTenant,
    input: { query: z.strictObject(pageShape) },
    responses: {
      200: { description: 'A page of integrations.', body: pageSchema(integrationSchema) },
    },
    async handler({ query: { limit, cursor }, tenantId }, services) {
      const before = cursor ?? null;
      const rows = await listIntegrations(services.db, { tenantId, before, limit: limit + 1 });
      const spent = await spentBy(services, rows);
      return { status: 200, body: pageOf(rows, limit, (row) => toJson(services, row, spent)) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/integrations/{id}',
    operationId: 'getIntegration',
    summary: 'Read an integration',
    tag,
    auth: forTenant,
    input: { params: idParams },
    responses: { 200: found },
    problems: ['not_found'],
    async handler({ params, tenantId }, services) {
      const integration = await getIntegration(services.db, tenantId, params.id);
      return { status: 200, body: await integrationView(services, integration) };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/v1/integrations/{id}',
    operationId: 'disconnectIntegration',
    summary: 'Disconnect an account',
    description:
      "Its token is erased. Its posts wait until the account is connected again; nothing is deleted at the provider. The person's consent is taken back there where nobody's integration rests on it any more.",
    tag,
    auth: forTenant,
    input: { params: idParams },
    responses: { 204: { description: 'Disconnected, now or before.' } },
    problems: ['not_found'],
    async handler({ params, tenantId }, services) {
      await disconnect(services, tenantId, params.id);
      return { status: 204 };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/v1/integrations/{id}/refresh',
    operationId: 'refreshIntegration',
    summary: 'Prove the token now',
    description:
      'Asks the provider whether the token is good, and what it may do. The answer is the integration as it then is, dead or alive.',
    tag,
    auth: forTenant,
    input: { params: idParams },
    responses: { 200: found },
    problems: ['not_found', 'conflict', 'rate_limited', 'provider_unreachable'],
    async handler({ params, tenantId }, services) {
      await requireFleetsNetwork(services);
      const integration = await refresh(services, tenantId, params.id);
      return { status: 200, body: await integrationView(services, integration) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/integrations/{id}/businesses',
    operationId: 'listBusinesses',
    summary: 'List the businesses behind an integration',
    description:
      'Those that the person who consented works for, with the Pages and ad accounts of each.',
    tag,
    auth: forTenant,
    input: { params: idParams },
    responses: { 200: { description: 'The businesses.', body: businessesSchema } },
    problems: ['not_found', 'conflict', 'token_rejected', 'rate_limited', 'provider_unreachable'],
    async handler({ params, tenantId }, services) {
      await requireFleetsNetwork(services);
      const businesses = await listBusinesses(services, tenantId, params.id);
      const data = businesses.map(({ id, name, pages, adAccounts }) => ({
        id,
        name,
        pages: [...pages],
        ad_accounts: [...adAccounts],
      }));
      return { status: 200, body: { data } satisfies z.input<typeof businessesSchema> };
    },
  }),
];

function providerNamed({ providers }: Services, name: string): Provider {
  const provider = providers.get(name);
  if (provider !== undefined) return provider;
  const message = `must be one of ${[...providers.keys()].join(', ')}`;
  throw new InvalidRequestError(422, 'unknown_provider', `provider: ${message}.`, [
    { path: 'provider', message, rule: 'provider_known' },
  ]);
}

function toCapabilities(
  integration: Integration,
): Record<string, z.input<typeof capabilitySchema>> {
  const known = readCapabilities(integration.capabilities);
  return Object.fromEntries(
    capabilities.map(({ name, meaning }) => {
      const { value = 'unknown', seen_at = null } = known[name] ?? {};
      return [name, { value, seen_at, meaning }];
    }),
  );
}

type Spent = ReadonlyMap<string, SpentCalls>;

/** The integration as the API shows it, with what it has spent of its calls by now. */
export async function integrationView(
  services: Services,
  integration: Integration,
): Promise<z.input<typeof integrationSchema>> {
  return toJson(services, integration, await spentBy(services, [integration]));
}

async function spentBy(
  { db, providers }: Services,
  integrations: readonly Integration[],
): Promise<Spent> {
  if (integrations.length === 0) return new Map();
  const limits = integrations.map(
    (one) => [budgetKeyOf(one), providers.get(one.provider)?.callsPerHour ?? 0] as const,
  );
  return spentCalls(db, new Map(limits));
}

function toJson(
  { providers }: Services,
  integration: Integration,
  spent: Spent,
): z.input<typeof integrationSchema> {
  const calls = spent.get(budgetKeyOf(integration));
  const { scopes, tasks, login } = integration;
  const asked = providers
    .get(integration.provider)
    ?.connect.logins.find((one) => one.name === login);
  const missing = asked?.scopes.map(({ name }) => name).filter((name) => !scopes?.includes(name));
  return {
    id: integration.id,
    provider: integration.provider,
    external_account_id: integration.externalAccountId,
    name: integration.name,
    username: integration.username,
    status: integration.status,
    advice: adviceFor(integration) ?? integration.heldFor?.text ?? null,
    error: integration.error,
    held_until: shownTime(integration.heldUntil),
    verified_at: shownTime(integration.verifiedAt),
    connected_at: shownTime(integration.connectedAt),
    token_expires_at: shownTime(integration.tokenExpiresAt),
    data_access_expires_at: shownTime(integration.dataAccessExpiresAt),
    scopes: scopes === null ? null : [...scopes],
    missing_scopes: scopes === null ? null : (missing ?? []),
    tasks: tasks === null ? null : [...tasks],
    login,
    app: integration.appId === '' ? 'shared' : 'own',
    calls: {
      limit: calls?.limit ?? 0,
      used: calls?.used ?? 0,
      resets_at: shownTime(calls?.resetsAt ?? null),
    },
    capabilities: toCapabilities(integration),
    created_at: integration.createdAt.toISOString(),
    updated_at: integration.updatedAt.toISOString(),
  };
}

function shownTime(at: Date | null): string | null {
  return at?.toISOString() ?? null;
}
