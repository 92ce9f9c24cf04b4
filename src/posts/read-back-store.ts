import type { Sql } from '../db/client.ts';
import type { Attention } from './post.ts';

/** How often a post is read back before its permalink is given up on. */
const maxReadBacks = 5;

/** Posts due for a read-back; each is due again later, until a read-back was written. */
export async function claimReadBacks(
  sql: Sql,
  limit: number,
): Promise<readonly { readonly id: string; readonly verifications: number }[]> {
  return sql.query({
    name: 'posts_claim_read_backs',
    text: `UPDATE social_publisher.social_posts p SET internal_write = true, verifications = p.verifications + 1,
             verify_at = CASE WHEN p.verifications + 1 < ${maxReadBacks}
               THEN clock_timestamp() + interval '5 minutes' * (p.verifications + 1) END
           FROM (SELECT id FROM social_publisher.social_posts
                 WHERE verify_at <= statement_timestamp() ORDER BY verify_at LIMIT $1 FOR UPDATE SKIP LOCKED) x
           WHERE p.id = x.id RETURNING p.id, p.verifications`,
    values: [limit],
  });
}

export interface ReadBackRow {
  readonly id: string;
  readonly tenantId: string;
  readonly integrationId: string;
  readonly provider: string;
  readonly status: string;
  readonly externalId: string;
  /** How often it was looked for so far, this time included. */
  readonly verifications: number;
  readonly sealedToken: string | null;
  readonly externalAccountId: string;
  readonly appId: string;
}

/** Null unless the post is at its provider and its integration is healthy. */
export async function loadForReadBack(sql: Sql, postId: string): Promise<ReadBackRow | null> {
  const [row] = await sql.query<ReadBackRow>({
    name: 'posts_load_for_read_back',
    text: `SELECT p.id, p.tenant_id AS "tenantId", p.integration_id AS "integrationId", p.provider, p.status,
             p.external_id AS "externalId", p.verifications, i.sealed_token AS "sealedToken",
             i.external_account_id AS "externalAccountId", i.app_id AS "appId"
           FROM social_publisher.social_posts p
           JOIN social_publisher.integrations i ON i.id = p.integration_id
           WHERE p.id = $1 AND p.external_id IS NOT NULL AND i.status = 'active'
             AND p.status IN ('published', 'scheduled', 'drafted')`,
    values: [postId],
  });
  return row ?? null;
}

/** What the provider said about the post; `attention` only ever adds, and a person's open question stays. */
export async function writeReadBack(
  sql: Sql,
  read: {
    readonly postId: string;
    readonly publishUrl: string | null;
    readonly attention: Attention | null;
  },
): Promise<void> {
  await sql.query({
    name: 'posts_write_read_back',
    text: `UPDATE social_publisher.social_posts SET internal_write = true, verify_at = NULL,
             publish_url = coalesce($2, publish_url), attention = coalesce(attention, $3)
           WHERE id = $1 AND status IN ('published', 'scheduled', 'drafted')`,
    values: [
      read.postId,
      read.publishUrl,
      read.attention === null ? null : JSON.stringify(read.attention),
    ],
  });
}

/** Of these ids at a provider, those that a post of ours is bound to. */
export async function readBoundIds(
  sql: Sql,
  provider: string,
  externalIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql.query<{ external_id: string }>({
    name: 'posts_read_bound_ids',
    text: `SELECT external_id FROM social_publisher.social_posts
           WHERE provider = $1 AND external_id = ANY ($2::text[])`,
    values: [provider, externalIds],
  });
  return new Set(rows.map((row) => row.external_id));
}
