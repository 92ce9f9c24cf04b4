import { z } from 'zod';
import { ConflictError } from '../../errors.ts';
import type { AuthorAction } from '../../posts/author-action.ts';
import { actOnPost } from '../../posts/author-action-store.ts';
import { getPost } from '../../posts/author-read-store.ts';
import { forTenant } from '../access.ts';
import { answerChange, answerPost, postParams } from '../post-answer.ts';
import { postSchema } from '../post-schemas.ts';
import { expectedVersion } from '../post-version.ts';
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
    'One that the network holds is deleted there by a worker: 202, and `change` says what became of it. Not possible once it is live, or due within 5 minutes.',
  ),
  defineRoute({
    method: 'POST',
    path: '/v1/posts/{id}/retry',
    operationId: 'retryPost',
    summary: 'Try a failed or missed post again',
    description: 'A post whose time has gone by goes out now, unless a new time is given.',
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
  defineRoute({
    method: 'POST',
    path: '/v1/posts/{id}/resolve',
    operationId: 'resolvePost',
    summary: "Answer a post's attention",
    description: 'A person has looked on the network: the post is live there, or it is not.',
    tag,
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
    responses,
    problems,
    async handler({ params, tenantId }, { db }) {
      const { status } = await getPost(db, tenantId, params.id);
      const message = `the post is ${status}: this version cannot record what a person found`;
      throw new ConflictError('not_available_yet', message);
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
