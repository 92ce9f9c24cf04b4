import type { Sql } from '../db/client.ts';
import type { ErrorRecord } from '../errors.ts';
import { replan } from '../posts/store.ts';
import { holdSql, type ProbeRow } from './health-store.ts';
import { type Hold, textOfAppTrouble } from './integration.ts';
import { isPausedSql } from './pause-store.ts';
import { sealedAccountSql } from './store.ts';

/** An app at its provider, by all the ids that the rows of its integrations may have. */
export interface App {
  readonly provider: string;
  readonly appIds: readonly [string, ...string[]];
}

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
  { provider, appIds }: App,
  error: ErrorRecord,
): Promise<AppTrouble> {
  const opened = await tx.query({
    name: 'app_troubles_open',
    text: `INSERT INTO social_publisher.app_troubles AS a (provider, app_id, error, probe_at)
           VALUES ($1, $2, $3, clock_timestamp() + ${probesEvery})
           ON CONFLICT (provider, app_id) DO UPDATE
             SET error = EXCLUDED.error, since = clock_timestamp(), probe_at = EXCLUDED.probe_at, healed_at = NULL
             WHERE a.healed_at IS NOT NULL AND (a.error ->> 'key' IS DISTINCT FROM EXCLUDED.error ->> 'key'
               OR a.healed_at < clock_timestamp() - interval '10 minutes')
           RETURNING app_id`,
    values: [provider, appIds[0], JSON.stringify(error)],
  });
  const hold = holdOf(error);
  const lasts = opened.length > 0 || (await isOpen(tx, { provider, appIds }));
  if (lasts) await holdAll(tx, { provider, appIds }, hold);
  else await holdOne(tx, integrationId, hold);
  if (opened.length > 0) return 'new';
  return lasts ? 'known' : 'own';
}

async function isOpen(sql: Sql, { provider, appIds }: App): Promise<boolean> {
  const rows = await sql.query({
    name: 'app_troubles_is_open',
    text: `SELECT FROM social_publisher.app_troubles WHERE provider = $1 AND app_id = $2 AND healed_at IS NULL`,
    values: [provider, appIds[0]],
  });
  return rows.length > 0;
}

function holdOf(error: ErrorRecord): string {
  return JSON.stringify({ scope: 'app', text: textOfAppTrouble(error) } satisfies Hold);
}

async function holdAll(sql: Sql, { provider, appIds }: App, hold: string): Promise<void> {
  await sql.query({
    name: 'app_troubles_hold_all',
    // In the order of their ids, as everybody does who holds more than one.
    text: `WITH x AS MATERIALIZED (
             SELECT id, clock_timestamp() + ${holdsFor} AS until FROM social_publisher.integrations
             WHERE provider = $1 AND app_id = ANY ($2::text[]) AND status <> 'disconnected'
               AND (held_until IS NULL OR held_until < clock_timestamp() + ${holdsFor} / 2)
             ORDER BY id FOR NO KEY UPDATE
           )
           UPDATE social_publisher.integrations i SET ${holdSql('x.until', '$3::jsonb')} FROM x WHERE i.id = x.id`,
    values: [provider, appIds, hold],
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

/** Apps to be tried again, each due again a minute later. */
export async function claimAppProbes(
  sql: Sql,
): Promise<
  readonly { readonly provider: string; readonly appId: string; readonly probeAt: Date }[]
> {
  return sql.query({
    name: 'app_troubles_claim_probes',
    text: `UPDATE social_publisher.app_troubles a SET probe_at = clock_timestamp() + ${probesEvery}
           FROM (SELECT provider, app_id, probe_at FROM social_publisher.app_troubles
                 WHERE healed_at IS NULL AND probe_at <= statement_timestamp() FOR UPDATE SKIP LOCKED) x
           WHERE a.provider = x.provider AND a.app_id = x.app_id
           RETURNING a.provider, a.app_id AS "appId", x.probe_at AS "probeAt"`,
    values: [],
  });
}

/** Any account that the app is used for; null: none is left that its trouble could concern. */
export async function loadForAppProbe(
  sql: Sql,
  { provider, appIds }: App,
): Promise<ProbeRow | null> {
  const [row] = await sql.query<ProbeRow>({
    name: 'app_troubles_load_for_probe',
    text: `SELECT i.id, i.tenant_id AS "tenantId", i.provider, ${sealedAccountSql}
           FROM social_publisher.integrations i
           WHERE i.provider = $1 AND i.app_id = ANY ($2::text[]) AND i.status = 'active'
             AND i.sealed_token IS NOT NULL
           ORDER BY ${isPausedSql} OR coalesce(i.held_until > clock_timestamp(), false)
             AND i.held_for ->> 'scope' IS DISTINCT FROM 'app', random() LIMIT 1`,
    values: [provider, appIds],
  });
  return row ?? null;
}

/** It lasts, perhaps for another reason than before. */
export async function renewAppTrouble(tx: Sql, app: App, error: ErrorRecord): Promise<void> {
  await tx.query({
    name: 'app_troubles_renew',
    text: `UPDATE social_publisher.app_troubles SET error = $3
           WHERE provider = $1 AND app_id = $2 AND healed_at IS NULL`,
    values: [app.provider, app.appIds[0], JSON.stringify(error)],
  });
  await holdAll(tx, app, holdOf(error));
}

/** What waited for the app goes on. */
export async function healApp(tx: Sql, { provider, appIds }: App): Promise<boolean> {
  const healed = await tx.query({
    name: 'app_troubles_heal',
    text: `UPDATE social_publisher.app_troubles SET healed_at = clock_timestamp()
           WHERE provider = $1 AND app_id = $2 AND healed_at IS NULL RETURNING app_id`,
    values: [provider, appIds[0]],
  });
  if (healed.length === 0) return false;
  await tx.query({
    name: 'app_troubles_release',
    text: `WITH x AS MATERIALIZED (
             SELECT id FROM social_publisher.integrations
             WHERE provider = $1 AND app_id = ANY ($2::text[]) AND held_for ->> 'scope' = 'app'
             ORDER BY id FOR NO KEY UPDATE
           )
           UPDATE social_publisher.integrations i SET held_until = NULL, held_for = NULL FROM x WHERE i.id = x.id`,
    values: [provider, appIds],
  });
  const where = `i.provider = $1 AND i.app_id = ANY ($2::text[]) AND i.status = 'active'
    AND p.waiting ->> 'reason' = 'integration'`;
  await replan(tx, where, [provider, appIds]);
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
    text: `SELECT provider, app_id AS "appId", since, error FROM social_publisher.app_troubles
           WHERE healed_at IS NULL ORDER BY since`,
    values: [],
  });
}
