import { z } from 'zod';
import { errorRecordSchema } from '../error-record.ts';
import { postStatuses, publishModes } from '../posts/post.ts';
import { attentionSchema, changeSchema, waitingSchema } from '../posts/post-records.ts';
import { fieldProblemSchema, time } from './fields.ts';

const nullable = (description: string) => z.string().nullable().meta({ description });

const mediaSchema = z
  .strictObject({
    type: z.enum(['image', 'video']),
    url: z.string(),
    alt_text: z.string().nullish(),
  })
  .meta({ id: 'MediaItem' });

export const postSchema = z
  .strictObject({
    id: z.guid(),
    tenant_id: z.guid(),
    integration_id: z.guid(),
    provider: z.string(),
    status: z.enum(postStatuses),
    version: z.int().meta({ description: 'Raised by every change of content; the ETag is this.' }),
    message: z.string().nullable(),
    link: z.string().nullable(),
    append_link: z.boolean(),
    media: z.array(mediaSchema).meta({
      description:
        'As written by its author. Of a post that a calendar wrote by SQL and that failed by the rule `media_shape` it can be anything.',
    }),
    publish_mode: z.enum(publishModes).nullable().meta({ description: 'As asked for.' }),
    effective_mode: z
      .enum(publishModes)
      .nullable()
      .meta({ description: 'What it comes to; null until it was planned.' }),
    scheduled_at: time.nullable(),
    scheduled_local: nullable('The wall time it was given with.'),
    timezone: nullable('The zone of that wall time.'),
    reference: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    external_id: nullable("The network's id of it."),
    publish_url: nullable('Where it can be seen.'),
    error: errorRecordSchema.nullable(),
    attention: attentionSchema.nullable(),
    waiting: waitingSchema.nullable(),
    change: changeSchema.nullable(),
    approved_at: time.nullable(),
    prepared_at: time.nullable().meta({
      description:
        'Since when it is ready, hidden on the network: one call shows it. Of an approved post that waits for its time; an edit or a cancel discards what is hidden.',
    }),
    published_at: time.nullable(),
    lateness_ms: z
      .int()
      .nullable()
      .meta({ description: 'For posts that are live: how late they became visible.' }),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Post' });

const warnings = z.array(fieldProblemSchema).meta({
  description:
    'What is worth knowing of what was written, by rule: `/problems/<rule>`. Of a post that is not approved yet also what its approval will refuse.',
});

export const writtenPostSchema = postSchema.extend({ warnings }).meta({
  id: 'WrittenPost',
  description: 'A post that was just created or changed.',
});

const itemProblem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    errors: z.array(fieldProblemSchema).optional(),
  })
  .meta({ id: 'ItemProblem', description: 'The problem of one item of a batch.' });

export const resultsSchema = z
  .strictObject({
    results: z.array(
      z.strictObject({
        index: z.int().meta({ description: 'Its place in the request.' }),
        id: z.string().nullable().meta({ description: 'Null for a post that was not created.' }),
        status: z.int().meta({ description: 'As an answer about this item alone would have it.' }),
        post: postSchema.optional(),
        warnings: warnings.optional(),
        problem: itemProblem.optional(),
      }),
    ),
  })
  .meta({ id: 'ItemResults' });

export const validationSchema = z
  .strictObject({
    valid: z.boolean(),
    errors: z.array(fieldProblemSchema),
    warnings: z.array(fieldProblemSchema),
    plan: z
      .strictObject({
        effective_mode: z.enum(publishModes),
        handover_at: time.meta({
          description:
            'When we would begin: hand it to the network, make a draft of it, or make it ready (hidden, PREPARE_AHEAD_S before its time) where we make it public ourselves.',
        }),
        calls: z.int().meta({
          description:
            "Calls of the account's hourly quota: each photo, the post, and the call that shows it or gives it its time. A draft is one call, and so is a post on a Page that refuses two steps.",
        }),
        earliest_at: time.meta({
          description:
            'When the quota has room for them, as it is used now; never before handover_at.',
        }),
      })
      .nullable()
      .meta({ description: 'Null when nothing would be sent.' }),
  })
  .meta({ id: 'Validation' });
