import type { Sql } from '../db/client.ts';
import type { PublishRow } from '../posts/publish-row.ts';

/** An approved post that nobody has planned yet: new, edited, retried, or its tenant or integration changed. */
export type UnplannedRow = Required<
  Pick<
    PublishRow,
    | 'id'
    | 'provider'
    | 'version'
    | 'message'
    | 'link'
    | 'appendLink'
    | 'media'
    | 'publishMode'
    | 'scheduledAt'
    | 'approvedAt'
    | 'autoPublish'
    | 'lateLimitS'
    | 'integrationStatus'
    | 'integrationError'
    | 'nearWindowUntil'
    | 'isTooNear'
    | 'capabilities'
    | 'now'
  >
> & { readonly isPrepared: boolean };

/** Locks them until the transaction ends; what another scheduler is planning is passed over. */
export async function lockUnplanned(tx: Sql, limit: number): Promise<readonly UnplannedRow[]> {
  return tx.query<UnplannedRow>({
    name: 'posts_lock_unplanned',
    text: `SELECT p.id, p.provider, p.version, p.message, p.link, p.append_link AS "appendLink", p.media, p.publish_mode AS "publishMode",
             p.scheduled_at AS "scheduledAt", coalesce(p.approved_at, p.created_at) AS "approvedAt",
             t.auto_publish AS "autoPublish", t.late_limit_s AS "lateLimitS",
             i.status AS "integrationStatus", i.error AS "integrationError", i.near_window_until AS "nearWindowUntil",
             coalesce(p.error ->> 'key' = 'facebook_schedule_too_late', false) AS "isTooNear", i.capabilities,
             p.prepared_at IS NOT NULL AS "isPrepared", clock_timestamp() AS now
           FROM social_publisher.social_posts p
           JOIN social_publisher.tenants t ON t.id = p.tenant_id
           JOIN social_publisher.integrations i ON i.id = p.integration_id
           WHERE p.status = 'approved' AND p.next_run_at IS NULL
           ORDER BY p.updated_at LIMIT $1 FOR UPDATE OF p SKIP LOCKED`,
    values: [limit],
  });
}
