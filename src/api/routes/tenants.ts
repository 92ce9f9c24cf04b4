import { z } from 'zod';
import { NotFoundError } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { deleteKey, type KeyScope, makeKey, saveKey } from '../../tenants/key-store.ts';
import {
  changeTenant,
  createTenant,
  getTenant,
  listTenants,
  type Tenant,
  type TenantChange,
  type TenantSettings,
  unknownPolicies,
} from '../../tenants/store.ts';
import { forOperator } from '../auth.ts';
import { id, idParams, text, time, timezone } from '../fields.ts';
import { pageOf, pageSchema, pageShape } from '../paging.ts';
import { type Answer, defineRoute } from '../route.ts';

const settings = {
  name: text(200),
  timezone: timezone.default('UTC'),
  auto_publish: z
    .boolean()
    .default(false)
    .meta({ description: 'Whether anything may be made public without a person.' }),
  late_limit_s: z
    .int()
    .min(0)
    .max(30 * 86_400)
    .default(7200)
    .meta({ description: 'A post that could not go out this long after its time is missed.' }),
  when_unknown: z
    .enum(unknownPolicies)
    .default('send_again')
    .meta({ description: 'What happens with a post proven absent after an unknown outcome.' }),
  reference: text(255)
    .nullable()
    .default(null)
    .meta({ description: "The calendar's own id of the tenant; unique." }),
  contact_email: z
    .email({ error: 'must be an e-mail address' })
    .max(254)
    .nullable()
    .default(null)
    .meta({ description: 'Who is told by mail when a connection ends, or is about to.' }),
};

const newTenant = z.strictObject(settings).meta({
  id: 'NewTenant',
  examples: [{ name: 'Bakery Lindner', timezone: 'Europe/Berlin', reference: 'crm-17' }],
});
const tenantChange = z
  .strictObject({
    name: settings.name.optional(),
    timezone: settings.timezone.unwrap().optional(),
    auto_publish: settings.auto_publish.unwrap().optional(),
    late_limit_s: settings.late_limit_s.unwrap().optional(),
    when_unknown: settings.when_unknown.unwrap().optional(),
    reference: settings.reference.unwrap().optional(),
    contact_email: settings.contact_email.unwrap().optional(),
  })
  .meta({ id: 'TenantChange', examples: [{ auto_publish: true }] });

const tenantSchema = z
  .strictObject({
    id: z.guid(),
    name: z.string(),
    timezone: z.string(),
    auto_publish: z.boolean(),
    late_limit_s: z.int(),
    when_unknown: z.enum(unknownPolicies),
    reference: z.string().nullable(),
    contact_email: z.string().nullable(),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Tenant', description: 'A customer of the operator.' });

const tag = 'Tenants';
const found = { description: 'The tenant.', body: tenantSchema };

export const tenantRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/tenants',
    operationId: 'createTenant',
    summary: 'Create a tenant',
    tag,
    auth: forOperator,
    input: { body: newTenant },
    responses: { 201: { description: 'Created.', body: tenantSchema } },
    problems: ['reference_taken'],
    async handler({ body, idempotentId }, { db }) {
      const tenant = await createTenant(db, { id: idempotentId(), ...fromNew(body) });
      return {
        status: 201,
        body: toJson(tenant),
        headers: { location: `/v1/tenants/${tenant.id}` },
      };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/tenants',
    operationId: 'listTenants',
    summary: 'List tenants, newest first',
    tag,
    auth: forOperator,
    input: { query: z.strictObject({ ...pageShape, reference: text(255).optional() }) },
    responses: { 200: { description: 'A page of tenants.', body: pageSchema(tenantSchema) } },
    async handler({ query }, { db }) {
      const { limit, cursor, reference } = query;
      const filter = reference === undefined ? {} : { reference };
      const rows = await listTenants(db, { before: cursor ?? null, limit: limit + 1, ...filter });
      return { status: 200, body: pageOf(rows, limit, toJson) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/tenants/{id}',
    operationId: 'getTenant',
    summary: 'Read a tenant',
    tag,
    auth: forOperator,
    input: { params: idParams },
    responses: { 200: found },
    problems: ['not_found'],
    async handler({ params }, { db }) {
      return { status: 200, body: toJson(await getTenant(db, params.id)) };
    },
  }),
  defineRoute({
    method: 'PATCH',
    path: '/v1/tenants/{id}',
    operationId: 'changeTenant',
    summary: 'Change a tenant',
    description:
      'Fields that are left out stay as they are. Approved posts are planned again by the new settings.',
    tag,
    auth: forOperator,
    input: { params: idParams, body: tenantChange },
    responses: { 200: found },
    problems: ['not_found', 'reference_taken'],
    async handler({ params, body }, { db }) {
      return { status: 200, body: toJson(await changeTenant(db, params.id, fromChange(body))) };
    },
  }),
];

function fromNew(body: z.output<typeof newTenant>): TenantSettings {
  return {
    name: body.name,
    timezone: body.timezone,
    autoPublish: body.auto_publish,
    lateLimitS: body.late_limit_s,
    whenUnknown: body.when_unknown,
    reference: body.reference,
    contactEmail: body.contact_email,
  };
}

function fromChange(body: z.output<typeof tenantChange>): TenantChange {
  return {
    name: body.name,
    timezone: body.timezone,
    autoPublish: body.auto_publish,
    lateLimitS: body.late_limit_s,
    whenUnknown: body.when_unknown,
    reference: body.reference,
    contactEmail: body.contact_email,
  };
}

function toJson(tenant: Tenant): z.input<typeof tenantSchema> {
  return {
    id: tenant.id,
    name: tenant.name,
    timezone: tenant.timezone,
    auto_publish: tenant.autoPublish,
    late_limit_s: tenant.lateLimitS,
    when_unknown: tenant.whenUnknown,
    reference: tenant.reference,
    contact_email: tenant.contactEmail,
    created_at: tenant.createdAt.toISOString(),
    updated_at: tenant.updatedAt.toISOString(),
  };
}

const madeKey = z
  .strictObject({
    id: z.guid(),
    key: z.string().meta({ description: 'Shown this once; only its hash is stored.' }),
    name: z.string(),
    scope: z.enum(['tenant', 'read', 'platform']),
    tenant_id: z.guid().nullable(),
  })
  .meta({ id: 'ApiKey' });

const keyTag = 'API keys';
const made = { 201: { description: 'Made.', body: madeKey } };
const deleted = { 204: { description: 'Deleted; it stops working at once.' } };

export const apiKeyRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/tenants/{id}/api-keys',
    operationId: 'createTenantKey',
    summary: 'Make a key of a tenant',
    tag: keyTag,
    auth: forOperator,
    input: {
      params: idParams,
      body: z.strictObject({
        name: text(200),
        scope: z.enum(['tenant', 'read']).default('tenant'),
      }),
    },
    responses: made,
    problems: ['not_found'],
    secretAnswer: true,
    handler: ({ params, body, idempotentId }, services) =>
      answerNewKey(services, { id: idempotentId(), tenantId: params.id, ...body }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/v1/tenants/{id}/api-keys/{key_id}',
    operationId: 'deleteTenantKey',
    summary: 'Delete a key of a tenant',
    tag: keyTag,
    auth: forOperator,
    input: { params: z.strictObject({ id, key_id: id }) },
    responses: deleted,
    problems: ['not_found'],
    handler: ({ params }, services) =>
      answerDeletion(services, { id: params.key_id, tenantId: params.id }),
  }),
  defineRoute({
    method: 'POST',
    path: '/v1/api-keys',
    operationId: 'createPlatformKey',
    summary: 'Make a platform key',
    description:
      'A platform key acts for any tenant that the header Tenant-Id names, as a calendar of many tenants does. It does nothing that is for the operator alone.',
    tag: keyTag,
    auth: forOperator,
    input: {
      body: z.strictObject({ name: text(200), scope: z.literal('platform').default('platform') }),
    },
    responses: made,
    secretAnswer: true,
    handler: ({ body, idempotentId }, services) =>
      answerNewKey(services, { id: idempotentId(), tenantId: null, ...body }),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/v1/api-keys/{id}',
    operationId: 'deletePlatformKey',
    summary: 'Delete a platform key',
    tag: keyTag,
    auth: forOperator,
    input: { params: idParams },
    responses: deleted,
    problems: ['not_found'],
    handler: ({ params }, services) => answerDeletion(services, { id: params.id, tenantId: null }),
  }),
];

interface AskedKey {
  readonly id: string;
  readonly tenantId: string | null;
  readonly name: string;
  readonly scope: KeyScope;
}

async function answerNewKey({ db }: Services, asked: AskedKey): Promise<Answer> {
  const key = makeKey(asked.scope);
  if (!(await saveKey(db, { ...asked, key }))) {
    throw new NotFoundError('not_found', 'There is no such tenant.');
  }
  const { id: keyId, name, scope, tenantId } = asked;
  return { status: 201, body: { id: keyId, key, name, scope, tenant_id: tenantId } };
}

async function answerDeletion(
  { db }: Services,
  key: { readonly id: string; readonly tenantId: string | null },
): Promise<Answer> {
  if (await deleteKey(db, key)) return { status: 204 };
  throw new NotFoundError('not_found', 'There is no such key.');
}
