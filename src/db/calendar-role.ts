import { InvalidRequestError } from '../errors.ts';
import { ourSchemas } from './calendar-rights.ts';
import { reachedRoles } from './held-rights.ts';
import type { Sql } from './statement.ts';

/** PostgreSQL's own roles that reach our tables past every grant: through their rights, or through the server's files. */
const powerfulRoles = [
  'pg_read_all_data',
  'pg_write_all_data',
  'pg_read_server_files',
  'pg_write_server_files',
  'pg_execute_server_program',
  'pg_create_subscription',
];

/** Those that reach no data of ours, and can stop the program. */
const disturbingRoles = new Set(['pg_signal_backend', 'pg_maintain']);

interface ReachedRole {
  readonly name: string;
  readonly powers: readonly string[];
}

/** Throws InvalidRequestError when there is no such role, or when grants could not limit it. */
export async function refuseUnlimitedRole(sql: Sql, role: string): Promise<void> {
  const reached = await readReachedRoles(sql, role);
  if (reached.length === 0) {
    throw refused(
      `There is no role "${role}" in this database: CREATE ROLE it first.`,
      'role_exists',
    );
  }
  const powerful = reached.filter(({ powers }) => powers.length > 0);
  if (powerful.length === 0) return;
  const reasons = powerful.map(({ name, powers }) =>
    name === role ? powers.join(', ') : `is a member of "${name}", which ${powers.join(', ')}`,
  );
  throw refused(
    `The role "${role}" ${reasons.join('; it ')}: no grant can limit it, and nothing was changed. Use a role of its own for the calendar.`,
    'role_limited',
  );
}

/** Memberships that no right on our tables shows. */
export async function disturbingMemberships(sql: Sql, role: string): Promise<string[]> {
  const reached = await readReachedRoles(sql, role);
  return reached.map(({ name }) => name).filter((name) => disturbingRoles.has(name));
}

function readReachedRoles(sql: Sql, role: string): Promise<ReachedRole[]> {
  return sql.query<ReachedRole>({
    text: `WITH RECURSIVE ${reachedRoles}
      SELECT r.rolname AS name, array_remove(ARRAY[
        CASE WHEN r.rolsuper THEN 'is a superuser' END,
        CASE WHEN r.rolcreaterole THEN 'may make and change roles (CREATEROLE)' END,
        CASE WHEN r.rolreplication THEN 'may copy the whole server (REPLICATION)' END,
        CASE WHEN r.rolbypassrls THEN 'may pass row level security (BYPASSRLS)' END,
        CASE WHEN r.rolname = ANY($3) THEN 'reaches tables or files past all grants' END,
        CASE WHEN d.datdba = r.oid THEN 'owns the database' END,
        CASE WHEN EXISTS (
          SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY($2) AND n.nspowner = r.oid
          UNION ALL SELECT FROM pg_catalog.pg_class c
          WHERE c.oid = 'social_publisher.social_posts'::regclass AND c.relowner = r.oid) THEN 'owns the tables' END
      ], NULL) AS powers
      FROM reached JOIN pg_catalog.pg_roles r ON r.oid = reached.oid
      JOIN pg_catalog.pg_database d ON d.datname = current_database()
      ORDER BY r.rolname <> $1, r.rolname`,
    values: [role, [...ourSchemas], powerfulRoles],
  });
}

function refused(message: string, rule: string): InvalidRequestError {
  return new InvalidRequestError(422, 'invalid', message, [{ path: 'role', message, rule }]);
}
