import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { actOnPosts } from '../../posts/author-action-store.ts';
import { type PostInput, postInputSchema } from '../../posts/author-input.ts';
import { failed, type PostOutcome } from '../../posts/author-outcome.ts';
import { createPosts } from '../../posts/author-store.ts';
import { forTenant } from '../access.ts';
import { parseInput } from '../input.ts';
import { statusOfChange } from '../post-answer.ts';
import { resultsOf } from '../post-results.ts';
import { resultsSchema } from '../post-schemas.ts';
import { defineRoute } from '../route.ts';

const tag = 'Posts';
const mostItems = 500;
const responses = {
  200: { description: 'The result for each, in the order of the request.', body: resultsSchema },
};
const itemSchema = z.object({ body: postInputSchema });

export const postBulkRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/posts/batch',
    operationId: 'createPosts',
    summary: 'Create up to 500 posts, each on its own',
    tag,
    auth: forTenant,
    bodyLimitBytes: 8 * 1024 * 1024,
    input: {
      body: z.strictObject({
        posts: z
          .array(z.unknown())
          .min(1)
          .max(mostItems)
          .meta({
            description: 'Each as `POST /v1/posts` takes it.',
            examples: [
              [{ integration_id: '01938c5e-7a10-7cc3-9d52-3f1f0a2b4c6d', message: 'One of many' }],
            ],
          }),
      }),
    },
    responses,
    async handler({ body, tenantId, idempotentId }, services) {
      const read = body.posts.map(readItem);
      const posts = read.flatMap(({ input }, index) =>
        input === null ? [] : [{ id: idempotentId(String(index)), input }],
      );
      const created = await createPosts(services, tenantId, posts);
      let next = 0;
      const items = read.map(({ problem }) => ({ id: null, outcome: problem ?? created[next++] }));
      return { status: 200, body: resultsOf(services, items, 201) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/v1/posts/actions',
    operationId: 'actOnPosts',
    summary: 'Approve, cancel or retry up to 500 posts, each on its own',
    description: 'With `dry_run` nothing happens: the answer shows what would.',
    tag,
    auth: forTenant,
    input: {
      body: z.strictObject({
        action: z.enum(['approve', 'cancel', 'retry']),
        items: z
          .array(z.strictObject({ id: z.string().max(64), version: z.int().positive().optional() }))
          .min(1)
          .max(mostItems),
        dry_run: z.boolean().default(false),
      }),
    },
    responses,
    async handler({ body, tenantId }, services) {
      const { action, items, dry_run: dryRun } = body;
      const outcomes = await actOnPosts(services, tenantId, { action, items, dryRun });
      const results = outcomes.map((outcome, index) => ({ id: items[index]?.id ?? null, outcome }));
      const statusOf = action === 'cancel' ? statusOfChange : 200;
      return { status: 200, body: resultsOf(services, results, statusOf) };
    },
  }),
];

type ReadItem =
  | { readonly input: PostInput; readonly problem: null }
  | { readonly input: null; readonly problem: PostOutcome };

/** One item that cannot be understood does not stop the others. */
function readItem(item: unknown): ReadItem {
  try {
    const { body } = parseInput(itemSchema, { params: {}, query: {}, body: item });
    return { input: body, problem: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { input: null, problem: failed(error) };
  }
}
