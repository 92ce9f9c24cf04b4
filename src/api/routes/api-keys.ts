import { z } from 'zod';
import { type KeyScope, makeKey } from '../../api-keys/key.ts';
import { deleteKey, saveKey } from '../../api-keys/store.ts';
import { NotFoundError } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { forOperator } from '../access.ts';
import { id, idParams, text } from '../fields.ts';
import { type Answer, defineRoute } from '../route.ts';

const madeKey = z
  .strictObject({
    id: z.guid(),
    key: z.string().meta({ description: 'Shown this once; only its hash is stored.' }),
    name: z.string(),
    scope: z.enum(['tenant', 'read', 'platform']),
    tenant_id: z.guid().nullable(),
  })
  .meta({ id: 'ApiKey' });

const tag = 'API keys';
const made = { 201: { description: 'Made.', body: madeKey } };
const deleted = { 204: { description: 'Deleted; it stops working at once.' } };

export const apiKeyRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/tenants/{id}/api-keys',
    operationId: 'createTenantKey',
    summary: 'Make a key of a tenant',
    tag,
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
    tag,
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
    tag,
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
    tag,
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
