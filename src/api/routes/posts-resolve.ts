import { z } from 'zod';
import { resolvePost } from '../../publishing/resolve.ts';
import { forTenant } from '../access.ts';
import { answerPost, postParams } from '../post-answer.ts';
import { postSchema } from '../post-schemas.ts';
import { expectedVersion } from '../post-version.ts';
import { defineRoute } from '../route.ts';

const version = z
  .int()
  .positive()
  .optional()
  .meta({ description: 'Answers 412 when the post has another; If-Match says the same.' });

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
