import { z } from 'zod';
import type { Sql } from '../db/client.ts';
import { AppError, NotFoundError } from '../errors.ts';
import type { LoginName } from '../providers/account.ts';
import { capabilities } from '../providers/capabilities.ts';
import type { Candidate, Grant } from '../providers/connecting.ts';
import { Secret } from '../secret.ts';
import { type Binding, purposes, type Vault } from '../vault.ts';

/** What a person consented to. */
export interface Consented {
  readonly grant: Grant;
  readonly accounts: readonly Candidate[];
}

/** A consent whose accounts may be chosen. */
export interface PendingConnection extends Consented {
  readonly id: string;
  readonly tenantId: string;
  readonly provider: string;
  readonly login: LoginName;
  readonly appId: string;
  readonly expiresAt: Date;
}

const secret = z.string().transform((value) => new Secret(value));
const date = z.iso.datetime().transform((value) => new Date(value));
const capabilityNames = capabilities.map(({ name }) => name);
const names = z.array(z.string());
const consented = z.object({
  grant: z.object({
    token: secret,
    userId: z.string().nullable(),
    expiresAt: date.nullable(),
    dataAccessExpiresAt: date.nullable(),
    scopes: names.nullable(),
  }),
  accounts: z.array(
    z.object({
      externalAccountId: z.string(),
      name: z.string().nullable(),
      username: z.string().nullable(),
      token: secret.nullable(),
      tasks: names.nullable(),
      seen: z.partialRecord(z.enum(capabilityNames), z.enum(['yes', 'no'])),
      reason: z
        .object({
          code: z.string(),
          text: z.string(),
          who: z.enum(['nobody', 'author', 'tenant_admin', 'operator', 'meta']),
        })
        .nullable(),
    }),
  ),
}) satisfies z.ZodType<Consented>;

function sealed(vault: Vault, { grant, accounts }: Consented, binding: Binding): string {
  const opened = {
    grant: { ...grant, token: grant.token.reveal() },
    accounts: accounts.map((one) => ({ ...one, token: one.token?.reveal() ?? null })),
  };
  return vault.seal(new Secret(JSON.stringify(opened)), binding);
}

function bindingOf(tenantId: string, connectionId: string): Binding {
  return { tenantId, integrationId: connectionId, purpose: purposes.connection };
}

/** Keeps the tokens for the quarter of an hour in which accounts are chosen. */
export async function saveConnection(
  { db, vault }: { readonly db: Sql; readonly vault: Vault },
  connection: Omit<PendingConnection, 'expiresAt'>,
): Promise<void> {
  const { id, tenantId, provider, login, appId, grant } = connection;
  await db.query({
    text: `INSERT INTO social_publisher.connections (id, tenant_id, provider, login, app_id, user_id, sealed, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + interval '15 minutes')`,
    values: [
      id,
      tenantId,
      provider,
      login,
      appId,
      grant.userId,
      sealed(vault, connection, bindingOf(tenantId, id)),
    ],
  });
}

type Row = Omit<PendingConnection, keyof Consented> & { readonly sealed: string };

/** Throws NotFoundError `no_pending_connection`, also for another tenant's, and once its time is over. */
export async function loadPending(
  { db, vault }: { readonly db: Sql; readonly vault: Vault },
  tenantId: string,
  id: string,
  /** Any, unless one is named. */
  provider: string | null = null,
): Promise<PendingConnection> {
  const [row] = await db.query<Row>({
    name: 'connections_load',
    text: `SELECT id, tenant_id AS "tenantId", provider, login, app_id AS "appId", sealed, expires_at AS "expiresAt"
           FROM social_publisher.connections
           WHERE tenant_id = $1 AND id = $2 AND expires_at > clock_timestamp() AND provider = coalesce($3, provider)`,
    values: [tenantId, id, provider],
  });
  if (row === undefined) throw noPendingConnection();
  const { sealed: text, ...rest } = row;
  return { ...rest, ...open(vault, text, bindingOf(tenantId, id)) };
}

/** The key that sealed it may be gone: then it is over a little early. */
function open(vault: Vault, text: string, binding: Binding): Consented {
  try {
    return consented.parse(JSON.parse(vault.open(text, binding).reveal()));
  } catch (error) {
    if (error instanceof AppError) throw noPendingConnection();
    throw error;
  }
}

function noPendingConnection(): NotFoundError {
  const text = 'There is no such connection, or its 15 minutes are over: connect again.';
  return new NotFoundError('no_pending_connection', text);
}

/** The tenant's integrations with these accounts, by account. */
export async function findIntegrationIds(
  sql: Sql,
  { tenantId, provider, accounts }: Pick<PendingConnection, 'tenantId' | 'provider' | 'accounts'>,
): Promise<ReadonlyMap<string, string>> {
  const rows = await sql.query<{ readonly account: string; readonly id: string }>({
    name: 'connections_integrations',
    text: `SELECT external_account_id AS account, id FROM social_publisher.integrations
           WHERE tenant_id = $1 AND provider = $2 AND external_account_id = ANY ($3::text[])`,
    values: [tenantId, provider, accounts.map((one) => one.externalAccountId)],
  });
  return new Map(rows.map(({ account, id }) => [account, id]));
}
