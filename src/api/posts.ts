import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import type { PostOutcome, WrittenPost } from '../authoring/scope.ts';
import { ConflictError, errorRecordSchema, InvalidRequestError } from '../errors.ts';
import { pendingChange, postStatuses } from '../posts/post.ts';
import {
  attentionSchema,
  changeSchema,
  etagOf,
  type PostRow,
  viewPost,
  waitingSchema,
} from '../posts/row.ts';
import { publishModes } from '../providers/content.ts';
import type { Services } from '../services.ts';
import { problemDocument, toProblem } from './errors.ts';
import { fieldProblemSchema, time } from './fields.ts';
import type { Answer } from './route.ts';

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

const warningsSchema = z.array(fieldProblemSchema).meta({
  description:
    'What is worth knowing of what was written, by rule: `/problems/<rule>`. Of a post that is not approved yet also what its approval will refuse.',
});

export const writtenPostSchema = postSchema.extend({ warnings: warningsSchema }).meta({
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
        warnings: warningsSchema.optional(),
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

/**
 * The version that the caller decided on, from If-Match or the body; undefined when any will do. Throws 400 for an
 * If-Match that is none, and `version_mismatch` (412) for one that no version of ours can have.
 */
export function expectedVersion(
  headers: IncomingHttpHeaders,
  inBody: number | undefined,
): number | undefined {
  const given = headers['if-match']?.trim();
  if (given === undefined || given === '*') return inBody;
  if (!/^(?:W\/)?"[^"]*"$/.test(given)) {
    const problem = {
      path: 'header.If-Match',
      message: 'must be an ETag of ours, such as "3" with its quotes',
      rule: 'if_match_format',
    };
    const detail = `${problem.path}: ${problem.message}.`;
    throw new InvalidRequestError(400, 'malformed_request', detail, [problem]);
  }
  const version = /^"([1-9]\d{0,8})"$/.exec(given)?.[1];
  if (version === undefined || (inBody !== undefined && inBody !== Number(version))) {
    throw new ConflictError(
      'version_mismatch',
      'If-Match names no version that the post can have.',
    );
  }
  return Number(version);
}

/** What is no id is the id of nothing: 404, as for another tenant's. */
export const postParams = z.strictObject({ id: z.string().meta({ format: 'uuid' }) });

export function answerPost(row: PostRow, status: 200 | 201 | 202 = 200): Answer {
  const location = status === 201 ? { location: `/v1/posts/${row.id}` } : {};
  return { status, body: viewPost(row), headers: { etag: etagOf(row), ...location } };
}

/** What was written, with what its author should know of it. 202 while a worker has still to make it at the network. */
export function answerWritten({ row, warnings }: WrittenPost, created?: 201): Answer {
  const answer = answerPost(row, created ?? statusOfChange(row));
  return { ...answer, body: { ...viewPost(row), warnings } };
}

/** After a cancel: 202 while a worker has still to make it at the network. */
export function answerChange(row: PostRow): Answer {
  return answerPost(row, statusOfChange(row));
}

export function statusOfChange(row: PostRow): 200 | 202 {
  return pendingChange(row.change) === null ? 200 : 202;
}

export interface Item {
  /** Of the post; null for one that was to be created. */
  readonly id: string | null;
  readonly outcome: PostOutcome | undefined;
}

/** One answer for many posts: each as an answer about it alone would have been. */
export function resultsOf(
  { config }: Pick<Services, 'config'>,
  items: readonly Item[],
  success: 200 | 201 | ((row: PostRow) => number),
): { readonly results: readonly object[] } {
  const results = items.map(({ id, outcome }, index) => {
    if (outcome === undefined) throw new Error(`item ${index} of a batch has no outcome`);
    if (outcome.error === null) {
      const post = viewPost(outcome.row);
      const status = typeof success === 'function' ? success(outcome.row) : success;
      const { row, warnings } = outcome;
      return { index, id: row.id, status, post, ...(warnings.length > 0 && { warnings }) };
    }
    const { publicUrl } = config.http;
    const document = problemDocument(toProblem(outcome.error), { publicUrl, path: '', id: '' });
    const { type, title, status, detail, code, errors } = document;
    const problem = { type, title, status, detail, code, ...(errors && { errors }) };
    return { index, id, status, problem };
  });
  return { results };
}
