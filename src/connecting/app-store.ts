import type { Database, Sql } from '../db/client.ts';
import { ConflictError, NotFoundError } from '../errors.ts';

/** A tenant's own app at a provider, without its secret. */
export interface OwnApp {
  readonly provider: string;
  readonly appId: string;
  readonly hasSecret: boolean;
  readonly configId: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const columns = `provider, app_id AS "appId", sealed_secret IS NOT NULL AS "hasSecret", config_id AS "configId",
  created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Throws NotFoundError. */
export async function getOwnApp(sql: Sql, tenantId: string, provider: string): Promise<OwnApp> {
  const [row] = await sql.query<OwnApp>({
    name: 'apps_get',
    text: `SELECT ${columns} FROM social_publisher.apps WHERE tenant_id = $1 AND provider = $2 AND is_current`,
    values: [tenantId, provider],
  });
  if (row === undefined) throw noOwnApp(provider);
  return row;
}

export interface AppChange {
  readonly tenantId: string;
  readonly provider: string;
  readonly appId: string;
  /** Undefined keeps what is known of this app id. */
  readonly sealedSecret: string | undefined;
  readonly configId: string | null | undefined;
}

/** The app that new connections are made with. One that was there before keeps its row: tokens may rest on it. */
export async function saveOwnApp(db: Database, change: AppChange): Promise<OwnApp> {
  const { tenantId, provider, appId, sealedSecret = null, configId = null } = change;
  return db.transaction(async (tx) => {
    await tx.query({
      text: 'SELECT FROM social_publisher.tenants WHERE id = $1 FOR NO KEY UPDATE',
      values: [tenantId],
    });
    await tx.query({
      text: `UPDATE social_publisher.apps SET is_current = false, updated_at = clock_timestamp()
             WHERE tenant_id = $1 AND provider = $2 AND is_current AND app_id <> $3`,
      values: [tenantId, provider, appId],
    });
    const [saved] = await tx.query<OwnApp>({
      text: `INSERT INTO social_publisher.apps AS a (tenant_id, provider, app_id, sealed_secret, config_id)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant_id, provider, app_id) DO UPDATE SET is_current = true,
               sealed_secret = coalesce(EXCLUDED.sealed_secret, a.sealed_secret),
               config_id = CASE WHEN $6 THEN a.config_id ELSE EXCLUDED.config_id END, updated_at = clock_timestamp()
             RETURNING ${columns}`,
      values: [tenantId, provider, appId, sealedSecret, configId, change.configId === undefined],
    });
    if (saved === undefined) throw noOwnApp(provider);
    await dropReplaced(tx, tenantId, provider);
    return saved;
  });
}

/** For whoever is on the way to a dialog; each of them is tried for every word of Meta's. */
const mostReplaced = 5;

async function dropReplaced(tx: Sql, tenantId: string, provider: string): Promise<void> {
  await tx.query({
    text: `DELETE FROM social_publisher.apps WHERE (tenant_id, provider, app_id) IN (
             SELECT a.tenant_id, a.provider, a.app_id FROM social_publisher.apps a
             WHERE a.tenant_id = $1 AND a.provider = $2 AND NOT a.is_current AND NOT EXISTS (
               SELECT FROM social_publisher.integrations i
               WHERE i.tenant_id = a.tenant_id AND i.app_id = a.app_id AND i.sealed_token IS NOT NULL)
             ORDER BY a.updated_at DESC, a.app_id OFFSET ${mostReplaced})`,
    values: [tenantId, provider],
  });
}

/** Throws NotFoundError, and `app_in_use` while tokens rest on it. */
export async function deleteOwnApp(
  db: Database,
  tenantId: string,
  provider: string,
): Promise<void> {
  await db.transaction(async (tx) => {
    const [app] = await tx.query<{ readonly appId: string; readonly isUsed: boolean }>({
      text: `SELECT a.app_id AS "appId", EXISTS (
               SELECT FROM social_publisher.integrations i
               WHERE i.tenant_id = $1 AND i.app_id = a.app_id AND i.sealed_token IS NOT NULL) AS "isUsed"
             FROM social_publisher.apps a WHERE a.tenant_id = $1 AND a.provider = $2 AND a.is_current FOR UPDATE`,
      values: [tenantId, provider],
    });
    if (app === undefined) throw noOwnApp(provider);
    if (app.isUsed) throw appInUse();
    await tx.query({
      text: `DELETE FROM social_publisher.apps WHERE tenant_id = $1 AND provider = $2 AND app_id = $3`,
      values: [tenantId, provider, app.appId],
    });
  });
}

function noOwnApp(provider: string): NotFoundError {
  return new NotFoundError('not_found', `The tenant has no app of its own for ${provider}.`);
}

function appInUse(): ConflictError {
  const text =
    'Integrations rest on this app: disconnect them, or connect them again with another.';
  return new ConflictError('app_in_use', text);
}

/** With what opens its secret. */
export interface SealedApp {
  readonly provider: string;
  readonly appId: string;
  readonly sealedSecret: string | null;
  readonly configId: string | null;
}

const sealedColumns = `provider, app_id AS "appId", sealed_secret AS "sealedSecret", config_id AS "configId"`;

/** Those of these providers' names that new connections are made with, in the order of the names. */
export async function readCurrentApps(
  sql: Sql,
  tenantId: string,
  providers: readonly string[],
): Promise<readonly SealedApp[]> {
  return sql.query<SealedApp>({
    name: 'apps_read_current',
    text: `SELECT ${sealedColumns} FROM social_publisher.apps
           WHERE tenant_id = $1 AND provider = ANY ($2::text[]) AND is_current
           ORDER BY array_position($2::text[], provider)`,
    values: [tenantId, providers],
  });
}

/** By its id, also one that was replaced: whatever rests on it is called with its secret. */
export async function readApp(
  sql: Sql,
  tenantId: string,
  appId: string,
): Promise<SealedApp | undefined> {
  const [row] = await sql.query<SealedApp>({
    name: 'apps_read',
    text: `SELECT ${sealedColumns} FROM social_publisher.apps WHERE tenant_id = $1 AND app_id = $2
           ORDER BY sealed_secret IS NULL, updated_at DESC LIMIT 1`,
    values: [tenantId, appId],
  });
  return row;
}
