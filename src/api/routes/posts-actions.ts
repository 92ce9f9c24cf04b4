import { z } from 'zod';
import type { AuthorAction } from '../../posts/author-action.ts';
import { actOnPost } from '../../posts/author-action-store.ts';
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
