import { z } from 'zod';
import { maskSecrets } from '../mask.ts';
import { postStatuses } from '../posts/post.ts';

/** Besides the status: what became of a change at the network, what was found there, and what a person must answer. */
export const eventTypes = [
  ...postStatuses.map((status) => `post.${status}` as const),
  'post.change_requested',
  'post.change_done',
  'post.change_refused',
  'post.rescheduled',
  'post.attention',
] as const;

const eventRow = z.object({
  position: z.number(),
  type: z.string(),
  post_id: z.string(),
  tenant_id: z.string(),
  integration_id: z.string(),
  from_status: z.string().nullable(),
  to_status: z.string(),
  version: z.number(),
  at: z.string(),
  data: z.record(z.string(), z.unknown()),
});

export const eventViewSchema = z
  .strictObject({
    position: z.int().meta({ description: 'Its place in the order; `after` takes it.' }),
    type: z.string().meta({
      description:
        '`post.` and the new status; or `post.change_requested`, `post.change_done`, `post.change_refused`, `post.rescheduled` (a person moved it on the network), `post.attention`, which leave the status.',
    }),
    post_id: z.string(),
    tenant_id: z.string(),
    integration_id: z.string(),
    from: z.string().nullable().meta({ description: 'Null for a post that was just created.' }),
    to: z.string(),
    version: z.int(),
    at: z.string(),
    data: z.record(z.string(), z.unknown()).meta({
      description:
        'reference, external_id, publish_url, waiting, error, attention, as they were then; change and scheduled_at where the event is about them.',
    }),
  })
  .meta({ id: 'Event' });

/** One thing that became of one post. */
export type EventView = z.output<typeof eventViewSchema>;

export function viewEvent(row: object): EventView {
  const { from_status: from, to_status: to, at, data, ...event } = eventRow.parse(row);
  return { ...event, from, to, at: new Date(at).toISOString(), data: masked(data) };
}

function masked(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(maskSecrets(JSON.stringify(data))));
}
