import type { Sql } from '../../db/client.ts';

export type { Sql } from '../../db/client.ts';

export interface SealedToken {
  readonly id: string;
  readonly tenantId: string;
  readonly sealed: string;
}

export interface KeyUse {
  readonly key_id: string;
  readonly integrations: number;
}

/** By the key id that a sealed value carries in the open, see src/vault.ts. */
export async function countByKey(sql: Sql): Promise<KeyUse[]> {
  return sql.query<KeyUse>({
    text: `SELECT split_part(sealed_token, '.', 2) AS key_id, count(*)::int AS integrations
             FROM social_publisher.integrations WHERE sealed_token IS NOT NULL
            GROUP BY 1 ORDER BY 1`,
  });
}

/** In the order of their ids, from after `after`. */
export async function nextSealed(
  sql: Sql,
  after: string | null,
  limit: number,
): Promise<SealedToken[]> {
  return sql.query<SealedToken>({
    text: `SELECT id, tenant_id AS "tenantId", sealed_token AS sealed FROM social_publisher.integrations
            WHERE sealed_token IS NOT NULL AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2`,
    values: [after, limit],
  });
}

export interface Resealed {
  readonly id: string;
  readonly from: string;
  readonly to: string;
}

/** Only where the value is still the one that was read: a token that was replaced meanwhile stays. */
export async function saveResealed(sql: Sql, resealed: readonly Resealed[]): Promise<number> {
  const rows = await sql.query({
    text: `UPDATE social_publisher.integrations i SET sealed_token = x."to"
             FROM jsonb_to_recordset($1::jsonb) AS x (id uuid, "from" text, "to" text)
            WHERE i.id = x.id AND i.sealed_token = x."from" RETURNING i.id`,
    values: [JSON.stringify(resealed)],
  });
  return rows.length;
}
