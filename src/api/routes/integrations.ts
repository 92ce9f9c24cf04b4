import { z } from 'zod';
import { errorRecordSchema, InvalidRequestError } from '../../errors.ts';
import { requireFleetsKey, requireFleetsNetwork } from '../../fence/fleet.ts';
import { operatorsApp } from '../../integrations/account.ts';
import { budgetKeyOf } from '../../integrations/booking.ts';
import { connect } from '../../integrations/connect.ts';
import {
  adviceFor,
  type Integration,
  integrationStatuses,
} from '../../integrations/integration.ts';
import {
  disconnectIntegration,
  getIntegration,
  listIntegrations,
} from '../../integrations/store.ts';
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

const integrationSchema = z
  .strictObject({
    id: z.guid(),
    provider: z.string(),
    external_account_id: z.string(),
    name: z.string().nullable(),
    status: z.enum(integrationStatuses),
    advice: z.string().nullable().meta({
      description: 'What a person must do, or why it is held; null while nothing is in the way.',
    }),
    error: errorRecordSchema.nullable(),
    held_until: time.nullable().meta({ description: 'Nothing is asked of the account before.' }),
    verified_at: time.nullable(),
    capabilities: z.record(z.string(), capabilitySchema).meta({
      description:
        'What the network was seen to do for this account, where its own pages do not say it or disagree. `unknown` until it was seen.',
    }),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Integration', description: "A tenant's sealed connection to one account." });

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
      'rate_limited',
      'provider_unreachable',
    ],
    async handler({ body, tenantId, idempotentId }, services) {
      const provider = providerNamed(services, body.provider);
      const externalAccountId = body.external_account_id;
      await requireFleetsNetwork(services);
      await requireFleetsKey(services);
      const { integration, isNew } = await connect(
        { db: services.db, vault: services.vault, provider },
        {
          tenantId,
          account: {
            externalAccountId,
            token: new Secret(body.access_token),
            ...(operatorsApp('facebook', services.config) ?? { appSecret: null }),
          },
          name: body.name,
          newId: idempotentId(),
          budgetKey: budgetKeyOf({ provider: provider.name, appId: '', externalAccountId }),
          callsPerHour: provider.callsPerHour,
        },
      );
      const location = `/v1/integrations/${integration.id}`;
      return { status: isNew ? 201 : 200, body: toJson(integration), headers: { location } };
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
    async handler({ query: { limit, cursor }, tenantId }, { db }) {
      const before = cursor ?? null;
      const rows = await listIntegrations(db, { tenantId, before, limit: limit + 1 });
      return { status: 200, body: pageOf(rows, limit, toJson) };
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
    async handler({ params, tenantId }, { db }) {
      return { status: 200, body: toJson(await getIntegration(db, tenantId, params.id)) };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/v1/integrations/{id}',
    operationId: 'disconnectIntegration',
    summary: 'Disconnect an account',
    description:
      'Its token is forgotten. Its posts wait until the account is connected again; nothing is deleted at the provider.',
    tag,
    auth: forTenant,
    input: { params: idParams },
    responses: { 204: { description: 'Disconnected, now or before.' } },
    problems: ['not_found'],
    async handler({ params, tenantId }, { db }) {
      await disconnectIntegration(db, tenantId, params.id);
      return { status: 204 };
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

function toJson(integration: Integration): z.input<typeof integrationSchema> {
  return {
    id: integration.id,
    provider: integration.provider,
    external_account_id: integration.externalAccountId,
    name: integration.name,
    status: integration.status,
    advice: adviceFor(integration) ?? integration.heldFor?.text ?? null,
    error: integration.error,
    held_until: integration.heldUntil?.toISOString() ?? null,
    verified_at: integration.verifiedAt?.toISOString() ?? null,
    capabilities: toCapabilities(integration),
    created_at: integration.createdAt.toISOString(),
    updated_at: integration.updatedAt.toISOString(),
  };
}
