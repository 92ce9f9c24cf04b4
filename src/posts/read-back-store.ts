import type { Sql } from '../db/client.ts';
import { isOpenSql, mayReadSql } from '../integrations/health-store.ts';
import type { Change } from './change.ts';
import type { PostStatus } from './post.ts';
import type { FindingFields, HeldPost } from './verification.ts';

/** Posts due for a look; each is due again soon, until the job has said when it really is. */
export async function claimReadBacks(
  sql: Sql,
  limit: number,
): Promise<readonly { readonly id: string; readonly verifications: number }[]> {
  return sql.query({
    name: 'posts_claim_read_backs',
    text: `UPDATE social_publisher.social_posts p SET internal_write = true, verifications = p.verifications + 1,
             verify_at = CASE WHEN p.external_id IS NOT NULL AND p.status IN ('published', 'scheduled', 'drafted')
               THEN clock_timestamp() + interval '5 minutes' END
           FROM (SELECT id FROM social_publisher.social_posts
                 WHERE verify_at <= statement_timestamp() ORDER BY verify_at LIMIT $1 FOR UPDATE SKIP LOCKED) x
           WHERE p.id = x.id RETURNING p.id, p.verifications`,
    values: [limit],
  });
}

/** A post at its provider, with what it takes to ask there. */
export interface HeldRow extends HeldPost {
  readonly id: string;
  readonly tenantId: string;
  readonly integrationId: string;
  readonly provider: string;
  readonly version: number;
  readonly message: string | null;
  readonly link: string | null;
  readonly appendLink: boolean;
  readonly attention: { readonly reason: string } | null;
  readonly change: unknown;
  /** The account is healthy, not held by its provider, and not paused: it may be called. */
  readonly isOpen: boolean;
  /** And it has budget left at its provider for work that nobody waits for. */
  readonly mayRead: boolean;
  /** The provider allows this account no calls before then. */
  readonly heldUntil: Date | null;
  readonly sealedToken: string | null;
  readonly externalAccountId: string;
  readonly appId: string;
}

/** Null unless the post is at its provider. */
export async function loadHeld(sql: Sql, postId: string): Promise<HeldRow | null> {
  const [row] = await sql.query<HeldRow>({
    name: 'posts_load_held',
    text: `SELECT p.id, p.tenant_id AS "tenantId", p.integration_id AS "integrationId", p.provider, p.status,
             p.version, p.message, p.link, p.append_link AS "appendLink", p.scheduled_at AS "scheduledAt", p.external_id AS "externalId", p.attention,
             p.change, p.seen_at AS "seenAt", p.missing_at AS "missingAt",
             coalesce(a.sent_at, p.approved_at, p.created_at) AS "madeAt", ${isOpenSql} AS "isOpen",
             ${mayReadSql} AS "mayRead", i.held_until AS "heldUntil", i.sealed_token AS "sealedToken",
             i.external_account_id AS "externalAccountId", i.app_id AS "appId", clock_timestamp() AS now
           FROM social_publisher.social_posts p
           JOIN social_publisher.integrations i ON i.id = p.integration_id
           LEFT JOIN social_publisher.publish_attempts a ON a.post_id = p.id AND a.state = 'confirmed'
           WHERE p.id = $1 AND p.external_id IS NOT NULL AND p.status IN ('published', 'scheduled', 'drafted')`,
    values: [postId],
  });
  return row ?? null;
}

/** One conditional write about a post at its provider; fields that are absent stay as they are. */
export interface HeldWrite {
  readonly id: string;
  readonly version: number;
  readonly from: PostStatus;
  /** The change as it was read: another one means that somebody else is at it. */
  readonly change: unknown;
  readonly to: PostStatus;
  readonly set: HeldFields;
}

export interface HeldFields extends Omit<FindingFields, 'publishUrl'> {
  readonly publishUrl?: string | null;
  /** Null only: it is not there, and may be sent again. */
  readonly externalId?: null;
  readonly change?: Change;
  /** When the change is next tried; null: it came to its end. */
  readonly changeAt?: Date | null;
  readonly message?: string | null;
  readonly scheduledLocal?: string | null;
  readonly timezone?: string | null;
}

/** Message and time are content: they come with the next version. False: the post is not what was read any more. */
export async function writeHeld(sql: Sql, write: HeldWrite): Promise<boolean> {
  const rows = await sql.query<{ id: string }>({
    name: 'posts_write_held',
    text: `UPDATE social_publisher.social_posts p SET internal_write = true, status = $5,
             version = p.version + CASE WHEN x.set ?| ARRAY['scheduledAt', 'message'] THEN 1 ELSE 0 END,
             verify_at = CASE WHEN x.set ? 'verifyAt' THEN (x.set ->> 'verifyAt')::timestamptz ELSE p.verify_at END,
             seen_at = CASE WHEN x.set ? 'seenAt' THEN (x.set ->> 'seenAt')::timestamptz ELSE p.seen_at END,
             missing_at = CASE WHEN x.set ? 'missingAt' THEN (x.set ->> 'missingAt')::timestamptz ELSE p.missing_at END,
             publish_url = CASE WHEN x.set ? 'publishUrl' THEN x.set ->> 'publishUrl' ELSE p.publish_url END,
             external_id = CASE WHEN x.set ? 'externalId' THEN x.set ->> 'externalId' ELSE p.external_id END,
             attention = CASE WHEN x.set ? 'attention' THEN nullif(x.set -> 'attention', 'null') ELSE p.attention END,
             published_at = CASE WHEN x.set ? 'publishedAt'
               THEN (x.set ->> 'publishedAt')::timestamptz ELSE p.published_at END,
             lateness_ms = CASE WHEN x.set ? 'latenessMs' THEN (x.set ->> 'latenessMs')::int ELSE p.lateness_ms END,
             message = CASE WHEN x.set ? 'message' THEN x.set ->> 'message' ELSE p.message END,
             scheduled_at = CASE WHEN x.set ? 'scheduledAt'
               THEN (x.set ->> 'scheduledAt')::timestamptz ELSE p.scheduled_at END,
             scheduled_local = CASE WHEN x.set ? 'scheduledAt' THEN x.set ->> 'scheduledLocal' ELSE p.scheduled_local END,
             timezone = CASE WHEN x.set ? 'scheduledAt' THEN x.set ->> 'timezone' ELSE p.timezone END,
             change = CASE WHEN x.set ? 'change' THEN x.set -> 'change' ELSE p.change END,
             change_at = CASE WHEN x.set ? 'changeAt' THEN (x.set ->> 'changeAt')::timestamptz ELSE p.change_at END
           FROM (SELECT $6::jsonb AS set) x
           WHERE p.id = $1 AND p.version = $2 AND p.status = $3 AND p.change IS NOT DISTINCT FROM $4::jsonb
           RETURNING p.id`,
    values: [
      write.id,
      write.version,
      write.from,
      write.change === null ? null : JSON.stringify(write.change),
      write.to,
      JSON.stringify(write.set),
    ],
  });
  return rows.length === 1;
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
