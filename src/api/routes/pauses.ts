import { z } from 'zod';
import { InvalidRequestError } from '../../errors.ts';
import { type Pause, pauseScopes } from '../../integrations/pause.ts';
import {
  addPause,
  forgetPauses,
  isKnownTarget,
  listPauses,
  removePause,
} from '../../integrations/pause-store.ts';
import type { Services } from '../../services.ts';
import { forTenantOrOperator } from '../auth.ts';
import { ApiError } from '../errors.ts';
import { idParams, text, time } from '../fields.ts';
import { pageOf, pageSchema, pageShape } from '../paging.ts';
import { defineRoute } from '../route.ts';

const newPause = z
  .strictObject({
    scope: z.enum(pauseScopes),
    target: text(64).optional().meta({
      description:
        "A provider's name, or the id of a tenant or an integration; none for `all`, and none needed of a tenant that pauses itself.",
    }),
    reason: text(500).nullable().default(null).meta({ description: 'Shown at the posts.' }),
  })
  .meta({ id: 'NewPause', examples: [{ scope: 'all', reason: 'Moving to another data centre' }] });

const pauseSchema = z
  .strictObject({
    id: z.guid(),
    scope: z.enum(pauseScopes),
    target: z.string().meta({ description: "A provider's name or an id; empty for `all`." }),
    reason: z.string().nullable(),
    created_by: z.string().meta({ description: '`operator`, or the id of the tenant.' }),
    created_at: time,
  })
  .meta({
    id: 'Pause',
    description: 'Nothing of what it names is sent, read or changed at its provider.',
  });

const tag = 'Pauses';

export const pauseRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/pauses',
    operationId: 'createPause',
    summary: 'Pause everything, a provider, a tenant or an integration',
    description:
      'Workers that run honour it within seconds; a call that is under way ends. Due posts say `waiting: paused`. The operator may pause anything, a tenant itself and its integrations. Lateness counts on: a post that is too late when the pause is lifted is missed.',
    tag,
    auth: forTenantOrOperator,
    input: { body: newPause },
    responses: {
      200: { description: 'It was paused by the same hand already.', body: pauseSchema },
      201: { description: 'Paused.', body: pauseSchema },
    },
    async handler({ body, tenantId, idempotentId }, services) {
      const { scope, reason } = body;
      const target = await targetOf(services, body, tenantId);
      const createdBy = tenantId ?? 'operator';
      const wanted = { id: idempotentId(), scope, target, reason, createdBy };
      const { pause, isNew } = await addPause(services.db, wanted);
      forgetPauses(services.db);
      services.log.warn({ pauseId: pause.id, scope, target, createdBy }, 'paused');
      return { status: isNew ? 201 : 200, body: toJson(pause) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/pauses',
    operationId: 'listPauses',
    summary: 'List what is paused, newest first',
    description: 'The operator sees all, a tenant those of itself and of its integrations.',
    tag,
    auth: forTenantOrOperator,
    input: { query: z.strictObject(pageShape) },
    responses: { 200: { description: 'A page of pauses.', body: pageSchema(pauseSchema) } },
    async handler({ query: { limit, cursor }, tenantId }, { db }) {
      const rows = await listPauses(db, { tenantId, before: cursor ?? null, limit: limit + 1 });
      return { status: 200, body: pageOf(rows, limit, toJson) };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/v1/pauses/{id}',
    operationId: 'deletePause',
    summary: 'Lift a pause',
    description:
      'What it held goes on within seconds, unless another pause holds it. A tenant can lift what it paused itself.',
    tag,
    auth: forTenantOrOperator,
    input: { params: idParams },
    responses: { 204: { description: 'Lifted.' } },
    problems: ['not_found'],
    async handler({ params, tenantId }, { db, log }) {
      await removePause(db, params.id, tenantId);
      forgetPauses(db);
      log.warn({ pauseId: params.id }, 'pause lifted');
      return { status: 204 };
    },
  }),
];

/** Throws `forbidden` for what is not the tenant's to pause, `invalid` for a target that does not exist. */
async function targetOf(
  services: Services,
  { scope, target }: z.output<typeof newPause>,
  tenantId: string | undefined,
): Promise<string> {
  if (tenantId !== undefined && (scope === 'all' || scope === 'provider')) {
    throw new ApiError('forbidden', 'Only the operator may pause more than one tenant.');
  }
  if (scope === 'all') {
    if (target !== undefined) throw badTarget('takes no target', 'target_unexpected');
    return '';
  }
  const wanted = target ?? (scope === 'tenant' ? tenantId : undefined);
  if (wanted === undefined) throw badTarget('is required', 'required');
  if (scope === 'provider') {
    if (services.publishers.has(wanted)) return wanted;
    throw badTarget(`must be one of ${[...services.publishers.keys()].join(', ')}`);
  }
  const id = z.guid().safeParse(wanted).data?.toLowerCase();
  const isKnown =
    id !== undefined && (await isKnownTarget(services.db, { scope, target: id }, tenantId));
  if (!isKnown) throw badTarget(`must be the id of ${scope === 'tenant' ? 'a' : 'an'} ${scope}`);
  return id;
}

function badTarget(message: string, rule = 'target_unknown'): InvalidRequestError {
  return new InvalidRequestError(422, 'invalid', `target: ${message}.`, [
    { path: 'target', message, rule },
  ]);
}

function toJson(pause: Pause): z.input<typeof pauseSchema> {
  return {
    id: pause.id,
    scope: pause.scope,
    target: pause.target,
    reason: pause.reason,
    created_by: pause.createdBy,
    created_at: pause.createdAt.toISOString(),
  };
}
