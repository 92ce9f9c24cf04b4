import { createHash, randomBytes } from 'node:crypto';
import type { Database, Sql } from '../db/client.ts';

/** `tenant` reads and writes for one tenant, `read` only reads, `platform` acts for any tenant it names. */
export const keyScopes = ['tenant', 'read', 'platform'] as const;
export type KeyScope = (typeof keyScopes)[number];

/** A new key of 256 random bits. Its prefix tells people, and scanners for leaked secrets, what it is. */
export function makeKey(scope: KeyScope): string {
  return `sp_${scope}_${randomBytes(32).toString('base64url')}`;
}

/** A plain hash is enough: there is nothing to guess in 256 random bits. */
function hashKey(key: string): Buffer {
  return createHash('sha256').update(key, 'utf8').digest();
}

export interface StoredKey {
  readonly id: string;
  /** Null for platform keys, which belong to no tenant. */
  readonly tenantId: string | null;
  readonly scope: KeyScope;
}

export interface NewKey extends StoredKey {
  readonly name: string;
  /** The key itself; only its hash is stored. */
  readonly key: string;
}

/** The key as it is now: nothing is cached, so that a deleted key stops working at once. */
export async function findKey(sql: Sql, key: string): Promise<StoredKey | undefined> {
  const [found] = await sql.query<StoredKey>({
    name: 'find_api_key',
    text: `SELECT id, tenant_id AS "tenantId", scope
             FROM social_publisher.api_keys WHERE key_hash = $1`,
    values: [hashKey(key)],
  });
  return found;
}

/**
 * Stores the key's hash. Again under the same id, of the same tenant: the new key replaces the one whose answer
 * never arrived. False when there is no such tenant.
 */
export async function saveKey(sql: Sql, key: NewKey): Promise<boolean> {
  const rows = await sql.query({
    text: `INSERT INTO social_publisher.api_keys (id, tenant_id, name, scope, key_hash)
           SELECT $1, $2::uuid, $3, $4, $5
            WHERE $2::uuid IS NULL OR EXISTS (SELECT FROM social_publisher.tenants WHERE id = $2)
           ON CONFLICT (id) DO UPDATE SET key_hash = EXCLUDED.key_hash
            WHERE api_keys.tenant_id IS NOT DISTINCT FROM EXCLUDED.tenant_id
           RETURNING id`,
    values: [key.id, key.tenantId, key.name, key.scope, hashKey(key.key)],
  });
  return rows.length > 0;
}

/** False when the tenant (null: the platform) has no such key. */
export async function deleteKey(
  { prisma }: Database,
  { id, tenantId }: { readonly id: string; readonly tenantId: string | null },
): Promise<boolean> {
  return (await prisma.apiKey.deleteMany({ where: { id, tenantId } })).count > 0;
}
