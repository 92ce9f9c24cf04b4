import type { Database, Sql } from '../db/client.ts';
import { sqlState } from '../db/statement.ts';
import { ConflictError, NotFoundError } from '../errors.ts';
import { replan } from '../posts/store.ts';
import { applyChange, type Tenant, type TenantChange, type TenantSettings } from './tenant.ts';

const columns = `id, name, timezone, auto_publish AS "autoPublish", late_limit_s AS "lateLimitS",
  when_unknown AS "whenUnknown", reference, created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Again under the same id: the tenant as it is. Throws `reference_taken`. */
export async function createTenant(
  sql: Sql,
  tenant: TenantSettings & { readonly id: string },
): Promise<Tenant> {
  await refusingTaken(tenant.reference, () =>
    sql.query({
      text: `INSERT INTO social_publisher.tenants
               (id, name, timezone, auto_publish, late_limit_s, when_unknown, reference)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING`,
      values: [
        tenant.id,
        tenant.name,
        tenant.timezone,
        tenant.autoPublish,
        tenant.lateLimitS,
        tenant.whenUnknown,
        tenant.reference,
      ],
    }),
  );
  return getTenant(sql, tenant.id);
}

/** Throws NotFoundError. */
export async function getTenant(sql: Sql, id: string): Promise<Tenant> {
  const [tenant] = await sql.query<Tenant>({
    name: 'get_tenant',
    text: `SELECT ${columns} FROM social_publisher.tenants WHERE id = $1`,
    values: [id],
  });
  if (tenant === undefined) throw noSuchTenant();
  return tenant;
}

export async function tenantExists(sql: Sql, id: string): Promise<boolean> {
  const rows = await sql.query({
    name: 'tenant_exists',
    text: 'SELECT 1 FROM social_publisher.tenants WHERE id = $1',
    values: [id],
  });
  return rows.length > 0;
}

/** Newest first, those before the id `before`. */
export async function listTenants(
  sql: Sql,
  page: { readonly before: string | null; readonly limit: number; readonly reference?: string },
): Promise<Tenant[]> {
  return sql.query<Tenant>({
    text: `SELECT ${columns} FROM social_publisher.tenants
            WHERE ($1::uuid IS NULL OR id < $1) AND ($3::text IS NULL OR reference = $3)
            ORDER BY id DESC LIMIT $2`,
    values: [page.before, page.limit, page.reference ?? null],
  });
}

/**
 * Changes the settings given. What decides how and when posts go out (`autoPublish`, `lateLimitS`) makes the
 * tenant's approved posts be planned again, in the same transaction. Throws NotFoundError, `reference_taken`.
 */
export async function changeTenant(
  db: Database,
  id: string,
  change: TenantChange,
): Promise<Tenant> {
  return refusingTaken(change.reference, () =>
    db.transaction(async (tx) => {
      const [locked] = await tx.query<Tenant>({
        text: `SELECT ${columns} FROM social_publisher.tenants WHERE id = $1 FOR UPDATE`,
        values: [id],
      });
      if (locked === undefined) throw noSuchTenant();
      const next = applyChange(locked, change);
      const replans =
        next.autoPublish !== locked.autoPublish || next.lateLimitS !== locked.lateLimitS;
      const changed = await updateTenant(tx, next);
      if (replans) await replan(tx, 'p.tenant_id = $1', [id]);
      return changed;
    }),
  );
}

async function updateTenant(tx: Sql, tenant: Tenant): Promise<Tenant> {
  const [changed] = await tx.query<Tenant>({
    text: `UPDATE social_publisher.tenants
              SET name = $2, timezone = $3, auto_publish = $4, late_limit_s = $5, when_unknown = $6,
                  reference = $7, updated_at = clock_timestamp()
            WHERE id = $1 RETURNING ${columns}`,
    values: [
      tenant.id,
      tenant.name,
      tenant.timezone,
      tenant.autoPublish,
      tenant.lateLimitS,
      tenant.whenUnknown,
      tenant.reference,
    ],
  });
  if (changed === undefined) throw noSuchTenant();
  return changed;
}

async function refusingTaken<T>(
  reference: string | null | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (sqlState(error) !== '23505') throw error;
    throw new ConflictError('reference_taken', `Another tenant has the reference "${reference}".`);
  }
}

function noSuchTenant(): NotFoundError {
  return new NotFoundError('not_found', 'There is no such tenant.');
}
