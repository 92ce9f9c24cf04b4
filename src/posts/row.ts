import { z } from 'zod';
import { errorRecordSchema } from '../errors.ts';
import { maskDeep } from '../mask.ts';
import { publishModes } from '../providers/content.ts';
import {
  type Attention,
  attentionReasons,
  type Evidence,
  postStatuses,
  type Waiting,
} from './post.ts';

const time = z.iso.datetime();

/** What a post says of its fate, as the API describes it. Stored records are shown as they are, whatever wrote them. */
export const waitingSchema = z
  .strictObject({
    reason: z.enum([
      'due_time',
      'window',
      'budget',
      'meta_limit',
      'media',
      'integration',
      'reconcile',
      'paused',
    ]),
    until: time.nullable().meta({ description: 'Null where a person must act first.' }),
    text: z.string(),
  })
  .meta({
    id: 'Waiting',
    description: 'What the post waits for, and until when. Waiting uses up none of its tries.',
  }) satisfies z.ZodType<Waiting>;

export const evidenceSchema = z
  .strictObject({
    external_id: z.string(),
    url: z.string().nullable(),
    seen_at: time,
  })
  .meta({
    id: 'Evidence',
    description: 'A post that was seen on the network.',
  }) satisfies z.ZodType<Evidence>;

const reasonTexts = Object.entries(attentionReasons)
  .map(([reason, text]) => `\`${reason}\`: ${text}`)
  .join(' ');

export const attentionSchema = z
  .strictObject({
    reason: z.string().meta({ description: `Stable; more may come. ${reasonTexts}` }),
    since: time,
    text: z.string(),
    who: z.enum(['author', 'tenant_admin', 'operator']),
    evidence: z.array(evidenceSchema),
    choices: z
      .array(z.enum(['approve', 'cancel', 'retry', 'resolve_live', 'resolve_absent']))
      .meta({
        description:
          'What can be answered: a call of that name, or `resolve` with `live` or `absent`.',
      }),
  })
  .meta({
    id: 'Attention',
    description: 'A question to a person, with what was seen.',
  }) satisfies z.ZodType<Omit<Attention, 'reason'>>;

export const changeSchema = z
  .strictObject({
    kind: z.enum(['edit', 'cancel']),
    state: z.enum(['pending', 'done', 'refused']),
    error: errorRecordSchema.nullable().meta({ description: 'Why it was refused.' }),
    requested_at: time,
    settled_at: time.optional(),
    message: z.string().nullable().optional().meta({ description: 'The new text, if it changes.' }),
    scheduled_at: time.optional().meta({ description: 'The new due time, if it changes.' }),
    scheduled_local: z.string().nullish(),
    timezone: z.string().nullish(),
  })
  .meta({
    id: 'Change',
    description:
      'The last edit or cancel of a post that the network holds; a worker makes it there.',
  });

/** What an author sees of a post, read by one list of columns wherever a statement returns posts. */
export const postColumns = [
  'id',
  'tenant_id',
  'integration_id',
  'provider',
  'status',
  'version',
  'message',
  'link',
  'append_link',
  'media',
  'publish_mode',
  'effective_mode',
  'scheduled_at',
  'scheduled_local',
  'timezone',
  'reference',
  'metadata',
  'external_id',
  'publish_url',
  'error',
  'attention',
  'waiting',
  'change',
  'approved_at',
  'prepared_at',
  'published_at',
  'lateness_ms',
  'created_at',
  'updated_at',
]
  .map((column) => `p.${column}`)
  .join(', ');

const postRow = z.object({
  id: z.string(),
  tenant_id: z.string(),
  integration_id: z.string(),
  provider: z.string(),
  status: z.enum(postStatuses),
  version: z.number(),
  message: z.string().nullable(),
  link: z.string().nullable(),
  append_link: z.boolean(),
  // A calendar writes this column itself: its items may be anything until the rules have looked.
  media: z.array(z.unknown()),
  publish_mode: z.enum(publishModes).nullable(),
  effective_mode: z.enum(publishModes).nullable(),
  scheduled_at: z.date().nullable(),
  scheduled_local: z.string().nullable(),
  timezone: z.string().nullable(),
  reference: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  external_id: z.string().nullable(),
  publish_url: z.string().nullable(),
  error: z.unknown(),
  attention: z.unknown(),
  waiting: z.unknown(),
  change: z.unknown(),
  approved_at: z.date().nullable(),
  prepared_at: z.date().nullable(),
  published_at: z.date().nullable(),
  lateness_ms: z.number().nullable(),
  created_at: z.date(),
  updated_at: z.date(),
});

/** A post as its author sees it, in the names of table and API. */
export type PostRow = z.output<typeof postRow>;

export function parsePostRows(rows: readonly object[]): PostRow[] {
  return rows.map((row) => postRow.parse(row));
}

/**
 * The JSON of a post. `publish_mode` is what was asked for, `effective_mode` what it comes to, null until the
 * scheduler has planned it. Nothing of how the program works shows: leases, runs, counters.
 */
export interface PostView {
  readonly id: string;
  readonly tenant_id: string;
  readonly integration_id: string;
  readonly provider: string;
  readonly status: PostRow['status'];
  readonly version: number;
  readonly message: string | null;
  readonly link: string | null;
  readonly append_link: boolean;
  readonly media: readonly unknown[];
  readonly publish_mode: PostRow['publish_mode'];
  readonly effective_mode: PostRow['effective_mode'];
  readonly scheduled_at: string | null;
  readonly scheduled_local: string | null;
  readonly timezone: string | null;
  readonly reference: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly external_id: string | null;
  readonly publish_url: string | null;
  readonly error: unknown;
  readonly attention: unknown;
  readonly waiting: unknown;
  readonly change: unknown;
  readonly approved_at: string | null;
  readonly prepared_at: string | null;
  readonly published_at: string | null;
  readonly lateness_ms: number | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export function viewPost(row: PostRow): PostView {
  return {
    ...row,
    scheduled_at: utc(row.scheduled_at),
    error: masked(row.error),
    attention: masked(row.attention),
    waiting: masked(row.waiting),
    change: masked(row.change),
    approved_at: utc(row.approved_at),
    prepared_at: utc(row.prepared_at),
    published_at: utc(row.published_at),
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
  };
}

/** The version is raised by every change of content; what a caller read is named by it. */
export function etagOf(row: { readonly version: number }): string {
  return `"${row.version}"`;
}

function utc(at: Date | null): string | null {
  return at === null ? null : at.toISOString();
}

/** The last net: what a provider said may quote what it was sent. */
function masked(record: unknown): unknown {
  return maskDeep(record) ?? null;
}
