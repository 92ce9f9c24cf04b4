import type { Sql } from '../db/client.ts';

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

export const backends = ['redis', 'postgres'] as const;
export type Backend = (typeof backends)[number];

/** Null before any process started on this database. */
export async function readBackend(sql: Sql): Promise<Backend | null> {
  const [row] = await sql.query<{ queue_backend: Backend | null }>({
    text: 'SELECT queue_backend FROM social_publisher.instance WHERE id = 1',
  });
  return row?.queue_backend ?? null;
}

export async function saveBackend(sql: Sql, backend: Backend): Promise<void> {
  await sql.query({
    text: 'UPDATE social_publisher.instance SET queue_backend = $1 WHERE id = 1',
    values: [backend],
  });
}

/** Posts that a job carries, or that a worker has in its hands. */
export async function countInFlight(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ count: number }>({
    text: `SELECT count(*)::int AS count FROM social_publisher.social_posts
            WHERE status IN ('queued', 'publishing')`,
  });
  return row?.count ?? 0;
}

/** How much each key seals. */
export interface KeyUse {
  readonly key_id: string;
  readonly integrations: number;
  /** Answers with a secret that are kept to be repeated. */
  readonly answers: number;
}

/** By the key id that a sealed value carries in the open, see src/vault.ts. */
export async function countByKey(sql: Sql): Promise<KeyUse[]> {
  return sql.query<KeyUse>({
    text: `SELECT split_part(sealed, '.', 2) AS key_id, count(*) FILTER (WHERE is_token)::int AS integrations,
                  count(*) FILTER (WHERE NOT is_token)::int AS answers
             FROM (SELECT sealed_token AS sealed, true AS is_token
                     FROM social_publisher.integrations WHERE sealed_token IS NOT NULL
                    UNION ALL
                   SELECT response->>'body', false
                     FROM social_publisher.idempotency_keys WHERE response @> '{"sealed": true}') AS x
            GROUP BY 1 ORDER BY 1`,
  });
}

export interface SealedToken {
  readonly id: string;
  readonly tenantId: string;
  readonly sealed: string;
}

/** In the order of their ids, from after `after`. */
export async function nextTokens(
  sql: Sql,
  after: SealedToken | undefined,
  limit: number,
): Promise<SealedToken[]> {
  return sql.query<SealedToken>({
    text: `SELECT id, tenant_id AS "tenantId", sealed_token AS sealed FROM social_publisher.integrations
            WHERE sealed_token IS NOT NULL AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2`,
    values: [after?.id ?? null, limit],
  });
}

export interface SealedAnswer {
  readonly scope: string;
  readonly key: string;
  readonly sealed: string;
}

/** In the order of their scopes and keys, from after `after`. */
export async function nextAnswers(
  sql: Sql,
  after: SealedAnswer | undefined,
  limit: number,
): Promise<SealedAnswer[]> {
  return sql.query<SealedAnswer>({
    text: `SELECT scope, key, response->>'body' AS sealed FROM social_publisher.idempotency_keys
            WHERE response @> '{"sealed": true}' AND ($1::text IS NULL OR (scope, key) > ($1, $2))
            ORDER BY scope, key LIMIT $3`,
    values: [after?.scope ?? null, after?.key ?? null, limit],
  });
}

/** A value and the text that shall take its place. */
export type Resealed<Value> = Value & { readonly resealed: string };

/** Only where the value is still the one that was read: a token that was replaced meanwhile stays. */
export async function saveTokens(
  sql: Sql,
  tokens: readonly Resealed<SealedToken>[],
): Promise<number> {
  const rows = await sql.query({
    text: `UPDATE social_publisher.integrations i SET sealed_token = x.resealed
             FROM jsonb_to_recordset($1::jsonb) AS x (id uuid, sealed text, resealed text)
            WHERE i.id = x.id AND i.sealed_token = x.sealed RETURNING i.id`,
    values: [JSON.stringify(tokens)],
  });
  return rows.length;
}

/** Only where the answer is still the one that was read: its key may have been forgotten and used again. */
export async function saveAnswers(
  sql: Sql,
  answers: readonly Resealed<SealedAnswer>[],
): Promise<number> {
  const rows = await sql.query({
    text: `UPDATE social_publisher.idempotency_keys k
              SET response = jsonb_set(k.response, '{body}', to_jsonb(x.resealed))
             FROM jsonb_to_recordset($1::jsonb) AS x (scope text, key text, sealed text, resealed text)
            WHERE k.scope = x.scope AND k.key = x.key AND k.response->>'body' = x.sealed
           RETURNING k.key`,
    values: [JSON.stringify(answers)],
  });
  return rows.length;
}
