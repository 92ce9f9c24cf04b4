import type { Sql } from '../db/client.ts';
import type { ErrorRecord } from '../errors.ts';
import { replan } from '../posts/store.ts';
import type { LoginName } from '../providers/account.ts';
import { holdSql, type ProbeRow } from './health-store.ts';
import { type Hold, textOfAppTrouble } from './integration.ts';
import { isPausedSql } from './pause-store.ts';
import { sealedAccountSql } from './store.ts';

/** An app at its provider, by all the ids that the rows of its integrations may have. */
export interface App {
  readonly provider: string;
  /** The operator's own app is another one for each login. */
  readonly login: LoginName;
  readonly appIds: readonly [string, ...string[]];
  /** Whose integrations it concerns; empty: those of all tenants. */
  readonly tenantId: string;
}

const keyOf = ({ provider, login, appIds, tenantId }: App) =>
  [provider, login, appIds[0], tenantId] as const;

/** SQL: of a row of `app_troubles`, that it is the app of `keyOf`. */
const isThatApp = '(provider, login, app_id, tenant_id) = ($1, $2, $3, $4)';

/** SQL: of a row of `integrations`, that its token is of the app of `accountsOf`. */
const isOfApp = (row: string) =>
  `${row}.provider = $1 AND ${row}.login = $2 AND ${row}.app_id = ANY ($3::text[]) AND $4 IN ('', ${row}.tenant_id::text)`;

const accountsOf = ({ provider, login, appIds, tenantId }: App) =>
  [provider, login, appIds, tenantId] as const;

/** Its probes end the hold; should they cease, it ends by itself. */
const holdsFor = "interval '10 minutes'";
const probesEvery = "interval '1 minute'";

/**
 * What an error about the app means: `new` trouble of the whole app; `known`, as others met it before; or trouble of
 * this integration alone, because a call of the app has just been answered as it should.
 */
export type AppTrouble = 'new' | 'known' | 'own';

/** Holds what the trouble concerns: all integrations of the app, or this one. */
export async function noteAppTrouble(
  tx: Sql,
  integrationId: string,
  app: App,
  error: ErrorRecord,
): Promise<AppTrouble> {
  const opened = await tx.query({
    name: 'app_troubles_open',
    text: `INSERT INTO social_publisher.app_troubles AS a (provider, login, app_id, tenant_id, error, probe_at)
           VALUES ($1, $2, $3, $4, $5, clock_timestamp() + ${probesEvery})
           ON CONFLICT (provider, login, app_id, tenant_id) DO UPDATE
             SET error = EXCLUDED.error, since = clock_timestamp(), probe_at = EXCLUDED.probe_at, healed_at = NULL
             WHERE a.healed_at IS NOT NULL AND (a.error ->> 'key' IS DISTINCT FROM EXCLUDED.error ->> 'key'
               OR a.healed_at < clock_timestamp() - interval '10 minutes')
           RETURNING app_id`,
    values: [...keyOf(app), JSON.stringify(error)],
  });
  const hold = holdOf(error);
  const lasts = opened.length > 0 || (await isOpen(tx, app));
  if (lasts) await holdAll(tx, app, hold);
  else await holdOne(tx, integrationId, hold);
  if (opened.length > 0) return 'new';
  return lasts ? 'known' : 'own';
}

async function isOpen(sql: Sql, app: App): Promise<boolean> {
  const rows = await sql.query({
    name: 'app_troubles_is_open',
    text: `SELECT FROM social_publisher.app_troubles WHERE ${isThatApp} AND healed_at IS NULL`,
    values: keyOf(app),
  });
  return rows.length > 0;
}

function holdOf(error: ErrorRecord): string {
  return JSON.stringify({ scope: 'app', text: textOfAppTrouble(error) } satisfies Hold);
}

async function holdAll(sql: Sql, app: App, hold: string): Promise<void> {
  await sql.query({
    name: 'app_troubles_hold_all',
    // In the order of their ids, as everybody does who holds more than one.
    text: `WITH x AS MATERIALIZED (
             SELECT id, clock_timestamp() + ${holdsFor} AS until FROM social_publisher.integrations o
             WHERE ${isOfApp('o')} AND status <> 'disconnected'
               AND (held_until IS NULL OR held_until < clock_timestamp() + ${holdsFor} / 2)
             ORDER BY id FOR NO KEY UPDATE
           )
           UPDATE social_publisher.integrations i SET ${holdSql('x.until', '$5::jsonb')} FROM x WHERE i.id = x.id`,
    values: [...accountsOf(app), hold],
  });
}

async function holdOne(sql: Sql, integrationId: string, hold: string): Promise<void> {
  await sql.query({
    name: 'app_troubles_hold_one',
    text: `UPDATE social_publisher.integrations i
           SET ${holdSql(`statement_timestamp() + ${holdsFor} / 2`, '$2::jsonb')} WHERE i.id = $1`,
    values: [integrationId, hold],
  });
}

/** As its row has it. */
export interface TroubledApp extends Pick<App, 'provider' | 'login' | 'tenantId'> {
  readonly appId: string;
}

/** Apps to be tried again, each due again a minute later. */
export async function claimAppProbes(
  sql: Sql,
): Promise<readonly (TroubledApp & { readonly probeAt: Date })[]> {
  return sql.query({
    name: 'app_troubles_claim_probes',
    text: `UPDATE social_publisher.app_troubles a SET probe_at = clock_timestamp() + ${probesEvery}
           FROM (SELECT provider, login, app_id, tenant_id, probe_at FROM social_publisher.app_troubles
                 WHERE healed_at IS NULL AND probe_at <= statement_timestamp() FOR UPDATE SKIP LOCKED) x
           WHERE (a.provider, a.login, a.app_id, a.tenant_id) = (x.provider, x.login, x.app_id, x.tenant_id)
           RETURNING a.provider, a.login, a.app_id AS "appId", a.tenant_id AS "tenantId", x.probe_at AS "probeAt"`,
    values: [],
  });
}

/** Any account that the app is used for; null: none is left that its trouble could concern. */
export async function loadForAppProbe(sql: Sql, app: App): Promise<ProbeRow | null> {
  const [row] = await sql.query<ProbeRow>({
    name: 'app_troubles_load_for_probe',
    text: `SELECT i.id, i.tenant_id AS "tenantId", i.provider, ${sealedAccountSql}
           FROM social_publisher.integrations i
           WHERE ${isOfApp('i')} AND i.status = 'active' AND i.sealed_token IS NOT NULL
           ORDER BY ${isPausedSql} OR coalesce(i.held_until > clock_timestamp(), false)
             AND i.held_for ->> 'scope' IS DISTINCT FROM 'app', random() LIMIT 1`,
    values: accountsOf(app),
  });
  return row ?? null;
}

/** It lasts, perhaps for another reason than before. */
export async function renewAppTrouble(tx: Sql, app: App, error: ErrorRecord): Promise<void> {
  await tx.query({
    name: 'app_troubles_renew',
    text: `UPDATE social_publisher.app_troubles SET error = $5 WHERE ${isThatApp} AND healed_at IS NULL`,
    values: [...keyOf(app), JSON.stringify(error)],
  });
  await holdAll(tx, app, holdOf(error));
}

/** What waited for the app goes on. */
export async function healApp(tx: Sql, app: App): Promise<boolean> {
  const healed = await tx.query({
    name: 'app_troubles_heal',
    text: `UPDATE social_publisher.app_troubles SET healed_at = clock_timestamp()
           WHERE ${isThatApp} AND healed_at IS NULL RETURNING app_id`,
    values: keyOf(app),
  });
  if (healed.length === 0) return false;
  await tx.query({
    name: 'app_troubles_release',
    text: `WITH x AS MATERIALIZED (
             SELECT id FROM social_publisher.integrations o
             WHERE ${isOfApp('o')} AND held_for ->> 'scope' = 'app' ORDER BY id FOR NO KEY UPDATE
           )
           UPDATE social_publisher.integrations i SET held_until = NULL, held_for = NULL FROM x WHERE i.id = x.id`,
    values: accountsOf(app),
  });
  const where = `${isOfApp('i')} AND i.status = 'active' AND p.waiting ->> 'reason' = 'integration'`;
  await replan(tx, where, accountsOf(app));
  return true;
}

export interface HeldApp {
  readonly provider: string;
  readonly appId: string;
  readonly since: Date;
  readonly error: ErrorRecord;
}

export async function readHeldApps(sql: Sql): Promise<readonly HeldApp[]> {
  return sql.query<HeldApp>({
    name: 'app_troubles_read',
    // Whichever of its tenants met it first.
    text: `SELECT * FROM (
             SELECT DISTINCT ON (provider, login, app_id) provider, app_id AS "appId", since, error
             FROM social_publisher.app_troubles WHERE healed_at IS NULL ORDER BY provider, login, app_id, since) x
           ORDER BY since`,
    values: [],
  });
}
