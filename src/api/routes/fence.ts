import { z } from 'zod';
import { fenceByHand, startUnfencing } from '../../unfencing/unfence.ts';
import { unfencingSchema, viewFence } from '../../unfencing/view.ts';
import { forOperator, operatorName } from '../auth.ts';
import { text, time } from '../fields.ts';
import { defineRoute } from '../route.ts';
import { closedBySchema } from '../status.ts';

const tag = 'Operations';

const fenceSchema = z
  .strictObject({
    fenced: z.boolean(),
    fenced_at: time.nullable(),
    reason: z.string().nullable().meta({ description: 'What is not as it was.' }),
    closed_by: closedBySchema.nullable(),
    known_place: z
      .strictObject({ public_url: z.string().nullable(), graph_host: z.string().nullable() })
      .meta({ description: 'The place that the installation is known by.' }),
    unfencing: unfencingSchema
      .nullable()
      .meta({ description: 'The last one, or the one under way.' }),
  })
  .meta({
    id: 'Fence',
    description: 'Whether the program holds back everything that it would send.',
  });

const requestedBy = text(100).optional().meta({ description: 'Your name, for the record.' });

export const fenceRoutes = [
  defineRoute({
    method: 'GET',
    path: '/v1/fence',
    operationId: 'getFence',
    summary: 'Is sending held back, and why?',
    tag,
    auth: forOperator,
    input: {},
    responses: { 200: { description: 'The fence.', body: fenceSchema } },
    handler: async (_request, services) => ({ status: 200, body: await viewFence(services) }),
  }),
  defineRoute({
    method: 'POST',
    path: '/v1/fence',
    operationId: 'fence',
    summary: 'Hold everything back',
    description:
      'For what the program cannot see by itself: a disk that was rolled back, a backup about to be restored. Posts can be created; nothing is sent until unfenced.',
    tag,
    auth: forOperator,
    input: { body: z.strictObject({ reason: text(500).optional() }).optional() },
    responses: { 200: { description: 'The fence.', body: fenceSchema } },
    async handler({ body, headers }, services) {
      const by = operatorName(headers, undefined);
      await fenceByHand(services, body?.reason ?? `Fenced by ${by}.`);
      return { status: 200, body: await viewFence(services) };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/v1/unfence',
    operationId: 'unfence',
    summary: 'Look for what was sent since, then send again',
    description:
      'Every account with posts that may have been sent since that moment is read; what is there is bound to its post, and only then the fence opens. Goes on after the answer: GET /v1/fence tells the progress. Not fenced: 200, and nothing happens.',
    tag,
    auth: forOperator,
    input: {
      body: z.strictObject({
        since: z.iso
          .datetime({ offset: true })
          .meta({ description: 'When the backup was taken; earlier is safe.' }),
        requested_by: requestedBy,
      }),
    },
    responses: {
      200: { description: 'Nothing was fenced.', body: fenceSchema },
      202: { description: 'Under way.', body: fenceSchema },
    },
    problems: ['conflict', 'invalid'],
    async handler({ body, headers }, services) {
      const before = await viewFence(services);
      if (!before.fenced) return { status: 200, body: before };
      const by = operatorName(headers, body.requested_by);
      await startUnfencing(services, { since: new Date(body.since), by });
      return { status: 202, body: await viewFence(services) };
    },
  }),
];
