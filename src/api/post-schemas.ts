import { z } from 'zod';
import { postStatuses, publishModes } from '../posts/post.ts';
import { time } from './fields.ts';

const record = z.record(z.string(), z.unknown());
const nullable = (description: string) => z.string().nullable().meta({ description });

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
    media: z.array(z.unknown()).meta({ description: '[{type, url, alt_text?}]' }),
    publish_mode: z.enum(publishModes).nullable().meta({ description: 'As asked for.' }),
    effective_mode: z
      .enum(publishModes)
      .nullable()
      .meta({ description: 'What it comes to; null until it was planned.' }),
    scheduled_at: time.nullable(),
    scheduled_local: nullable('The wall time it was given with.'),
    timezone: nullable('The zone of that wall time.'),
    reference: z.string().nullable(),
    metadata: record,
    external_id: nullable("The network's id of it."),
    publish_url: nullable('Where it can be seen.'),
    error: record
      .nullable()
      .meta({ description: 'Why it failed: class, who must act, the next step.' }),
    attention: record
      .nullable()
      .meta({ description: 'What a person must look at, and can answer.' }),
    waiting: record.nullable().meta({ description: 'What it waits for, and until when.' }),
    change: record.nullable().meta({
      description:
        'The last edit or cancel of it at the network that holds it: kind (`edit`, `cancel`), state (`pending`, `done`, `refused`), error, and what an edit asks for.',
    }),
    approved_at: time.nullable(),
    published_at: time.nullable(),
    lateness_ms: z
      .int()
      .nullable()
      .meta({ description: 'For posts that are live: how late they became visible.' }),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'Post' });

const fieldProblem = z.strictObject({ path: z.string(), message: z.string(), rule: z.string() });

const itemProblem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    errors: z.array(fieldProblem).optional(),
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
        problem: itemProblem.optional(),
      }),
    ),
  })
  .meta({ id: 'ItemResults' });

export const validationSchema = z
  .strictObject({
    valid: z.boolean(),
    errors: z.array(fieldProblem),
    warnings: z.array(fieldProblem),
    plan: z
      .strictObject({
        effective_mode: z.enum(publishModes),
        handover_at: time,
        calls: z.int().meta({ description: "Calls of the account's hourly quota." }),
        earliest_at: time.meta({
          description:
            'When the quota has room for them, as it is used now; never before handover_at.',
        }),
      })
      .nullable()
      .meta({ description: 'Null when nothing would be sent.' }),
  })
  .meta({ id: 'Validation' });
