import type { Sql } from './client.ts';

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

/** Something that a role may do in our schemas, as the catalog has it. */
export interface HeldRight {
  readonly privilege: string;
  /** As REVOKE names it: `TABLE social_publisher.tenants`, or `TABLES` for those that are still to be made. */
  readonly target: string;
  readonly column: string | null;
  /** What stands before GRANT or REVOKE where the right is a default for objects to come, else empty. */
  readonly prefix: string;
  /** Null is PUBLIC, every role. */
  readonly holder: string | null;
  readonly grantor: string;
  readonly grantable: boolean;
  /** Whether this session may act for the owner of the target. */
  readonly revocable: boolean;
}

/** The role and all that it is a member of, whether it inherits from them, may become them, or may only grant them. */
export const reachedRoles = `reached (oid) AS (
  SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = $1
  UNION SELECT m.roleid FROM pg_catalog.pg_auth_members m JOIN reached ON m.member = reached.oid)`;

/** What the role has in our schemas by its own name, through a role that it is a member of, or through PUBLIC. */
export function heldRights(sql: Sql, role: string): Promise<HeldRight[]> {
  return sql.query<HeldRight>({
    text: `WITH RECURSIVE ${reachedRoles},
      ours AS (SELECT n.* FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY($2)),
      objects (target, "column", prefix, owner, acl) AS (
        SELECT format('SCHEMA %I', n.nspname), NULL, '', n.nspowner, n.nspacl FROM ours n
        UNION ALL
        SELECT format('%s %I.%I', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname, c.relname),
          NULL, '', c.relowner, c.relacl
        FROM pg_catalog.pg_class c JOIN ours n ON n.oid = c.relnamespace
        UNION ALL
        SELECT format('TABLE %I.%I', n.nspname, c.relname), quote_ident(a.attname), '', c.relowner, a.attacl
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
          JOIN ours n ON n.oid = c.relnamespace WHERE NOT a.attisdropped
        UNION ALL
        SELECT format('ROUTINE %I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)),
          NULL, '', p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
        FROM pg_catalog.pg_proc p JOIN ours n ON n.oid = p.pronamespace
        UNION ALL
        SELECT k.kind, NULL, format('ALTER DEFAULT PRIVILEGES FOR ROLE %I ', pg_get_userbyid(d.defaclrole))
            || coalesce('IN SCHEMA ' || quote_ident(n.nspname) || ' ', ''),
          d.defaclrole, d.defaclacl
        FROM pg_catalog.pg_default_acl d
          JOIN (VALUES ('r', 'TABLES'), ('S', 'SEQUENCES'), ('f', 'ROUTINES')) k (code, kind) ON k.code = d.defaclobjtype::text
          LEFT JOIN ours n ON n.oid = d.defaclnamespace
        WHERE n.oid IS NOT NULL OR d.defaclnamespace = 0 AND d.defaclrole IN (SELECT nspowner FROM ours))
      SELECT a.privilege_type AS privilege, o.target, o."column", o.prefix,
        CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END AS holder,
        pg_get_userbyid(a.grantor) AS grantor, a.is_grantable AS grantable,
        pg_has_role(o.owner, 'USAGE') AS revocable
      FROM objects o CROSS JOIN LATERAL aclexplode(o.acl) a
      WHERE a.grantee <> o.owner AND o.owner NOT IN (SELECT oid FROM reached)
        -- What everybody may with things to come in any schema is the database's affair.
        AND (a.grantee IN (SELECT oid FROM reached)
          OR a.grantee = 0 AND (o.prefix = '' OR o.prefix LIKE '% IN SCHEMA %'))
      ORDER BY o.prefix, o.target, a.privilege_type, o."column"`,
    values: [role, [...ourSchemas]],
  });
}

/** Things in our schemas that the role owns, alone or through a role that it is a member of. */
export async function ownedByRole(sql: Sql, role: string): Promise<string[]> {
  const rows = await sql.query<{ target: string }>({
    text: `WITH RECURSIVE ${reachedRoles}
      SELECT o.type || ' ' || o.identity AS target
      FROM pg_catalog.pg_shdepend d
      CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid) o
      WHERE d.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
        AND d.deptype = 'o' AND d.refobjid IN (SELECT oid FROM reached) AND o.schema = ANY($2)
      ORDER BY 1`,
    values: [role, [...ourSchemas]],
  });
  return rows.map(({ target }) => target);
}
