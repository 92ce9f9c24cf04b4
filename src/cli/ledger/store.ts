import type { Sql } from '../../db/client.ts';

export interface ListedKey {
  readonly id: string;
  readonly name: string;
  readonly scope: string;
  readonly tenant_id: string | null;
  readonly tenant: string | null;
  readonly created_at: Date;
}

/** Newest first; the keys themselves are stored nowhere. */
export async function listKeys(sql: Sql, tenantId: string | null): Promise<ListedKey[]> {
  return sql.query<ListedKey>({
    text: `SELECT k.id, k.name, k.scope, k.tenant_id, t.name AS tenant, k.created_at
             FROM social_publisher.api_keys k LEFT JOIN social_publisher.tenants t ON t.id = k.tenant_id
            WHERE $1::uuid IS NULL OR k.tenant_id = $1 ORDER BY k.id DESC`,
    values: [tenantId],
  });
}

/** Whose post it is: the operator gives an id only, the API wants the tenant named. */
export async function ownerOfPost(sql: Sql, id: string): Promise<string | undefined> {
  const [row] = await sql.query<{ tenant_id: string }>({
    text: 'SELECT tenant_id FROM social_publisher.social_posts WHERE id = $1',
    values: [id],
  });
  return row?.tenant_id;
}
