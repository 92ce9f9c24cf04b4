import { z } from 'zod';
import { errorRecordSchema } from '../errors.ts';
import { maskObject } from '../mask.ts';
import { postStatuses } from '../posts/post.ts';
import { attentionSchema, changeSchema, evidenceSchema, waitingSchema } from '../posts/row.ts';

/**
 * Of posts, besides the status: what became of a change at the network, what was found there, and what a person must
 * answer. Of connections: the status, and the ends that are ahead.
 */
export const eventTypes = [
  ...postStatuses.map((status) => `post.${status}` as const),
  'post.change_requested',
  'post.change_done',
  'post.change_refused',
  'post.rescheduled',
  'post.attention',
  'integration.connected',
  'integration.recovered',
  'integration.needs_reconnect',
  'integration.needs_permission',
  'integration.blocked',
  'integration.disconnected',
  'integration.token_ends',
  'integration.access_ends',
] as const;

const eventRow = z.object({
  position: z.number(),
  type: z.string(),
  post_id: z.string().nullable(),
  tenant_id: z.string(),
  integration_id: z.string(),
  from_status: z.string().nullable(),
  to_status: z.string(),
  version: z.number().nullable(),
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
    ends_at: z.string(),
    days: z.int(),
  })
  .partial()
  .meta({
    id: 'EventData',
    description:
      'The post as it was then, or the `error` that a connection ended with; what was null is left out, at any depth. `change` and `scheduled_at` only where the event is about them. `ends_at`, and in how many days at most, of a connection whose end is ahead.',
  });

export const eventViewSchema = z
  .strictObject({
    position: z.int().meta({ description: 'Its place in the order; `after` takes it.' }),
    type: z.enum(eventTypes).meta({
      description:
        '`post.` and the new status. There is no `post.created`: a new post is told by the status that it was created with, `post.draft`, `post.in_review` or `post.approved`, and `from` is null. These leave the status as it is: `post.change_requested`, `post.change_done`, `post.change_refused`, `post.rescheduled` (a person moved it on the network) and `post.attention` (a person must answer).\n\n`integration.` and what became of a connection: `connected` (a token was proven and saved), `recovered` (it works again without a new one), a status that it came into, and, 14, 7 and 2 days ahead, `token_ends` (the token can no longer be prolonged without a person) and `access_ends` (90 days after the last login the network lets us read nothing).',
    }),
    post_id: z.string().nullable().meta({ description: 'Null for an event of a connection.' }),
    tenant_id: z.string(),
    integration_id: z.string(),
    from: z
      .string()
      .nullable()
      .meta({ description: 'Null for a post or a connection that was just created.' }),
    to: z.string(),
    version: z.int().nullable().meta({ description: 'Of the post.' }),
    at: z.string(),
    data: dataSchema,
  })
  .meta({ id: 'Event' });

/** One thing that became of one post, or of one connection. */
export type EventView = Omit<z.output<typeof eventViewSchema>, 'type' | 'data'> & {
  /** A newer version that runs beside this one may write others. */
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
};

export function viewEvent(row: object): EventView {
  const { from_status: from, to_status: to, at, data, ...event } = eventRow.parse(row);
  return { ...event, from, to, at: new Date(at).toISOString(), data: maskObject(data) };
}
