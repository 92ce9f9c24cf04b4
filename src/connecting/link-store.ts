import { createHash, randomBytes } from 'node:crypto';
import type { Sql } from '../db/client.ts';

const livesDays = 7;

/** An address under which a person without an account here connects accounts for a tenant. */
export interface ConnectLink {
  readonly url: string;
  readonly expiresAt: Date;
}

/** The address holds the only copy of its token, of which the database has the hash: it is shown once. */
export async function createConnectLink(
  { db, publicUrl }: { readonly db: Sql; readonly publicUrl: string },
  link: { readonly tenantId: string; readonly provider: string | null },
): Promise<ConnectLink> {
  const token = `sp_connect_${randomBytes(32).toString('base64url')}`;
  const [made] = await db.query<{ expiresAt: Date }>({
    name: 'create_connect_link',
    text: `INSERT INTO social_publisher.connect_links (token_hash, tenant_id, provider, expires_at)
           VALUES ($1, $2, $3, clock_timestamp() + interval '${livesDays} days') RETURNING expires_at AS "expiresAt"`,
    values: [hashOf(token), link.tenantId, link.provider],
  });
  if (made === undefined) throw new Error('A link was not stored.');
  return { url: `${publicUrl}/connect/${token}`, expiresAt: made.expiresAt };
}

/** What a link is good for. */
export interface LinkGrant {
  readonly tenantId: string;
  readonly tenantName: string;
  /** Null: any. */
  readonly provider: string | null;
  readonly isOver: boolean;
}

/** As it is now, and for a while after its end; undefined: nobody made such a link. */
export async function findConnectLink(sql: Sql, token: string): Promise<LinkGrant | undefined> {
  const [found] = await sql.query<LinkGrant>({
    name: 'find_connect_link',
    text: `SELECT l.tenant_id AS "tenantId", t.name AS "tenantName", l.provider,
             l.expires_at <= clock_timestamp() AS "isOver"
           FROM social_publisher.connect_links l JOIN social_publisher.tenants t ON t.id = l.tenant_id
           WHERE l.token_hash = $1`,
    values: [hashOf(token)],
  });
  return found;
}

/** A plain hash is enough: there is nothing to guess in 256 random bits. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}
