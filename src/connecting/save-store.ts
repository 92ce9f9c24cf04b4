import { randomUUID } from 'node:crypto';
import type { Database, Sql } from '../db/client.ts';
import type { Sealed } from '../integrations/account.ts';
import type { Integration } from '../integrations/integration.ts';
import {
  getIntegration,
  learn,
  noSuchIntegration,
  sealedAccountSql,
} from '../integrations/store.ts';
import { replan } from '../posts/store.ts';
import type { Seen } from '../providers/capabilities.ts';
import type { Grant, Renewal, VerifiedAccount } from '../providers/connecting.ts';

/** An account with a token that was proven. */
export interface ProvenAccount
  extends Pick<
    Integration,
    | 'tenantId'
    | 'provider'
    | 'externalAccountId'
    | 'name'
    | 'username'
    | 'appId'
    | 'login'
    | 'dataAccessExpiresAt'
    | 'scopes'
    | 'tasks'
  > {
  /** The person behind the token, as that app knows them. */
  readonly userId: string | null;
  readonly expiresAt: Date | null;
  readonly issuedAt: Issued;
  readonly seen: Seen;
  /** How the token itself is exchanged before its end; null: it is not. */
  readonly renewal: Renewal | null;
  /** The person's own token, on which this one and others rest; null: we do not have it. */
  readonly consent: Consent | null;
  /** The id that a new integration gets. */
  readonly newId: string;
  /** Seals the token for the integration that it will belong to. */
  seal(integrationId: string): string;
}

/** Null: nobody told. */
type Issued = Date | 'now' | null;

export interface Consent extends Pick<Grant, 'expiresAt' | 'dataAccessExpiresAt'> {
  readonly userId: string;
  readonly renewal: Renewal | null;
  /** Seals the token for the login that it will belong to. */
  seal(loginId: string): string;
}

/** By its id every row has a place of its own between 0 and 1, so that what is due for many spreads. */
const shareSql = (id: string) => `(('x' || right(${id}::text, 6))::bit(24)::int / 16777216.0)`;

/** SQL: when a token is next proven, about a day from now. */
const nextProofSql = (id: string) =>
  `(clock_timestamp() + interval '24 hours' + (${shareSql(id)} - 0.5) * interval '12 hours')`;

/**
 * SQL: when a token is exchanged for a new one: inside the days that the login names, never where the network would
 * refuse, and a day before its end at the latest. Parameters from `first` on: those of `renewalValues`.
 */
function renewAtSql(id: string, first: number): string {
  const [is, issued, expires, earliest, from, to] = [0, 1, 2, 3, 4, 5].map((next) => first + next);
  const since = (days: string) =>
    `coalesce($${issued}::timestamptz, clock_timestamp()) + (${days}) * interval '1 day'`;
  return `CASE WHEN $${is} THEN greatest(${since(`$${earliest}::float8`)},
    least(${since(`$${from}::float8 + ${shareSql(id)} * ($${to}::float8 - $${from}::float8)`)},
      $${expires}::timestamptz - interval '1 day')) END`;
}

/**
 * The values for `renewAtSql`: whether it is exchanged at all, issued at, expires at, and the three days. Of a token that
 * comes without its age the network tells no end either: nobody knows how long it can wait, and its renewal is near.
 */
function renewalValues({
  renewal,
  issuedAt,
  expiresAt,
}: Pick<ProvenAccount, 'renewal' | 'issuedAt' | 'expiresAt'>): readonly unknown[] {
  const since = issuedAt === 'now' ? null : issuedAt;
  const mayEnd = expiresAt !== null || issuedAt === null;
  if (renewal === null || !mayEnd) return [false, since, expiresAt, null, null, null];
  const { earliestDay, fromDay, toDay } = renewal;
  const days = issuedAt === null ? [earliestDay, earliestDay + 1] : [fromDay, toDay];
  return [true, since, expiresAt, earliestDay, ...days];
}

/**
 * Saves an account whose token was proven: the one place where tokens are saved. One that the tenant knows keeps its id
 * and gets the new token, is active again, and its approved posts are planned anew. Of several at once the last one's
 * token stays.
 */
export async function saveIntegration(
  db: Database,
  account: ProvenAccount,
): Promise<{ readonly integration: Integration; readonly isNew: boolean }> {
  return db.transaction(async (tx) => {
    await lockLogins(tx, account.tenantId);
    const loginId = account.consent === null ? null : await saveLogin(tx, account, account.consent);
    const isNew = await insertIntegration(tx, account);
    const id = isNew ? account.newId : await lockIntegration(tx, account);
    await writeToken(tx, id, account, loginId);
    await learn(tx, id, account.seen);
    await replan(tx, 'i.id = $1', [id]);
    await dropUnusedLogins(tx, account.tenantId);
    return { integration: await getIntegration(tx, account.tenantId, id), isNew };
  });
}

async function insertIntegration(tx: Sql, account: ProvenAccount): Promise<boolean> {
  const created = await tx.query({
    text: `INSERT INTO social_publisher.integrations (id, tenant_id, provider, external_account_id, sealed_token)
           VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id`,
    values: [
      account.newId,
      account.tenantId,
      account.provider,
      account.externalAccountId,
      account.seal(account.newId),
    ],
  });
  return created.length > 0;
}

async function lockIntegration(tx: Sql, account: ProvenAccount): Promise<string> {
  const [known] = await tx.query<{ readonly id: string }>({
    text: `SELECT id FROM social_publisher.integrations
            WHERE tenant_id = $1 AND provider = $2 AND external_account_id = $3 FOR UPDATE`,
    values: [account.tenantId, account.provider, account.externalAccountId],
  });
  if (known === undefined) throw noSuchIntegration();
  return known.id;
}

async function writeToken(
  tx: Sql,
  id: string,
  account: ProvenAccount,
  loginId: string | null,
): Promise<void> {
  await tx.query({
    text: `UPDATE social_publisher.integrations i
              SET sealed_token = $2, name = coalesce($3, name), username = coalesce($4, username), status = 'active',
                  error = NULL, probe_at = NULL, app_id = $5, login = $6, login_id = $7, user_id = $8,
                  token_expires_at = $14, data_access_expires_at = $9, scopes = $10, tasks = $11,
                  connected_at = clock_timestamp(), verified_at = clock_timestamp(), updated_at = clock_timestamp(),
                  proof_at = ${nextProofSql('i.id')},
                  renew_at = ${renewAtSql('i.id', 12)}, renewals_failed = 0
            WHERE id = $1`,
    values: [
      id,
      account.seal(id),
      account.name,
      account.username,
      account.appId,
      account.login,
      loginId,
      account.userId,
      account.dataAccessExpiresAt,
      account.scopes,
      account.tasks,
      ...renewalValues(account),
    ],
  });
}

/** One row a person and app, whichever of its accounts are connected: the newest consent is the one that holds. */
async function saveLogin(
  tx: Sql,
  { tenantId, appId }: ProvenAccount,
  consent: Consent,
): Promise<string> {
  const id = randomUUID();
  const [known] = await tx.query<{ readonly id: string }>({
    text: `INSERT INTO social_publisher.logins (id, tenant_id, app_id, user_id, sealed_token)
           VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (tenant_id, app_id, user_id) DO UPDATE SET updated_at = clock_timestamp() RETURNING id`,
    values: [id, tenantId, appId, consent.userId, consent.seal(id)],
  });
  if (known === undefined) throw new Error('a login was not saved');
  await renewApart(tx, known.id);
  await tx.query({
    text: `UPDATE social_publisher.logins l
              SET sealed_token = $2, data_access_expires_at = $3, expires_at = $6, updated_at = clock_timestamp(),
                  renew_at = ${renewAtSql('l.id', 4)}, renewals_failed = 0
            WHERE id = $1`,
    values: [
      known.id,
      consent.seal(known.id),
      consent.dataAccessExpiresAt,
      ...renewalValues({ ...consent, issuedAt: 'now' }),
    ],
  });
  return known.id;
}

/**
 * The token of an earlier consent is not the login's any more, whose renewal would have been its own. Only that of a
 * person ends by time.
 */
async function renewApart(tx: Sql, loginId: string): Promise<void> {
  await tx.query({
    text: `UPDATE social_publisher.integrations
              SET renew_at = greatest(clock_timestamp() + interval '1 day', token_expires_at - interval '10 days')
            WHERE login_id = $1 AND token_expires_at IS NOT NULL AND renew_at IS NULL AND sealed_token IS NOT NULL`,
    values: [loginId],
  });
}

/** The token of an integration, and the consent that it rests on. */
export interface RestingToken extends Sealed {
  readonly provider: string;
  readonly userId: string | null;
  readonly loginId: string | null;
  /** Of the person; null: we have none. */
  readonly sealedLogin: string | null;
}

/** Throws NotFoundError, also for an integration of another tenant. */
export async function loadResting(sql: Sql, tenantId: string, id: string): Promise<RestingToken> {
  const [row] = await sql.query<RestingToken>({
    name: 'integrations_load_resting',
    text: `SELECT i.id AS "integrationId", i.tenant_id AS "tenantId", i.provider, ${sealedAccountSql},
             i.user_id AS "userId", i.login_id AS "loginId", l.sealed_token AS "sealedLogin"
           FROM social_publisher.integrations i LEFT JOIN social_publisher.logins l ON l.id = i.login_id
           WHERE i.id = $2 AND i.tenant_id = $1`,
    values: [tenantId, id],
  });
  if (row === undefined) throw noSuchIntegration();
  return row;
}

/**
 * Forgets the token; its posts wait. Again: nothing more happens. Throws NotFoundError. Answers what was forgotten, and
 * whether anybody's integration still rests on the consent of that person to one of these ids of the app.
 */
export async function disconnectIntegration(
  db: Database,
  tenantId: string,
  id: string,
  appIdsOf: (token: RestingToken) => readonly string[] = ({ appId }) => [appId],
): Promise<{ readonly forgotten: RestingToken; readonly isShared: boolean }> {
  return db.transaction(async (tx) => {
    await lockLogins(tx, tenantId);
    await tx.query({
      text: 'SELECT FROM social_publisher.integrations WHERE id = $1 FOR UPDATE',
      values: [id],
    });
    const forgotten = await loadResting(tx, tenantId, id);
    await tx.query({
      text: `UPDATE social_publisher.integrations
                SET status = 'disconnected', sealed_token = NULL, login_id = NULL, error = NULL, probe_at = NULL,
                    proof_at = NULL, renew_at = NULL, updated_at = clock_timestamp()
              WHERE id = $1`,
      values: [id],
    });
    await replan(tx, 'i.id = $1', [id]);
    await dropUnusedLogins(tx, tenantId);
    return { forgotten, isShared: await isConsentUsed(tx, forgotten.userId, appIdsOf(forgotten)) };
  });
}

/** By anybody: a network takes a consent back as a whole, for all accounts and all of our tenants. */
async function isConsentUsed(
  sql: Sql,
  userId: string | null,
  appIds: readonly string[],
): Promise<boolean> {
  const rows = await sql.query({
    text: `SELECT FROM social_publisher.integrations
            WHERE user_id = $1 AND app_id = ANY ($2::text[]) AND sealed_token IS NOT NULL
           UNION ALL
           SELECT FROM social_publisher.logins WHERE user_id = $1 AND app_id = ANY ($2::text[])
           UNION ALL
           SELECT FROM social_publisher.connections
            WHERE user_id = $1 AND app_id = ANY ($2::text[]) AND expires_at > clock_timestamp()`,
    values: [userId, appIds],
  });
  return rows.length > 0;
}

/** What a proof has shown, unless the token that was proven is no longer the one that it has. */
export async function writeProof(
  tx: Sql,
  { integrationId, sealedToken }: Pick<Sealed, 'integrationId' | 'sealedToken'>,
  verified: VerifiedAccount,
): Promise<void> {
  const { facts, name, username, tasks, seen } = verified;
  const expiresAt = facts === null || facts.expiresAt === 'unknown' ? undefined : facts.expiresAt;
  await tx.query({
    name: 'integrations_write_proof',
    text: `UPDATE social_publisher.integrations i
              SET name = coalesce(name, $3), username = coalesce($4, username), tasks = coalesce($5, tasks),
                  scopes = coalesce($6, scopes), user_id = coalesce(user_id, $7),
                  data_access_expires_at = coalesce($8, data_access_expires_at),
                  token_expires_at = CASE WHEN $9 THEN $10 ELSE token_expires_at END,
                  verified_at = clock_timestamp(), proof_at = ${nextProofSql('i.id')}
            WHERE id = $1 AND sealed_token = $2`,
    values: [
      integrationId,
      sealedToken,
      name,
      username,
      tasks,
      facts?.scopes ?? null,
      facts?.userId ?? null,
      facts?.dataAccessExpiresAt ?? null,
      expiresAt !== undefined,
      expiresAt instanceof Date ? expiresAt : null,
    ],
  });
  await learn(tx, integrationId, seen);
}

/**
 * Before the integrations that rest on them, by everybody who connects or disconnects: so nobody waits in a circle, and
 * no login is dropped on which an integration is just coming to rest.
 */
async function lockLogins(tx: Sql, tenantId: string): Promise<void> {
  await tx.query({
    text: 'SELECT FROM social_publisher.logins WHERE tenant_id = $1 ORDER BY id FOR UPDATE',
    values: [tenantId],
  });
}

/** Those on which nobody's token rests any more. */
async function dropUnusedLogins(tx: Sql, tenantId: string): Promise<void> {
  await tx.query({
    text: `DELETE FROM social_publisher.logins l WHERE l.tenant_id = $1 AND NOT EXISTS (
             SELECT FROM social_publisher.integrations i WHERE i.login_id = l.id AND i.sealed_token IS NOT NULL)`,
    values: [tenantId],
  });
}
