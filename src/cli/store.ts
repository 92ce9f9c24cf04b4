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
  /** Tokens of integrations. */
  readonly integrations: number;
  /** Tokens of the people behind them. */
  readonly logins: number;
  /** Secrets of the tenants' own apps. */
  readonly apps: number;
  /** Consents whose accounts may still be chosen, for a quarter of an hour. */
  readonly connections: number;
  /** Answers with a secret that are kept to be repeated. */
  readonly answers: number;
}

/** By the key id that a sealed value carries in the open, see src/vault.ts. */
export async function countByKey(sql: Sql): Promise<KeyUse[]> {
  return sql.query<KeyUse>({
    text: `SELECT split_part(sealed, '.', 2) AS key_id,
                  count(*) FILTER (WHERE kind = 'integration')::int AS integrations,
                  count(*) FILTER (WHERE kind = 'login')::int AS logins,
                  count(*) FILTER (WHERE kind = 'app')::int AS apps,
                  count(*) FILTER (WHERE kind = 'connection')::int AS connections,
                  count(*) FILTER (WHERE kind = 'answer')::int AS answers
             FROM (SELECT sealed_token AS sealed, 'integration' AS kind
                     FROM social_publisher.integrations WHERE sealed_token IS NOT NULL
                    UNION ALL
                   SELECT sealed_token, 'login' FROM social_publisher.logins
                    UNION ALL
                   SELECT sealed_secret, 'app' FROM social_publisher.apps WHERE sealed_secret IS NOT NULL
                    UNION ALL
                   SELECT sealed, 'connection' FROM social_publisher.connections WHERE expires_at > clock_timestamp()
                    UNION ALL
                   SELECT response->>'body', 'answer'
                     FROM social_publisher.idempotency_keys WHERE response @> '{"sealed": true}') AS x
            GROUP BY 1 ORDER BY 1`,
  });
}

/** What is sealed for good, with the text that its id is in the binding. */
export type SealedKind = 'integration' | 'login' | 'app';

export interface SealedToken {
  readonly kind: SealedKind;
  /** Of the integration or the login; of an app its provider and its id at it. */
  readonly id: string;
  readonly tenantId: string;
  readonly sealed: string;
}

/** Every one of them as `{kind, id, tenantId, sealed}`. */
const sealedTokens = `
  SELECT 'integration' AS kind, id::text, tenant_id AS "tenantId", sealed_token AS sealed
    FROM social_publisher.integrations WHERE sealed_token IS NOT NULL
   UNION ALL
  SELECT 'login', id::text, tenant_id, sealed_token FROM social_publisher.logins
   UNION ALL
  SELECT 'app', provider || ':' || app_id, tenant_id, sealed_secret
    FROM social_publisher.apps WHERE sealed_secret IS NOT NULL`;

/** In an order of their own, from after `after`. */
export async function nextTokens(
  sql: Sql,
  after: SealedToken | undefined,
  limit: number,
): Promise<SealedToken[]> {
  return sql.query<SealedToken>({
    text: `SELECT * FROM (${sealedTokens}) x
            WHERE $1::text IS NULL OR (kind, id, "tenantId") > ($1, $2::text, $3::uuid)
            ORDER BY kind, id, "tenantId" LIMIT $4`,
    values: [after?.kind ?? null, after?.id ?? null, after?.tenantId ?? null, limit],
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
    text: `WITH x AS (
             SELECT * FROM jsonb_to_recordset($1::jsonb)
               AS x (kind text, id text, "tenantId" uuid, sealed text, resealed text)
           ), integrations AS (
             UPDATE social_publisher.integrations i SET sealed_token = x.resealed FROM x
              WHERE x.kind = 'integration' AND i.id::text = x.id AND i.sealed_token = x.sealed RETURNING 1
           ), logins AS (
             UPDATE social_publisher.logins l SET sealed_token = x.resealed FROM x
              WHERE x.kind = 'login' AND l.id::text = x.id AND l.sealed_token = x.sealed RETURNING 1
           ), apps AS (
             UPDATE social_publisher.apps a SET sealed_secret = x.resealed FROM x
              WHERE x.kind = 'app' AND a.tenant_id = x."tenantId" AND a.provider || ':' || a.app_id = x.id
                AND a.sealed_secret = x.sealed RETURNING 1
           )
           SELECT FROM integrations UNION ALL SELECT FROM logins UNION ALL SELECT FROM apps`,
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
