import { ourSchemas } from './calendar-rights.ts';
import type { Sql } from './statement.ts';

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
