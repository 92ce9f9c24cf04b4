import { z } from 'zod';
import { readEvents } from '../../events/store.ts';
import { eventTypes, eventViewSchema } from '../../events/view.ts';
import { forTenantOrOperator } from '../auth.ts';
import { pageShape } from '../paging.ts';
import { defineRoute } from '../route.ts';

const types = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(z.enum(eventTypes)))
  .meta({
    description:
      'One or more, comma-separated. Without it: all those of posts; those of connections only come when they are named.',
    examples: ['post.published,post.failed'],
  });

const position = z
  .string()
  .regex(/^\d{1,15}$/, { error: 'is not a cursor of ours: copy next_cursor as it is' })
  .transform(Number);

export const eventRoutes = [
  defineRoute({
    method: 'GET',
    path: '/v1/events',
    operationId: 'listEvents',
    summary: 'The history of all posts and connections, oldest first',
    description:
      'Keep `next_cursor` and send it as `after` next time: you see every event exactly once. Events are kept for 30 days. The operator sees all tenants, or the one in Tenant-Id.',
    tag: 'Events',
    auth: forTenantOrOperator,
    input: {
      query: z.strictObject({
        after: position.default(0).meta({
          type: ['integer', 'string'],
          description: 'A `next_cursor`, or the `position` of an event.',
        }),
        types: types.optional(),
        limit: pageShape.limit,
      }),
    },
    responses: {
      200: {
        description: 'Events after that position.',
        body: z
          .strictObject({
            data: z.array(eventViewSchema),
            next_cursor: z.string().meta({
              description: 'Where to go on; the same as before while there is nothing new.',
            }),
          })
          .meta({ id: 'EventList' }),
      },
    },
    async handler({ query, tenantId }, { db }) {
      const { events, next } = await readEvents(db, { tenantId, ...query });
      return { status: 200, body: { data: events, next_cursor: String(next) } };
    },
  }),
];
