import { editPost } from '../../posts/author-edit-store.ts';
import { postInputSchema, postPatchSchema } from '../../posts/author-input.ts';
import { getPost } from '../../posts/author-read-store.ts';
import { createPost } from '../../posts/author-store.ts';
import { forTenant } from '../access.ts';
import { answerPost, answerWritten, postParams } from '../post-answer.ts';
import { postSchema, writtenPostSchema } from '../post-schemas.ts';
import { expectedVersion } from '../post-version.ts';
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
