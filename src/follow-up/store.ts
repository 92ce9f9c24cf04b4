import type { Sql } from '../db/client.ts';
import type { SealedAccount } from '../integrations/account.ts';
import { sealedAccountSql } from '../integrations/store.ts';
import { updatePosts } from '../posts/store.ts';
import type { HeldPost } from './verify.ts';

/** Posts due for a look; each is due again soon, until the job has said when it really is. */
export async function claimReadBacks(
  sql: Sql,
  limit: number,
): Promise<readonly { readonly id: string; readonly verifications: number }[]> {
  return sql.query({
    name: 'posts_claim_read_backs',
    text: `${updatePosts} verifications = p.verifications + 1,
             verify_at = CASE WHEN p.external_id IS NOT NULL AND p.status IN ('published', 'scheduled', 'drafted')
               THEN clock_timestamp() + interval '5 minutes' END
           FROM (SELECT id FROM social_publisher.social_posts
                 WHERE verify_at <= statement_timestamp() ORDER BY verify_at LIMIT $1 FOR UPDATE SKIP LOCKED) x
           WHERE p.id = x.id RETURNING p.id, p.verifications`,
    values: [limit],
  });
}

/** A post at its provider, with what it takes to ask there. */
export interface HeldRow extends HeldPost, SealedAccount {
  readonly id: string;
  readonly tenantId: string;
  readonly integrationId: string;
  readonly provider: string;
  readonly version: number;
  readonly message: string | null;
  readonly link: string | null;
  readonly appendLink: boolean;
  /** The text that its attempt sent. */
  readonly sentMessage: string | null;
  readonly attention: { readonly reason: string } | null;
  readonly change: unknown;
  /** See `providers/capabilities.ts`. */
  readonly capabilities: unknown;
}

/** Null unless the post is at its provider. */
export async function loadHeld(sql: Sql, postId: string): Promise<HeldRow | null> {
  const [row] = await sql.query<HeldRow>({
    name: 'posts_load_held',
    text: `SELECT p.id, p.tenant_id AS "tenantId", p.integration_id AS "integrationId", p.provider, p.status,
             p.version, p.message, p.link, p.append_link AS "appendLink", p.scheduled_at AS "scheduledAt", p.external_id AS "externalId", p.attention,
             p.change, p.seen_at AS "seenAt", p.missing_at AS "missingAt",
             coalesce(a.sent_at, p.approved_at, p.created_at) AS "madeAt",
             ${sealedAccountSql}, i.capabilities,
             a.content ->> 'message' AS "sentMessage", clock_timestamp() AS now
           FROM social_publisher.social_posts p
           JOIN social_publisher.integrations i ON i.id = p.integration_id
           LEFT JOIN social_publisher.publish_attempts a ON a.post_id = p.id AND a.state = 'confirmed'
           WHERE p.id = $1 AND p.external_id IS NOT NULL AND p.status IN ('published', 'scheduled', 'drafted')`,
    values: [postId],
  });
  return row ?? null;
}

/**
 * Changes that are due to be made at their provider; each is due again when its worker should long have ended. One
 * whose post is no longer there to be changed is left to its column.
 */
export async function claimChanges(
  sql: Sql,
  limit: number,
): Promise<readonly { readonly id: string; readonly changeAt: Date | null }[]> {
  return sql.query({
    name: 'posts_claim_changes',
    text: `${updatePosts}
             change_at = CASE WHEN p.change ->> 'state' = 'pending'
               AND p.status IN ('published', 'scheduled', 'drafted') THEN clock_timestamp() + interval '4 minutes' END
           FROM (SELECT id FROM social_publisher.social_posts
                 WHERE change_at <= statement_timestamp() ORDER BY change_at LIMIT $1 FOR UPDATE SKIP LOCKED) x
           WHERE p.id = x.id RETURNING p.id, p.change_at AS "changeAt"`,
    values: [limit],
  });
}
