import type { Sql } from '../db/client.ts';
import type { ErrorRecord } from '../errors.ts';
import { replan, setWaiting } from '../posts/store.ts';
import type { LoginName } from '../providers/account.ts';
import type { SealedAccount } from './account.ts';
import {
  adviceFor,
  type Hold,
  type IntegrationTrouble,
  outageText,
  waitingWhileHeld,
} from './integration.ts';
import { isPausedSql } from './pause-store.ts';
import { sealedAccountSql } from './store.ts';
import { readsStopAt, slowFrom, usageCountsForMs } from './usage.ts';

const isUsageFresh = `i.usage_at > statement_timestamp() - interval '${usageCountsForMs} milliseconds'`;

/** True for a row `i` of the integrations that may be called at all: healthy, not held, not paused. */
export const isOpenSql = `(i.status = 'active'
  AND (i.held_until IS NULL OR i.held_until <= statement_timestamp()) AND NOT ${isPausedSql})`;

/** Its provider said that its budget is nearly spent, or does not answer: one post at a time. */
export const isSlowSql = `(i.ailing_since IS NOT NULL
  OR coalesce(i.usage_percent >= ${slowFrom} AND ${isUsageFresh}, false))`;

/** Assignments of a row `i`: held until then, for that reason. Never shortens a hold, whose reason then stays. */
export function holdSql(until: string, why: string): string {
  return `held_until = greatest(i.held_until, ${until}),
    held_for = CASE WHEN i.held_until >= ${until} THEN i.held_for ELSE ${why} END`;
}

/** What a person may have healed at the provider is tried after this long, then ever less often. */
const longestProbeAfter = "interval '6 hours'";

/** An account out of sight may only be the provider's own trouble: it is asked for again soon. */
const firstProbeAfter = (key: string) =>
  `CASE WHEN ${key} = 'account_not_visible' THEN interval '1 minute' ELSE interval '1 hour' END`;

/** Trouble that the proof of the account did not show: asking again soon would only run into it again. */
const afterProof = `CASE WHEN verified_at > clock_timestamp() - ${longestProbeAfter} THEN
  CASE WHEN $2 IN ('blocked', 'needs_permission') THEN ${longestProbeAfter} WHEN $5 = 'account_not_visible' THEN interval '1 hour' END END`;

export interface Trouble {
  readonly status: IntegrationTrouble;
  readonly error: ErrorRecord;
  /** A person can heal it at the provider, without a new token: it is tried again by itself. */
  readonly isProbed: boolean;
}

/**
 * An integration leaves `active`; one that is already out of it keeps its first reason. Its other approved posts say
 * at once what they wait for.
 */
export async function markTrouble(
  sql: Sql,
  integrationId: string,
  { status, error, isProbed }: Trouble,
): Promise<boolean> {
  const rows = await sql.query<{ id: string }>({
    name: 'integrations_mark_trouble',
    text: `UPDATE social_publisher.integrations SET status = $2, error = $3, updated_at = clock_timestamp(),
             probe_at = CASE WHEN $4 THEN clock_timestamp() + coalesce(${afterProof}, ${firstProbeAfter('$5')}) END
           WHERE id = $1 AND status = 'active' RETURNING id`,
    values: [integrationId, status, JSON.stringify(error), isProbed, error.key],
  });
  if (rows.length === 0) return false;
  await tellWaitingPosts(sql, integrationId, adviceFor({ status, error }) ?? error.action);
  if (error.class === 'reauth') await hastenProofs(sql, integrationId);
  return true;
}

/** What ended one token has often ended the others of the same person: they are proven now. */
async function hastenProofs(sql: Sql, integrationId: string): Promise<void> {
  await sql.query({
    name: 'integrations_hasten_proofs',
    text: `UPDATE social_publisher.integrations SET proof_at = clock_timestamp() WHERE id IN (
             SELECT o.id FROM social_publisher.integrations i
             JOIN social_publisher.integrations o ON o.user_id = i.user_id AND o.app_id = i.app_id
             WHERE i.id = $1 AND o.id <> i.id AND o.status = 'active' AND o.proof_at > clock_timestamp()
             FOR NO KEY UPDATE OF o SKIP LOCKED)`,
    values: [integrationId],
  });
}

/** A probe found the trouble to be another one than it was; nothing changes for one that was healed meanwhile. */
export async function changeTrouble(
  sql: Sql,
  integrationId: string,
  { status, error, isProbed }: Trouble,
): Promise<void> {
  const rows = await sql.query<{ id: string }>({
    name: 'integrations_change_trouble',
    text: `UPDATE social_publisher.integrations SET status = $2, error = $3, updated_at = clock_timestamp(),
             probe_at = CASE WHEN $4 THEN probe_at END
           WHERE id = $1 AND status IN ('needs_reconnect', 'needs_permission', 'blocked')
             AND (status, error ->> 'key') IS DISTINCT FROM ($2, $5) RETURNING id`,
    values: [integrationId, status, JSON.stringify(error), isProbed, error.key],
  });
  if (rows.length === 0) return;
  await tellWaitingPosts(sql, integrationId, adviceFor({ status, error }) ?? error.action);
}

/** One that is being worked on is left out: its worker, or the planner, reads the integration's state itself. */
export async function tellWaitingPosts(
  sql: Sql,
  integrationId: string,
  text: string,
): Promise<void> {
  await setWaiting(sql, {
    name: 'posts_tell_waiting_for_integration',
    posts: `SELECT p.id, $2::jsonb AS waiting FROM social_publisher.social_posts p
            WHERE p.integration_id = $1 AND p.status = 'approved' AND p.next_run_at IS NOT NULL
              AND p.waiting IS DISTINCT FROM $2::jsonb
            ORDER BY p.id FOR UPDATE SKIP LOCKED`,
    values: [integrationId, JSON.stringify({ reason: 'integration', until: null, text })],
  });
}

/** Posts that were being planned when their account fell out of `active`: nobody else would tell them. */
export async function explainRecovery(sql: Sql): Promise<void> {
  const rows = await sql.query<{ id: string; status: string; error: ErrorRecord | null }>({
    name: 'integrations_with_forgotten_posts',
    text: `SELECT i.id, i.status, i.error FROM social_publisher.integrations i
           WHERE i.status <> 'active' AND EXISTS (
             SELECT FROM social_publisher.social_posts p
             WHERE p.integration_id = i.id AND p.status = 'approved' AND p.next_run_at IS NOT NULL
               AND p.waiting ->> 'reason' IS DISTINCT FROM 'integration')
           LIMIT 100`,
  });
  for (const { id, ...health } of rows) {
    const text = adviceFor(health);
    if (text !== null) await tellWaitingPosts(sql, id, text);
  }
}

export interface Standing {
  readonly status: string;
  readonly error: ErrorRecord | null;
  /** It is held for this much longer; null: it is not. */
  readonly heldMs: number | null;
  /** Why; null: a limit of the provider. */
  readonly heldFor: Hold | null;
  /** Its provider has not answered its last calls. */
  readonly isAiling: boolean;
  /** What is left of its provider's own budget is for publishing. */
  readonly isForPublishing: boolean;
}

const gone: Standing = {
  status: 'disconnected',
  error: null,
  heldMs: null,
  heldFor: null,
  isAiling: false,
  isForPublishing: false,
};

/** How an account stands at this moment, by the database's clock. One that is gone has no token either. */
export async function readStanding(sql: Sql, integrationId: string): Promise<Standing> {
  const [row] = await sql.query<Standing>({
    name: 'integrations_read_standing',
    text: `SELECT CASE WHEN status = 'active' AND sealed_token IS NULL THEN 'disconnected' ELSE status END AS status,
             error, held_for AS "heldFor", CASE WHEN held_until > clock_timestamp()
               THEN extract(epoch FROM held_until - clock_timestamp())::float8 * 1000 END AS "heldMs",
             ailing_since IS NOT NULL AS "isAiling",
             coalesce(i.usage_percent >= ${readsStopAt} AND ${isUsageFresh}, false) AS "isForPublishing"
           FROM social_publisher.integrations i WHERE id = $1`,
    values: [integrationId],
  });
  return row ?? gone;
}

/** Active again, because its provider was asked with this very token; its waiting posts are planned anew. */
export async function markHealed(
  tx: Sql,
  integration: { readonly id: string; readonly sealedToken: string },
): Promise<boolean> {
  const rows = await tx.query<{ id: string }>({
    name: 'integrations_mark_healed',
    text: `UPDATE social_publisher.integrations SET status = 'active', error = NULL, probe_at = NULL,
             verified_at = clock_timestamp(), updated_at = clock_timestamp()
           WHERE id = $1 AND sealed_token = $2
             AND status IN ('needs_reconnect', 'needs_permission', 'blocked') RETURNING id`,
    values: [integration.id, integration.sealedToken],
  });
  if (rows.length === 0) return false;
  await replan(tx, 'i.id = $1', [integration.id]);
  return true;
}

export interface ProbeRow extends SealedAccount {
  readonly id: string;
  readonly tenantId: string;
  readonly provider: string;
  readonly sealedToken: string;
}

/**
 * Integrations to be tried again, each due again later, ever less often the longer it has been out. Those that a pause
 * or a limit holds come when it is over.
 */
export async function claimProbes(
  sql: Sql,
  limit: number,
): Promise<readonly { readonly id: string; readonly probeAt: Date }[]> {
  return sql.query({
    name: 'integrations_claim_probes',
    text: `UPDATE social_publisher.integrations i SET probe_at = clock_timestamp() + least(${longestProbeAfter},
             greatest(${firstProbeAfter("i.error ->> 'key'")}, clock_timestamp() - (i.error ->> 'at')::timestamptz))
           FROM (SELECT i.id, i.probe_at FROM social_publisher.integrations i
                 WHERE i.probe_at <= statement_timestamp() AND i.sealed_token IS NOT NULL
                   AND i.status IN ('needs_reconnect', 'needs_permission', 'blocked')
                   AND (i.held_until IS NULL OR i.held_until <= statement_timestamp())
                   AND NOT coalesce(i.usage_percent >= ${readsStopAt} AND ${isUsageFresh}, false)
                   AND NOT ${isPausedSql}
                 ORDER BY i.probe_at LIMIT $1 FOR NO KEY UPDATE OF i SKIP LOCKED) x
           WHERE i.id = x.id RETURNING i.id, x.probe_at AS "probeAt"`,
    values: [limit],
  });
}

/** Null unless a person may have healed it since. */
export async function loadForProbe(sql: Sql, id: string): Promise<ProbeRow | null> {
  const [row] = await sql.query<ProbeRow>({
    name: 'integrations_load_for_probe',
    text: `SELECT i.id, i.tenant_id AS "tenantId", i.provider, ${sealedAccountSql}
           FROM social_publisher.integrations i
           WHERE i.id = $1 AND i.sealed_token IS NOT NULL AND i.probe_at IS NOT NULL
             AND i.status IN ('needs_reconnect', 'needs_permission', 'blocked')`,
    values: [id],
  });
  return row ?? null;
}

/** The budget had no room for it. */
export async function postponeProbe(sql: Sql, id: string): Promise<void> {
  await sql.query({
    name: 'integrations_postpone_probe',
    text: `UPDATE social_publisher.integrations SET probe_at = clock_timestamp() + interval '10 minutes'
           WHERE id = $1 AND probe_at IS NOT NULL`,
    values: [id],
  });
}

/** Nothing of it is claimed before `until`. Never shortens a longer hold. */
export async function holdIntegration(sql: Sql, integrationId: string, until: Date): Promise<void> {
  await sql.query({
    name: 'integrations_hold',
    text: `UPDATE social_publisher.integrations i
           SET ${holdSql('$2::timestamptz', 'NULL')}, updated_at = clock_timestamp() WHERE id = $1`,
    values: [integrationId, until],
  });
}

/** So many calls in a row without an answer are no accident of one of them. */
const ailingFrom = 3;
const outageHold = JSON.stringify({ scope: 'provider', text: outageText } satisfies Hold);

/**
 * A call for it was not answered, and that says nothing about what was asked: its posts go one at a time from now on,
 * and after a few such calls in a row it rests in between, longer the longer it lasts. True when that begins.
 */
export async function noteOutage(sql: Sql, integrationId: string): Promise<boolean> {
  const [row] = await sql.query<{ failures: number }>({
    name: 'integrations_note_outage',
    text: `WITH x AS (
             SELECT id, ailing_failures + 1 >= ${ailingFrom} AS holds,
               clock_timestamp() + least(interval '50 seconds', greatest(interval '10 seconds',
                 (clock_timestamp() - ailing_since) / 2)) AS until
             FROM social_publisher.integrations WHERE id = $1 FOR NO KEY UPDATE
           )
           UPDATE social_publisher.integrations i
           SET ailing_since = coalesce(i.ailing_since, clock_timestamp()), ailing_failures = i.ailing_failures + 1,
             ${holdSql('CASE WHEN x.holds THEN x.until END', 'CASE WHEN x.holds THEN $2::jsonb ELSE i.held_for END')}
           FROM x WHERE i.id = x.id RETURNING i.ailing_failures AS failures`,
    values: [integrationId, outageHold],
  });
  return row?.failures === ailingFrom;
}

/** A call for it was answered as it should: whatever waited for that goes on, and could not have started before. */
export async function endOutage(sql: Sql, integrationId: string): Promise<void> {
  await sql.query({
    name: 'integrations_end_outage',
    text: `UPDATE social_publisher.integrations SET ailing_since = NULL, ailing_failures = 0,
             held_until = CASE WHEN held_for ->> 'scope' = 'provider' THEN clock_timestamp()
               ELSE greatest(held_until, clock_timestamp()) END,
             held_for = CASE WHEN held_for ->> 'scope' = 'provider' THEN NULL ELSE held_for END
           WHERE id = $1 AND ailing_since IS NOT NULL`,
    values: [integrationId],
  });
}

interface LimitedApp {
  readonly login: LoginName;
  readonly appIds: readonly string[];
  /** Empty: of all tenants. */
  readonly tenantId: string;
}

/** Nothing of any integration of the app is claimed before `until`, at any provider: the app's own limit is used up. */
export async function holdApp(
  sql: Sql,
  { login, appIds, tenantId }: LimitedApp,
  until: Date,
): Promise<void> {
  await sql.query({
    name: 'integrations_hold_app',
    text: `WITH x AS MATERIALIZED (
             SELECT id FROM social_publisher.integrations WHERE app_id = ANY ($1::text[])
               AND login = $3 AND $4 IN ('', tenant_id::text)
               AND (held_until IS NULL OR held_until < $2) ORDER BY id FOR NO KEY UPDATE
           )
           UPDATE social_publisher.integrations i
           SET ${holdSql('$2::timestamptz', 'NULL')}, updated_at = clock_timestamp()
           FROM x WHERE i.id = x.id`,
    values: [appIds, until, login, tenantId],
  });
}

/**
 * Due posts of an account that is held say why, and until when: nothing else would touch them, as nothing claims them.
 * Resolves with how many were told.
 */
export async function explainHolds(sql: Sql): Promise<number> {
  return setWaiting(sql, {
    name: 'posts_tell_held',
    tables: `held AS MATERIALIZED (
      SELECT i.id, date_trunc('milliseconds', i.held_until) AS until, i.held_for ->> 'text' AS text,
        CASE WHEN i.held_for ->> 'scope' = 'app' THEN 'integration' ELSE 'meta_limit' END AS reason
      FROM social_publisher.integrations i
      WHERE i.status = 'active' AND i.held_until > statement_timestamp() AND NOT ${isPausedSql}
    )`,
    posts: `SELECT p.id, jsonb_build_object('reason', held.reason, 'text', coalesce(held.text, $1::text),
              'until', to_char(held.until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) AS waiting
            FROM held JOIN social_publisher.social_posts p ON p.integration_id = held.id
            WHERE p.status = 'approved' AND p.next_run_at <= statement_timestamp()
              AND (p.waiting ->> 'reason' IS DISTINCT FROM held.reason
                OR (p.waiting ->> 'until')::timestamptz < held.until
                OR (held.text IS NOT NULL AND p.waiting ->> 'text' IS DISTINCT FROM held.text))
            ORDER BY p.id LIMIT 5000 FOR UPDATE OF p SKIP LOCKED`,
    values: [waitingWhileHeld(null).text],
  });
}

/** The account refused a hand-over far ahead: it is not offered any beyond what it takes for certain for a day. */
export async function narrowWindow(sql: Sql, integrationId: string): Promise<void> {
  await sql.query({
    name: 'integrations_narrow_window',
    text: `UPDATE social_publisher.integrations SET near_window_until = clock_timestamp() + interval '1 day',
             updated_at = clock_timestamp() WHERE id = $1`,
    values: [integrationId],
  });
}
