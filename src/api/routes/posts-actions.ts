import { z } from 'zod';
import type { AuthorAction } from '../../authoring/action.ts';
import { actOnPost, actOnPosts } from '../../authoring/action-store.ts';
import { createPosts } from '../../authoring/create-store.ts';
import { type PostInput, postInputSchema } from '../../authoring/input.ts';
import { failed, type PostOutcome } from '../../authoring/scope.ts';
import { AppError } from '../../errors.ts';
import { resolvePost } from '../../reconciliation/resolve.ts';
import { forTenant } from '../auth.ts';
import { parseInput } from '../input.ts';
import {
  answerChange,
  answerPost,
  expectedVersion,
  postParams,
  postSchema,
  resultsOf,
  resultsSchema,
  statusOfChange,
} from '../posts.ts';
import { defineRoute } from '../route.ts';

const tag = 'Posts';
const version = z
  .int()
  .positive()
  .optional()
  .meta({ description: 'Answers 412 when the post has another; If-Match says the same.' });
const responses = { 200: { description: 'The post.', body: postSchema } };
const problems = ['not_found', 'conflict', 'not_available_yet', 'version_mismatch'];
const accepted = {
  202: { description: 'The post, whose cancel is on its way.', body: postSchema },
};
const onlyVersion = z.strictObject({ version }).optional();

export const postActionRoutes = [
  defineAction('approve', 'Approve a post', 'The rules of its network must hold.'),
  defineAction('withdraw', 'Take a post back to draft', 'Possible until it was sent.'),
  defineAction(
    'cancel',
    'Cancel a post',
    'One that the network holds is deleted there by a worker: 202, and `change` tells the result. Not possible once it is live, or due within 5 minutes.',
  ),
  defineRoute({
    method: 'POST',
    path: '/v1/posts/{id}/retry',
    operationId: 'retryPost',
    summary: 'Try a failed or missed post again',
    description:
      'A post whose time has gone by goes out now, unless a new time is given. An unknown one is looked for on the network at once: if it is there it is bound, and it is sent again as soon as it is proven absent.',
    tag,
    auth: forTenant,
    input: {
      params: postParams,
      body: z.strictObject({ version, scheduled_at: z.string().max(64).nullish() }).optional(),
    },
    responses,
    problems: [...problems, 'invalid'],
    async handler({ params, body, tenantId, headers }, services) {
      const item = {
        id: params.id,
        version: expectedVersion(headers, body?.version),
        scheduledAt: body?.scheduled_at,
      };
      return answerPost(await actOnPost(services, tenantId, 'retry', item));
    },
  }),
];

function defineAction(
  action: Exclude<AuthorAction, 'retry'>,
  summary: string,
  description: string,
) {
  return defineRoute({
    method: 'POST',
    path: `/v1/posts/{id}/${action}`,
    operationId: `${action}Post`,
    summary,
    description: `${description} Repeating it answers 200 with the post as it is.`,
    tag,
    auth: forTenant,
    input: { params: postParams, body: onlyVersion },
    responses: action === 'cancel' ? { ...responses, ...accepted } : responses,
    problems: [...problems, ...problemsOf(action)],
    async handler({ params, body, tenantId, headers }, services) {
      const item = { id: params.id, version: expectedVersion(headers, body?.version) };
      const row = await actOnPost(services, tenantId, action, item);
      return action === 'cancel' ? answerChange(row) : answerPost(row);
    },
  });
}

function problemsOf(action: AuthorAction): readonly string[] {
  if (action === 'approve') return ['invalid'];
  return action === 'cancel' ? ['change_pending', 'too_late_to_change'] : [];
}

export const postResolveRoutes = [
  defineRoute({
    method: 'POST',
    path: '/v1/posts/{id}/resolve',
    operationId: 'resolvePost',
    summary: "Answer a post's attention",
    description:
      'A person has looked on the network. `live`: the post is there under this id, and the row is bound to it. `absent`: it is not there; it is sent again, or missed if it is too late, or cancelled if that was asked for. Also where a look at the network found a post otherwise than it should be (`choices` has `resolve_live` or `resolve_absent`): `live` keeps it, `absent` makes one that the network lost `missed`, so that it can be retried. Repeating the answer answers 200 with the post as it is.',
    tag: 'Posts',
    auth: forTenant,
    input: {
      params: postParams,
      body: z.union([
        z.strictObject({
          outcome: z.literal('live'),
          external_id: z.string().min(1).max(500),
          version,
        }),
        z.strictObject({ outcome: z.literal('absent'), version }),
      ]),
    },
    responses: { 200: { description: 'The post.', body: postSchema } },
    problems: [
      'not_found',
      'conflict',
      'version_mismatch',
      'invalid',
      'rate_limited',
      'provider_unreachable',
    ],
    async handler({ params, body, tenantId, headers }, services) {
      const answer =
        body.outcome === 'live'
          ? ({ outcome: 'live', externalId: body.external_id } as const)
          : ({ outcome: 'absent' } as const);
      const expected = expectedVersion(headers, body.version);
      return answerPost(
        await resolvePost(services, tenantId, { id: params.id, version: expected, answer }),
      );
    },
  }),
];

const mostItems = 500;
const bulkResponses = {
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
    responses: bulkResponses,
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
    responses: bulkResponses,
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
