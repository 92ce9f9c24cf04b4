import { escapeIdentifier } from 'pg';
import { InvalidRequestError } from '../errors.ts';
import type { Database } from './client.ts';

const schema = 'social_publisher';

/** What an author says; everything else of a post belongs to the program and its triggers. */
const authorColumns = [
  'tenant_id',
  'integration_id',
  'status',
  'message',
  'link',
  'media',
  'publish_mode',
  'scheduled_at',
  'reference',
  'metadata',
];

/** Of these a calendar sees what is no secret and no bookkeeping of ours. */
const readableColumns: Readonly<Record<string, readonly string[]>> = {
  tenants: [
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
  integrations: [
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
};

/**
 * Gives a role what a calendar needs and nothing more: to read posts, attempts and events, and to write the columns of
 * posts that are an author's. What it had before is taken away first, so that this also mends a role that was given
 * too much. Throws InvalidRequestError when there is no such role.
 */
export async function grantCalendar(db: Database, role: string): Promise<void> {
  await refuseUnknownRole(db, role);
  await db.transaction(async (tx) => {
    for (const text of statements(escapeIdentifier(role))) await tx.query({ text });
  });
}

async function refuseUnknownRole(db: Database, role: string): Promise<void> {
  const [found] = await db.query<{ rolsuper: boolean; owns: boolean }>({
    text: `SELECT r.rolsuper, pg_has_role(r.oid, n.nspowner, 'MEMBER') AS owns
           FROM pg_roles r, pg_namespace n WHERE r.rolname = $1 AND n.nspname = '${schema}'`,
    values: [role],
  });
  if (found === undefined) {
    const message = `There is no role "${role}" in this database: CREATE ROLE it first.`;
    throw refused(message, 'role_exists');
  }
  if (found.rolsuper || found.owns) {
    const message = `The role "${role}" is a superuser or owns the tables: no grant can limit it. Use one of its own for the calendar.`;
    throw refused(message, 'role_limited');
  }
}

function refused(message: string, rule: string): InvalidRequestError {
  return new InvalidRequestError(422, 'invalid', message, [{ path: 'role', message, rule }]);
}

function statements(role: string): string[] {
  const columns = authorColumns.join(', ');
  return [
    `REVOKE ALL ON ALL TABLES IN SCHEMA ${schema} FROM ${role}`,
    `GRANT USAGE ON SCHEMA ${schema} TO ${role}`,
    // The default of `id` is called with the rights of whoever inserts.
    `GRANT EXECUTE ON FUNCTION ${schema}.uuid_v7() TO ${role}`,
    `GRANT SELECT ON ${schema}.social_posts, ${schema}.publish_attempts, ${schema}.events TO ${role}`,
    `GRANT INSERT (id, ${columns}), UPDATE (${columns}), DELETE ON ${schema}.social_posts TO ${role}`,
    ...Object.entries(readableColumns).map(
      ([table, names]) => `GRANT SELECT (${names.join(', ')}) ON ${schema}.${table} TO ${role}`,
    ),
  ];
}
