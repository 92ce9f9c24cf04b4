import type { Sql } from '../db/client.ts';
import type { Sealed } from '../integrations/account.ts';
import type { IntegrationStatus } from '../integrations/integration.ts';
import { isPausedSql } from '../integrations/pause-store.ts';
import { sealedAccountSql } from '../integrations/store.ts';
import type { TokenFacts } from '../providers/connecting.ts';

const outOfActive = `('needs_reconnect', 'needs_permission')`;

/**
 * Integrations whose token is to be proven, each due again at the same time of another day: a day in which nothing could
 * be proven does not bring all of them to one hour.
 */
export async function claimProofs(
  sql: Sql,
  limit: number,
): Promise<readonly { readonly id: string; readonly proofAt: Date }[]> {
  return sql.query({
    name: 'integrations_claim_proofs',
    text: `UPDATE social_publisher.integrations i SET proof_at = i.proof_at
             + interval '1 day' * (1 + floor(extract(epoch FROM clock_timestamp() - i.proof_at) / 86400))
           FROM (SELECT i.id, i.proof_at FROM social_publisher.integrations i
                 WHERE i.proof_at <= statement_timestamp() AND i.sealed_token IS NOT NULL AND NOT ${isPausedSql}
                 ORDER BY i.proof_at LIMIT $1 FOR NO KEY UPDATE OF i SKIP LOCKED) x
           WHERE i.id = x.id RETURNING i.id, x.proof_at AS "proofAt"`,
    values: [limit],
  });
}

/**
 * A token that has not been asked about for hours is, before a post of its account is due: what has ended is told while
 * there is time to do something.
 */
export async function hastenProofsBeforePosts(sql: Sql): Promise<void> {
  await sql.query({
    name: 'integrations_hasten_proofs_before_posts',
    text: `UPDATE social_publisher.integrations SET proof_at = clock_timestamp() WHERE id IN (
             SELECT i.id FROM social_publisher.integrations i
             WHERE i.status = 'active' AND i.proof_at > clock_timestamp()
               AND i.proof_at <= clock_timestamp() + interval '21 hours' AND EXISTS (
                 SELECT FROM social_publisher.social_posts p WHERE p.integration_id = i.id AND p.status = 'approved'
                   AND p.scheduled_at BETWEEN clock_timestamp() AND clock_timestamp() + interval '3 hours')
             FOR NO KEY UPDATE OF i SKIP LOCKED)`,
  });
}

/** An integration with what it takes to ask about its token. */
export interface TokenRow extends Sealed {
  readonly provider: string;
  readonly status: IntegrationStatus;
  readonly sealedToken: string;
  readonly tokenExpiresAt: Date | null;
  /** Its renewal is due before long, or has failed. One of unknown end may be too young for it. */
  readonly isRenewalNear: boolean;
  /** Of the database. */
  readonly now: Date;
}

/** Null once it is disconnected. */
export async function loadToken(sql: Sql, id: string): Promise<TokenRow | null> {
  const [row] = await sql.query<TokenRow>({
    name: 'integrations_load_token',
    text: `SELECT i.id AS "integrationId", i.tenant_id AS "tenantId", i.provider, i.status,
             i.token_expires_at AS "tokenExpiresAt", clock_timestamp() AS now,
             coalesce(i.renewals_failed > 0 OR i.token_expires_at IS NOT NULL
               AND i.renew_at < clock_timestamp() + interval '14 days', false) AS "isRenewalNear",
             ${sealedAccountSql}
           FROM social_publisher.integrations i WHERE i.id = $1 AND i.sealed_token IS NOT NULL`,
    values: [id],
  });
  return row ?? null;
}

type Held = Pick<TokenRow, 'integrationId' | 'sealedToken'>;

/** Whether this is its token still; nobody replaces it before the transaction ends. */
export async function lockToken(tx: Sql, { integrationId, sealedToken }: Held): Promise<boolean> {
  const rows = await tx.query({
    name: 'integrations_lock_token',
    text: `SELECT FROM social_publisher.integrations WHERE id = $1 AND sealed_token = $2 FOR NO KEY UPDATE`,
    values: [integrationId, sealedToken],
  });
  return rows.length > 0;
}

/** What was not told stays as it is known. */
export async function writeFacts(tx: Sql, id: string, facts: TokenFacts): Promise<void> {
  const { scopes, dataAccessExpiresAt, expiresAt, userId } = facts;
  await tx.query({
    name: 'integrations_write_facts',
    text: `UPDATE social_publisher.integrations SET scopes = coalesce($2, scopes), user_id = coalesce($3, user_id),
             data_access_expires_at = coalesce($4, data_access_expires_at),
             token_expires_at = CASE WHEN $5 THEN $6 ELSE token_expires_at END
           WHERE id = $1`,
    values: [
      id,
      scopes,
      userId,
      dataAccessExpiresAt,
      expiresAt !== 'unknown',
      expiresAt instanceof Date ? expiresAt : null,
    ],
  });
}

/** The provider finds nothing wrong with its token any more: whether it works is tried soon. */
export async function hastenProbe(tx: Sql, id: string): Promise<void> {
  await tx.query({
    name: 'integrations_hasten_probe',
    text: `UPDATE social_publisher.integrations SET probe_at = least(probe_at, clock_timestamp())
           WHERE id = $1 AND status IN ${outOfActive}`,
    values: [id],
  });
}

/** It could not be proven this time: once more before the day is over. */
export async function postponeProof(sql: Sql, id: string): Promise<void> {
  await sql.query({
    name: 'integrations_postpone_proof',
    text: `UPDATE social_publisher.integrations
           SET proof_at = least(proof_at, clock_timestamp() + interval '30 minutes' * (1 + random())) WHERE id = $1`,
    values: [id],
  });
}

/** The token of a person has ended: those that came from it are proven now. */
export async function hastenProofs(sql: Sql, loginId: string): Promise<void> {
  await sql.query({
    name: 'logins_hasten_proofs',
    text: `UPDATE social_publisher.integrations SET proof_at = clock_timestamp()
           WHERE id IN (SELECT id FROM social_publisher.integrations
                        WHERE login_id = $1 AND sealed_token IS NOT NULL FOR NO KEY UPDATE SKIP LOCKED)`,
    values: [loginId],
  });
}

/** An integration or a login, whichever token is to be exchanged. */
export interface Renewable {
  readonly kind: 'integration' | 'login';
  readonly id: string;
}

/** The pause after which a renewal comes again whose job was lost; who fails says a longer one. */
const lostAfter = "interval '10 minutes'";

/** Tokens to be exchanged. What waits for a person is not: nobody knows whether its token lives. */
export async function claimRenewals(
  sql: Sql,
  limit: number,
): Promise<readonly (Renewable & { readonly renewAt: Date })[]> {
  return sql.query({
    name: 'tokens_claim_renewals',
    text: `WITH i AS (
             UPDATE social_publisher.integrations i SET renew_at = clock_timestamp() + ${lostAfter}
             FROM (SELECT i.id, i.renew_at FROM social_publisher.integrations i
                   WHERE i.renew_at <= statement_timestamp() AND i.sealed_token IS NOT NULL
                     AND i.status IN ('active', 'needs_permission', 'blocked') AND NOT ${isPausedSql}
                   ORDER BY i.renew_at LIMIT $1 FOR NO KEY UPDATE OF i SKIP LOCKED) x
             WHERE i.id = x.id RETURNING i.id, x.renew_at
           ), l AS (
             UPDATE social_publisher.logins l SET renew_at = clock_timestamp() + ${lostAfter}
             FROM (SELECT l.id, l.renew_at FROM social_publisher.logins l WHERE l.renew_at <= statement_timestamp()
                   ORDER BY l.renew_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED) x
             WHERE l.id = x.id RETURNING l.id, x.renew_at
           )
           SELECT 'integration' AS kind, id, renew_at AS "renewAt" FROM i
           UNION ALL SELECT 'login', id, renew_at FROM l`,
    values: [limit],
  });
}

/** A login with what it takes to exchange its token. */
export interface LoginRow extends Omit<Sealed, 'integrationId'> {
  readonly id: string;
  readonly sealedToken: string;
  /** By the clock of the database. */
  readonly isOver: boolean;
  readonly now: Date;
}

export async function loadLogin(sql: Sql, id: string): Promise<LoginRow | null> {
  const [row] = await sql.query<LoginRow>({
    name: 'logins_load',
    // The only network whose people have tokens apart from those of their accounts.
    text: `SELECT i.id, i.tenant_id AS "tenantId", clock_timestamp() AS now,
             coalesce(i.expires_at <= clock_timestamp(), false) AS "isOver", ${sealedAccountSql}
           FROM (SELECT *, user_id AS external_account_id, 'facebook' AS login FROM social_publisher.logins) i
           WHERE i.id = $1`,
    values: [id],
  });
  return row ?? null;
}

export interface HeldToken extends Held {
  readonly tenantId: string;
}

/** Of the accounts that rest on a login. */
export async function lockTokensOf(tx: Sql, loginId: string): Promise<readonly HeldToken[]> {
  return tx.query({
    name: 'logins_lock_tokens',
    text: `SELECT id AS "integrationId", tenant_id AS "tenantId", sealed_token AS "sealedToken"
           FROM social_publisher.integrations WHERE login_id = $1 AND sealed_token IS NOT NULL
           ORDER BY id FOR NO KEY UPDATE`,
    values: [loginId],
  });
}

export interface NewToken {
  readonly sealed: string;
  readonly expiresAt: Date | null;
  readonly dataAccessExpiresAt: Date | null;
  /** From now; null: it need not be renewed any more, or by somebody else. */
  readonly renewsInMs: number | null;
}

/** False: it is no longer the token that was exchanged, and whoever replaced it has a newer one. */
export async function replaceToken(tx: Sql, held: Held, next: NewToken): Promise<boolean> {
  const rows = await tx.query({
    name: 'integrations_replace_token',
    text: `UPDATE social_publisher.integrations SET sealed_token = $3, token_expires_at = $4,
             data_access_expires_at = coalesce($5, data_access_expires_at), renewals_failed = 0,
             renew_at = clock_timestamp() + $6 * interval '1 millisecond'
           WHERE id = $1 AND sealed_token = $2 RETURNING id`,
    values: [held.integrationId, held.sealedToken, ...valuesOf(next)],
  });
  return rows.length > 0;
}

/** The same of a login. */
export async function replaceLogin(
  tx: Sql,
  login: Pick<LoginRow, 'id' | 'sealedToken'>,
  next: NewToken,
): Promise<boolean> {
  const rows = await tx.query({
    name: 'logins_replace_token',
    text: `UPDATE social_publisher.logins SET sealed_token = $3, expires_at = $4, renewals_failed = 0,
             data_access_expires_at = coalesce($5, data_access_expires_at), updated_at = clock_timestamp(),
             renew_at = clock_timestamp() + $6 * interval '1 millisecond'
           WHERE id = $1 AND sealed_token = $2 RETURNING id`,
    values: [login.id, login.sealedToken, ...valuesOf(next)],
  });
  return rows.length > 0;
}

function valuesOf({ sealed, expiresAt, dataAccessExpiresAt, renewsInMs }: NewToken) {
  return [sealed, expiresAt, dataAccessExpiresAt, renewsInMs];
}

const tableOf = { integration: 'integrations', login: 'logins' } as const;

/** It failed once more; told is how often in a row that makes. */
export async function noteFailedRenewal(sql: Sql, { kind, id }: Renewable): Promise<number> {
  const [row] = await sql.query<{ failures: number }>({
    name: `${tableOf[kind]}_note_failed_renewal`,
    text: `UPDATE social_publisher.${tableOf[kind]} SET renewals_failed = renewals_failed + 1
           WHERE id = $1 RETURNING renewals_failed AS failures`,
    values: [id],
  });
  return row?.failures ?? 1;
}

/** Tries again then; null: never. One that was replaced meanwhile keeps the time of its new token. */
export async function postponeRenewal(
  sql: Sql,
  { kind, id }: Renewable,
  then: { readonly sealedToken: string; readonly inMs: number | null },
): Promise<void> {
  await sql.query({
    name: `${tableOf[kind]}_postpone_renewal`,
    text: `UPDATE social_publisher.${tableOf[kind]}
           SET renew_at = clock_timestamp() + $3 * interval '1 millisecond' WHERE id = $1 AND sealed_token = $2`,
    values: [id, then.sealedToken, then.inMs],
  });
}
