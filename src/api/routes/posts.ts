import { z } from 'zod';
import { attemptViewSchema } from '../../attempts/attempt.ts';
import { createPost } from '../../authoring/create-store.ts';
import { editPost } from '../../authoring/edit-store.ts';
import { postInputSchema, postPatchSchema } from '../../authoring/input.ts';
import { getPost, listAttempts, listPosts } from '../../authoring/read-store.ts';
import { type Validation, validatePost } from '../../authoring/validate.ts';
import { readDueTime } from '../../authoring/wall-time.ts';
import { budgetKeyOf } from '../../integrations/booking.ts';
import { forecast, loadBudgets } from '../../integrations/budget-store.ts';
import { postStatuses } from '../../posts/post.ts';
import { viewPost } from '../../posts/row.ts';
import type { Services } from '../../services.ts';
import { forTenant } from '../auth.ts';
import { pageOf, pageSchema, pageShape } from '../paging.ts';
import {
  answerPost,
  answerWritten,
  expectedVersion,
  postParams,
  postSchema,
  validationSchema,
  writtenPostSchema,
} from '../posts.ts';
import { defineRoute } from '../route.ts';

const tag = 'Posts';

export const postRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/posts',
    operationId: 'createPost',
    summary: 'Create a post',
    description:
      'A draft may break the rules of its network, and `warnings` say which; a post that is created as `approved` may not, and goes out at its time.',
    tag,
    auth: forTenant,
    input: { body: postInputSchema },
    responses: { 201: { description: 'The post.', body: writtenPostSchema } },
    problems: ['not_found', 'invalid'],
    async handler({ body, tenantId, idempotentId }, services) {
      const post = { id: idempotentId(), input: body };
      return answerWritten(await createPost(services, tenantId, post), 201);
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/posts/{id}',
    operationId: 'getPost',
    summary: 'Read a post',
    tag,
    auth: forTenant,
    input: { params: postParams },
    responses: { 200: { description: 'The post.', body: postSchema } },
    problems: ['not_found'],
    async handler({ params, tenantId }, { db }) {
      return answerPost(await getPost(db, tenantId, params.id));
    },
  }),
  defineRoute({
    method: 'PATCH',
    path: '/v1/posts/{id}',
    operationId: 'editPost',
    summary: 'Change a post',
    description:
      'Fields that are left out stay as they are, null clears one, and the status is kept. Possible until the post was sent; an approved post may not come to break a rule. Of a scheduled post message and time can be changed until 5 minutes before it is due: a worker changes it on the network, and `change` tells the result. `warnings` say what is worth knowing.',
    tag,
    auth: forTenant,
    input: { params: postParams, body: postPatchSchema },
    responses: {
      200: { description: 'The post.', body: writtenPostSchema },
      202: { description: 'The post, whose change is on its way.', body: writtenPostSchema },
    },
    problems: [
      'not_found',
      'conflict',
      'change_pending',
      'too_late_to_change',
      'version_mismatch',
      'invalid',
    ],
    async handler({ params, body, tenantId, headers }, services) {
      const patch = { ...body, version: expectedVersion(headers, body.version) };
      return answerWritten(await editPost(services, tenantId, params.id, patch));
    },
  }),
];

const statuses = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(z.enum(postStatuses)))
  .meta({ description: 'One or more, comma-separated.', examples: ['failed,missed'] });

const flag = z.enum(['true', 'false']).transform((value) => value === 'true');

/** As strict as the due time of a post: an offset is required. */
const instant = z
  .string()
  .max(64)
  .transform((text, context) => {
    // In a query, a plus sign that was not escaped arrives as a space.
    const { due, problem } = readDueTime({ scheduledAt: text.replace(' ', '+') }, 'UTC');
    if (due?.scheduledAt != null) return due.scheduledAt;
    const { message, rule } = problem ?? { message: 'is not a time', rule: 'time_format' };
    context.addIssue({ code: 'custom', message, params: { rule } });
    return z.NEVER;
  })
  .meta({ examples: ['2026-12-24T18:30:00Z'] });

const filters = {
  status: statuses.optional(),
  provider: z.string().max(64).optional(),
  integration_id: z
    .guid({ error: 'must be the id (a UUID) that GET /v1/integrations shows' })
    .optional(),
  reference: z.string().max(500).optional(),
  external_id: z.string().max(500).optional(),
  attention: flag
    .optional()
    .meta({ description: 'Only posts that need the attention of a person.' }),
  scheduled_from: instant.optional(),
  scheduled_to: instant.optional().meta({ description: 'Exclusive.' }),
  updated_since: instant.optional(),
};

export const postListRoutes = [
  defineRoute({
    method: 'GET',
    path: '/v1/posts',
    operationId: 'listPosts',
    summary: 'List posts, newest first',
    tag,
    auth: forTenant,
    input: { query: z.strictObject({ ...pageShape, ...filters }) },
    responses: { 200: { description: 'A page of posts.', body: pageSchema(postSchema) } },
    async handler({ query, tenantId }, { db }) {
      const { limit, cursor } = query;
      const page = { before: cursor ?? null, limit: limit + 1 };
      const { rows, isCut } = await listPosts(db, tenantId, filterOf(query), page);
      return { status: 200, body: pageOf(rows, limit, viewPost, isCut) };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/v1/posts/{id}/attempts',
    operationId: 'listAttempts',
    summary: 'List the attempts at a post, newest first',
    description: 'Every call that was made to the network, and its result; secrets are masked.',
    tag,
    auth: forTenant,
    input: { params: postParams, query: z.strictObject(pageShape) },
    responses: { 200: { description: 'A page of attempts.', body: pageSchema(attemptViewSchema) } },
    problems: ['not_found'],
    async handler({ params, query, tenantId }, { db }) {
      const { limit, cursor } = query;
      const page = { before: cursor ?? null, limit: limit + 1 };
      const { rows, isCut } = await listAttempts(db, { tenantId, id: params.id }, page);
      return { status: 200, body: pageOf(rows, limit, (attempt) => attempt, isCut) };
    },
  }),
];

function filterOf(query: z.output<z.ZodObject<typeof filters>>) {
  return {
    statuses: query.status,
    provider: query.provider,
    integrationId: query.integration_id,
    reference: query.reference,
    externalId: query.external_id,
    attention: query.attention,
    scheduledFrom: query.scheduled_from,
    scheduledTo: query.scheduled_to,
    updatedSince: query.updated_since,
  };
}

export const postValidateRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/posts/validate',
    operationId: 'validatePost',
    summary: 'Say what approving this post would come to',
    description:
      'The rules are those of approval, whatever status is asked for. Nothing is stored.',
    tag: 'Posts',
    auth: forTenant,
    writes: false,
    input: { body: postInputSchema },
    responses: { 200: { description: 'The verdict.', body: validationSchema } },
    problems: ['not_found'],
    async handler({ body, tenantId }, services) {
      const validation = await validatePost(services, tenantId, body);
      const { errors, warnings } = validation;
      const plan = await planJson(services, validation);
      return { status: 200, body: { valid: errors.length === 0, errors, warnings, plan } };
    },
  }),
];

async function planJson(services: Services, validation: Validation) {
  const { plan } = validation;
  if (plan === null) return null;
  const quotaAt = await quotaFrom(services, validation, plan.calls);
  const earliestMs = Math.max(plan.handoverAt.getTime(), quotaAt.getTime());
  return {
    effective_mode: plan.effectiveMode,
    handover_at: plan.handoverAt.toISOString(),
    calls: plan.calls,
    earliest_at: new Date(earliestMs).toISOString(),
  };
}

/** As used now; what other posts of the account will need until then is not foreseen. */
async function quotaFrom(
  { db, config }: Services,
  { integration }: Validation,
  calls: number,
): Promise<Date> {
  const key = budgetKeyOf(integration);
  const limit = config.limits.facebookCallsPerHour;
  const { budgets, now } = await loadBudgets(db, [key], limit);
  const [at = now] = forecast(budgets.get(key) ?? { limit, reserved: 0, used: [] }, [calls], now);
  return at;
}
