import { z } from 'zod';
import { changeTenant, createTenant, getTenant, listTenants } from '../../tenants/store.ts';
import {
  type Tenant,
  type TenantChange,
  type TenantSettings,
  unknownPolicies,
} from '../../tenants/tenant.ts';
import { forOperator } from '../access.ts';
import { idParams, text, time, timezone } from '../fields.ts';
import { pageOf, pageSchema, pageShape } from '../paging.ts';
import { defineRoute } from '../route.ts';

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
    created_at: tenant.createdAt.toISOString(),
    updated_at: tenant.updatedAt.toISOString(),
  };
}
