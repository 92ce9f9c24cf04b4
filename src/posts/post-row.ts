import { z } from 'zod';
import { postStatuses, publishModes } from './post.ts';

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
