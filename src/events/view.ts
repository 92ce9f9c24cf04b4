import { z } from 'zod';
import { errorRecordSchema } from '../errors.ts';
import { maskObject } from '../mask.ts';
import { postStatuses } from '../posts/post.ts';
import { attentionSchema, changeSchema, evidenceSchema, waitingSchema } from '../posts/row.ts';

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

/** The table leaves out every field that is null, at any depth. */
const errorSchema = errorRecordSchema.partial();
const dataSchema = z
  .strictObject({
    reference: z.string(),
    external_id: z.string(),
    publish_url: z.string(),
    waiting: waitingSchema.partial(),
    error: errorSchema,
    attention: attentionSchema.extend({ evidence: z.array(evidenceSchema.partial()) }).partial(),
    prepared_at: z.string(),
    change: changeSchema.extend({ error: errorSchema }).partial(),
    scheduled_at: z.string(),
  })
  .partial()
  .meta({
    id: 'EventData',
    description:
      'The post as it was then; what was null is left out, at any depth. `change` and `scheduled_at` only where the event is about them.',
  });

export const eventViewSchema = z
  .strictObject({
    position: z.int().meta({ description: 'Its place in the order; `after` takes it.' }),
    type: z.enum(eventTypes).meta({
      description:
        '`post.` and the new status. There is no `post.created`: a new post is told by the status that it was created with, `post.draft`, `post.in_review` or `post.approved`, and `from` is null. These leave the status as it is: `post.change_requested`, `post.change_done`, `post.change_refused`, `post.rescheduled` (a person moved it on the network) and `post.attention` (a person must answer).',
    }),
    post_id: z.string(),
    tenant_id: z.string(),
    integration_id: z.string(),
    from: z.string().nullable().meta({ description: 'Null for a post that was just created.' }),
    to: z.string(),
    version: z.int(),
    at: z.string(),
    data: dataSchema,
  })
  .meta({ id: 'Event' });

/** One thing that became of one post. */
export type EventView = Omit<z.output<typeof eventViewSchema>, 'type' | 'data'> & {
  /** A newer version that runs beside this one may write others. */
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
};

export function viewEvent(row: object): EventView {
  const { from_status: from, to_status: to, at, data, ...event } = eventRow.parse(row);
  return { ...event, from, to, at: new Date(at).toISOString(), data: maskObject(data) };
}
