import type { Database, Sql } from '../db/client.ts';
import { NotFoundError } from '../errors.ts';
import type { Seen } from '../providers/capabilities.ts';
import type { Sealed } from './account.ts';
import type { Integration } from './integration.ts';

/** Of `integrations`, without what it seals: an `Integration`. */
const columns = `id, tenant_id AS "tenantId", provider, external_account_id AS "externalAccountId", name, username,
  app_id AS "appId", login, connected_at AS "connectedAt", token_expires_at AS "tokenExpiresAt",
  data_access_expires_at AS "dataAccessExpiresAt", scopes, tasks, status, error, held_until AS "heldUntil",
  CASE WHEN held_until > clock_timestamp() THEN held_for END AS "heldFor", verified_at AS "verifiedAt", capabilities, created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Of a row `i`, what `openAccount` needs: `SealedAccount`. */
export const sealedAccountSql = `i.external_account_id AS "externalAccountId", i.sealed_token AS "sealedToken",
  i.login, i.app_id AS "appId", CASE WHEN i.app_id <> '' THEN (SELECT a.sealed_secret FROM social_publisher.apps a
    WHERE a.tenant_id = i.tenant_id AND a.app_id = i.app_id AND a.sealed_secret IS NOT NULL
    ORDER BY a.updated_at DESC LIMIT 1) END AS "sealedAppSecret"`;

/** Throws NotFoundError, also for an integration of another tenant. */
export async function getIntegration(sql: Sql, tenantId: string, id: string): Promise<Integration> {
  const [found] = await sql.query<Integration>({
    name: 'get_integration',
    text: `SELECT ${columns} FROM social_publisher.integrations WHERE id = $2 AND tenant_id = $1`,
    values: [tenantId, id],
  });
  if (found === undefined) throw noSuchIntegration();
  return found;
}

/** Whether the tenant has proven before that the account is its own. */
export async function isConnected(
  { prisma }: Database,
  account: Pick<Integration, 'tenantId' | 'provider' | 'externalAccountId'>,
): Promise<boolean> {
  const { tenantId, provider, externalAccountId } = account;
  return (await prisma.integration.count({ where: { tenantId, provider, externalAccountId } })) > 0;
}

/** Newest first, those before the id `before`. */
export async function listIntegrations(
  sql: Sql,
  page: { readonly tenantId: string; readonly before: string | null; readonly limit: number },
): Promise<Integration[]> {
  return sql.query<Integration>({
    text: `SELECT ${columns} FROM social_publisher.integrations
            WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
    values: [page.tenantId, page.before, page.limit],
  });
}

export function noSuchIntegration(): NotFoundError {
  return new NotFoundError('not_found', 'There is no such integration.');
}

/** What it takes to call the account of an integration, of whichever tenant. Throws NotFoundError. */
export async function loadConnection(sql: Sql, id: string): Promise<Connection> {
  const [row] = await sql.query<Connection>({
    text: `SELECT i.id AS "integrationId", i.tenant_id AS "tenantId", i.provider, ${sealedAccountSql}
           FROM social_publisher.integrations i WHERE i.id = $1`,
    values: [id],
  });
  if (row === undefined) throw noSuchIntegration();
  return row;
}

export interface Connection extends Sealed {
  readonly provider: string;
}

/** What to tell the row of one integration. */
export interface UsageNote {
  readonly integrationId: string;
  readonly percent: number;
  /** From now; 0: it need not rest. */
  readonly restMs: number;
}

/** Never shortens a hold; `updated_at` stays, as nobody changed the integration. */
export async function writeUsages(sql: Sql, notes: readonly UsageNote[]): Promise<void> {
  await sql.query({
    name: 'integrations_write_usages',
    // Locked in the order of their ids, so that two processes that write of the same accounts cannot deadlock.
    text: `WITH x AS MATERIALIZED (
             SELECT i.id, y.percent, y.rest_ms, clock_timestamp() + y.rest_ms * interval '1 millisecond' AS until
             FROM unnest($1::uuid[], $2::int[], $3::int[]) AS y (id, percent, rest_ms)
             JOIN social_publisher.integrations i ON i.id = y.id
             ORDER BY i.id FOR NO KEY UPDATE OF i
           )
           UPDATE social_publisher.integrations i
           SET usage_percent = x.percent, usage_at = clock_timestamp(),
             held_until = CASE WHEN x.rest_ms = 0 THEN i.held_until
               ELSE greatest(i.held_until, x.until) END,
             held_for = CASE WHEN x.rest_ms = 0 OR i.held_until >= x.until THEN i.held_for END
           FROM x WHERE i.id = x.id`,
    values: [
      notes.map((note) => note.integrationId),
      notes.map((note) => note.percent),
      notes.map((note) => note.restMs),
    ],
  });
}

/** Keeps what was just seen; the last sight counts. Writes nothing while it is no news for a day. */
export async function learn(sql: Sql, integrationId: string, seen: Seen): Promise<void> {
  await sql.query({
    name: 'integrations_learn',
    text: `UPDATE social_publisher.integrations i SET capabilities = i.capabilities || (
             SELECT coalesce(jsonb_object_agg(x.key, jsonb_build_object('value', x.value, 'seen_at',
               to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))), '{}')
             FROM jsonb_each_text($2::jsonb) x)
           WHERE i.id = $1 AND EXISTS (
             SELECT FROM jsonb_each_text($2::jsonb) x
             WHERE i.capabilities -> x.key ->> 'value' IS DISTINCT FROM x.value
               OR (i.capabilities -> x.key ->> 'seen_at')::timestamptz < clock_timestamp() - interval '1 day')`,
    values: [integrationId, JSON.stringify(seen)],
  });
}
