import { z } from 'zod';
import { type Database, type Sql, sqlState } from '../db/client.ts';
import { ConflictError, NotFoundError } from '../errors.ts';
import { replan } from '../posts/store.ts';

export const unknownPolicies = ['send_again', 'ask'] as const;
export type UnknownPolicy = (typeof unknownPolicies)[number];

/** A customer of the operator. */
export interface Tenant {
  readonly id: string;
  readonly name: string;
  /** An IANA zone: what wall times mean where none is given. */
  readonly timezone: string;
  /** Whether anything may be made public without a person. */
  readonly autoPublish: boolean;
  readonly lateLimitS: number;
  /** What happens with a post that is proven absent after an unknown outcome. */
  readonly whenUnknown: UnknownPolicy;
  /** The calendar's own id of this tenant. */
  readonly reference: string | null;
  /** Whom to tell when a connection ends. */
  readonly contactEmail: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type TenantSettings = Pick<
  Tenant,
  'name' | 'timezone' | 'autoPublish' | 'lateLimitS' | 'whenUnknown' | 'reference' | 'contactEmail'
>;

/** What is undefined stays as it is. */
export type TenantChange = {
  readonly [Name in keyof TenantSettings]?: TenantSettings[Name] | undefined;
};

/** Again under the same id: the tenant as it is. Throws `reference_taken`. */
export async function createTenant(
  { prisma }: Database,
  tenant: TenantSettings & { readonly id: string },
): Promise<Tenant> {
  return refusingTaken(tenant.reference, async () =>
    toTenant(await prisma.tenant.upsert({ where: { id: tenant.id }, create: tenant, update: {} })),
  );
}

/** Throws NotFoundError. */
export async function getTenant({ prisma }: Database, id: string): Promise<Tenant> {
  const tenant = await prisma.tenant.findUnique({ where: { id } });
  if (tenant === null) throw noSuchTenant();
  return toTenant(tenant);
}

export async function tenantExists({ prisma }: Database, id: string): Promise<boolean> {
  return (await prisma.tenant.count({ where: { id } })) > 0;
}

/** Newest first, those before the id `before`. */
export async function listTenants(
  { prisma }: Database,
  page: { readonly before: string | null; readonly limit: number; readonly reference?: string },
): Promise<Tenant[]> {
  const { before, limit, reference } = page;
  const tenants = await prisma.tenant.findMany({
    where: {
      ...(before === null ? {} : { id: { lt: before } }),
      ...(reference === undefined ? {} : { reference }),
    },
    orderBy: { id: 'desc' },
    take: limit,
  });
  return tenants.map(toTenant);
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
  await refusingTaken(change.reference, () =>
    db.transaction(async (tx) => {
      const [changed] = await updateTenant(tx, id, change);
      if (changed === undefined) throw noSuchTenant();
      if (changed.replans) await replan(tx, 'p.tenant_id = $1', [id]);
    }),
  );
  return getTenant(db, id);
}

/** In SQL, as the posts are planned again in its transaction, which Prisma's client cannot join. */
function updateTenant(tx: Sql, id: string, change: TenantChange) {
  const { name, timezone, autoPublish, lateLimitS, whenUnknown, reference, contactEmail } = change;
  return tx.query<{ replans: boolean }>({
    text: `UPDATE social_publisher.tenants t
              SET name = coalesce($2, t.name), timezone = coalesce($3, t.timezone),
                  auto_publish = coalesce($4, t.auto_publish), late_limit_s = coalesce($5, t.late_limit_s),
                  when_unknown = coalesce($6, t.when_unknown), updated_at = clock_timestamp(),
                  reference = CASE WHEN $7 THEN $8 ELSE t.reference END,
                  contact_email = CASE WHEN $9 THEN $10 ELSE t.contact_email END
             FROM (SELECT * FROM social_publisher.tenants WHERE id = $1 FOR UPDATE) old WHERE t.id = old.id
           RETURNING (t.auto_publish, t.late_limit_s) <> (old.auto_publish, old.late_limit_s) AS replans`,
    values: [
      id,
      name,
      timezone,
      autoPublish,
      lateLimitS,
      whenUnknown,
      reference !== undefined,
      reference,
      contactEmail !== undefined,
      contactEmail,
    ],
  });
}

const policy = z.enum(unknownPolicies);

function toTenant(row: Omit<Tenant, 'whenUnknown'> & { readonly whenUnknown: string }): Tenant {
  return { ...row, whenUnknown: policy.parse(row.whenUnknown) };
}

async function refusingTaken<T>(
  reference: string | null | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // PostgreSQL's own code, or Prisma's.
    if (!['23505', 'P2002'].includes(sqlState(error) ?? '')) throw error;
    throw new ConflictError('reference_taken', `Another tenant has the reference "${reference}".`);
  }
}

function noSuchTenant(): NotFoundError {
  return new NotFoundError('not_found', 'There is no such tenant.');
}
