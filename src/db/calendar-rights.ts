/** Both schemas of the program: its tables, and BullMQ's when the queue lives in PostgreSQL. */
export const ourSchemas = ['social_publisher', 'social_publisher_queue'] as const;

const posts = 'TABLE social_publisher.social_posts';

/** What an author says; everything else of a post belongs to the program and its triggers. */
const authorColumns = [
  'tenant_id',
  'integration_id',
  'status',
  'message',
  'link',
  'append_link',
  'media',
  'publish_mode',
  'scheduled_at',
  'reference',
  'metadata',
];

/** A privilege on a target as GRANT names it, of the whole of it or of these columns. */
export interface CalendarRight {
  readonly privilege: string;
  readonly target: string;
  readonly columns?: readonly string[];
}

/** What a calendar needs: to read what is no secret and no bookkeeping of ours, and to write what is an author's. */
export const calendarRights: readonly CalendarRight[] = [
  { privilege: 'USAGE', target: 'SCHEMA social_publisher' },
  // The default of `id` is called with the rights of whoever inserts.
  { privilege: 'EXECUTE', target: 'ROUTINE social_publisher.uuid_v7()' },
  { privilege: 'SELECT', target: posts },
  { privilege: 'INSERT', target: posts, columns: ['id', ...authorColumns] },
  { privilege: 'UPDATE', target: posts, columns: authorColumns },
  { privilege: 'DELETE', target: posts },
  { privilege: 'SELECT', target: 'TABLE social_publisher.publish_attempts' },
  { privilege: 'SELECT', target: 'TABLE social_publisher.events' },
  {
    privilege: 'SELECT',
    target: 'TABLE social_publisher.tenants',
    columns: [
      'id',
      'name',
      'timezone',
      'auto_publish',
      'late_limit_s',
      'when_unknown',
      'reference',
      'created_at',
      'updated_at',
    ],
  },
  {
    privilege: 'SELECT',
    target: 'TABLE social_publisher.integrations',
    columns: [
      'id',
      'tenant_id',
      'provider',
      'external_account_id',
      'name',
      'status',
      'error',
      'held_until',
      'verified_at',
      'created_at',
      'updated_at',
    ],
  },
];

/** `SELECT (id, name)`, as GRANT and REVOKE write it. */
export function privilegeText(privilege: string, columns: readonly string[] = []): string {
  return columns.length === 0 ? privilege : `${privilege} (${columns.join(', ')})`;
}
