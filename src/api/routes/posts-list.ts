import { z } from 'zod';
import { attemptViewSchema } from '../../attempts/view.ts';
import { listAttempts, listPosts } from '../../posts/author-read-store.ts';
import { postStatuses } from '../../posts/post.ts';
import { viewPost } from '../../posts/post-view.ts';
import { readDueTime } from '../../posts/wall-time.ts';
import { forTenant } from '../access.ts';
import { pageOf, pageSchema, pageShape } from '../paging.ts';
import { postParams } from '../post-answer.ts';
import { postSchema } from '../post-schemas.ts';
import { defineRoute } from '../route.ts';

const tag = 'Posts';

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
