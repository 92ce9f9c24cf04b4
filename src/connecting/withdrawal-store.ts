import type { Database, Sql } from '../db/client.ts';
import type { ErrorRecord } from '../errors.ts';
import { tellWaitingPosts } from '../integrations/health-store.ts';
import type { LoginName } from '../providers/account.ts';

/** The app of a tenant, or one of the operator's own: those count for every tenant. */
export interface AppOfPerson {
  readonly tenantId: string | null;
  readonly appId: string;
  /** Whose dialog it stands behind; of a tenant's app it says nothing. */
  readonly login: LoginName | null;
}

/** A person, as the apps that signed for them know them. */
export interface Person {
  readonly userId: string;
  readonly apps: readonly AppOfPerson[];
  /** When they said it: whoever connected again later has changed their mind. */
  readonly saidAt: Date;
}

export interface TenantsApp {
  readonly tenantId: string;
  readonly appId: string;
  readonly sealedSecret: string;
}

/** Every app of a tenant whose secret we hold. */
export async function listSealedApps({ prisma }: Database): Promise<readonly TenantsApp[]> {
  const rows = await prisma.app.findMany({
    where: { sealedSecret: { not: null } },
    select: { tenantId: true, appId: true, sealedSecret: true },
  });
  return rows.flatMap(({ sealedSecret, ...app }) =>
    sealedSecret === null ? [] : [{ ...app, sealedSecret }],
  );
}

/** Meta's clock and ours may differ by this much. */
const clockSlack = "interval '1 minute'";

/** Of a row with `tenant_id` and `app_id`: it belongs to one of the apps of $2. */
function isOfApps(row: string, ofLogin: string): string {
  return `EXISTS (SELECT FROM jsonb_to_recordset($2::jsonb) AS a("tenantId" uuid, "appId" text, login text)
    WHERE (a."tenantId" = ${row}.tenant_id AND a."appId" = ${row}.app_id)
       OR (a."tenantId" IS NULL AND ${row}.app_id IN ('', a."appId") ${ofLogin}))`;
}

const restsOnPerson = `i.user_id = $1 AND ${isOfApps('i', 'AND a.login = i.login')}
  AND (i.connected_at IS NULL OR i.connected_at <= $3::timestamptz + ${clockSlack})`;

export interface Withdrawn {
  readonly tenantId: string;
  readonly integrationId: string;
}

/** Everything that could act for the person is erased, and the posts that rested on it say why they wait. */
export async function eraseTokens(
  tx: Sql,
  person: Person,
  error: ErrorRecord,
): Promise<readonly Withdrawn[]> {
  // Logins before the integrations that rest on them, as everybody locks them.
  await dropLogins(tx, person);
  await dropPending(tx, person);
  const withdrawn = await tx.query<Withdrawn>({
    name: 'withdrawal_erase_tokens',
    text: `WITH x AS MATERIALIZED (
             SELECT i.id FROM social_publisher.integrations i WHERE ${restsOnPerson} ORDER BY i.id FOR NO KEY UPDATE
           )
           UPDATE social_publisher.integrations i
           SET status = CASE WHEN i.status = 'disconnected' THEN i.status ELSE 'needs_reconnect' END,
             error = CASE WHEN i.status = 'disconnected' THEN NULL ELSE $4::jsonb END,
             sealed_token = NULL, login_id = NULL, token_expires_at = NULL, data_access_expires_at = NULL,
             scopes = NULL, tasks = NULL, probe_at = NULL, proof_at = NULL, renew_at = NULL,
             updated_at = clock_timestamp()
           FROM x WHERE i.id = x.id RETURNING i.id AS "integrationId", i.tenant_id AS "tenantId"`,
    values: [...valuesOf(person), JSON.stringify(error)],
  });
  for (const { integrationId } of withdrawn) {
    await tellWaitingPosts(tx, integrationId, error.action);
  }
  return withdrawn;
}

async function dropLogins(tx: Sql, person: Person): Promise<void> {
  await tx.query({
    name: 'withdrawal_drop_logins',
    text: `DELETE FROM social_publisher.logins l WHERE l.user_id = $1 AND ${isOfApps('l', '')}
             AND l.updated_at <= $3::timestamptz + ${clockSlack}`,
    values: valuesOf(person),
  });
}

async function dropPending(tx: Sql, person: Person): Promise<void> {
  await tx.query({
    name: 'withdrawal_drop_pending',
    text: `DELETE FROM social_publisher.connections c
           WHERE c.user_id = $1 AND ${isOfApps('c', 'AND a.login = c.login')}
             AND c.created_at <= $3::timestamptz + ${clockSlack}`,
    values: valuesOf(person),
  });
}

/**
 * After `eraseTokens`, in the same transaction: nothing names the person any more. Where the login is the account's own,
 * the account is the person, and its id and name go too.
 */
export async function erasePerson(tx: Sql, person: Person): Promise<void> {
  await tx.query({
    name: 'withdrawal_erase_person',
    text: `UPDATE social_publisher.integrations i
           SET user_id = NULL, username = NULL,
             name = CASE WHEN i.login = 'instagram' THEN NULL ELSE i.name END,
             external_account_id = CASE WHEN i.login = 'instagram' THEN 'deleted-' || i.id
               ELSE i.external_account_id END
           WHERE ${restsOnPerson}`,
    values: valuesOf(person),
  });
}

function valuesOf({ userId, apps, saidAt }: Person): readonly unknown[] {
  return [userId, JSON.stringify(apps), saidAt];
}

/** What of a deletion is kept for good. */
export interface Deletion {
  readonly code: string;
  readonly subjectHash: Buffer;
}

/** Told again: nothing changes. */
export async function keepDeletion(tx: Sql, { code, subjectHash }: Deletion): Promise<void> {
  await tx.query({
    name: 'withdrawal_keep_deletion',
    text: `INSERT INTO social_publisher.deletions (code, subject_hash, done_at)
           VALUES ($1, $2, clock_timestamp()) ON CONFLICT (code) DO NOTHING`,
    values: [code, subjectHash],
  });
}

export interface DeletionStatus {
  readonly requestedAt: Date;
  readonly doneAt: Date | null;
}

export async function findDeletion(
  { prisma }: Database,
  code: string,
): Promise<DeletionStatus | null> {
  return prisma.deletion.findUnique({
    where: { code },
    select: { requestedAt: true, doneAt: true },
  });
}
