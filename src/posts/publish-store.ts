import type { Sql } from '../db/client.ts';
import type { PublishRow } from './publish-row.ts';

/** Rows that are gone are absent. */
export async function readPublishRows(
  sql: Sql,
  ids: readonly string[],
): Promise<ReadonlyMap<string, PublishRow>> {
  const rows = await sql.query<PublishRow>({
    name: 'posts_read_publish',
    text: `SELECT p.id, p.tenant_id AS "tenantId", p.integration_id AS "integrationId", p.provider, p.status,
             p.version, p.run, p.tries, p.message, p.link, p.append_link AS "appendLink", p.media, p.publish_mode AS "publishMode",
             p.scheduled_at AS "scheduledAt", coalesce(p.approved_at, p.created_at) AS "approvedAt",
             t.auto_publish AS "autoPublish", t.late_limit_s AS "lateLimitS",
             i.status AS "integrationStatus", i.error AS "integrationError", i.sealed_token AS "sealedToken",
             i.external_account_id AS "externalAccountId", i.app_id AS "appId",
             i.near_window_until AS "nearWindowUntil",
             coalesce(p.error ->> 'key' = 'facebook_schedule_too_late', false) AS "isTooNear", i.capabilities, i.held_until AS "heldUntil",
             i.held_for AS "heldFor", i.ailing_since IS NOT NULL AS "isAiling", (p.error ->> 'at')::timestamptz AS "failedAt",
             CASE WHEN a.id IS NOT NULL THEN json_build_object('id', a.id, 'version', a.version, 'mode', a.mode, 'staged', a.staged,
               'hiddenId', a.hidden_id, 'hiddenAt', a.hidden_at, 'isCreating', a.creating_at IS NOT NULL,
               'calls', a.calls, 'booked', a.booked, 'reserved', a.reserved) END AS prepared,
             s.first_sent_at AS "firstSentAt", s.last_sent AS "lastSent", s.hidden AS "earlierHidden",
             coalesce(s.dismissed, '[]') AS dismissed, clock_timestamp() AS now
           FROM social_publisher.social_posts p
           JOIN social_publisher.tenants t ON t.id = p.tenant_id
           JOIN social_publisher.integrations i ON i.id = p.integration_id
           LEFT JOIN social_publisher.publish_attempts a ON a.post_id = p.id AND a.state = 'prepared'
           LEFT JOIN LATERAL (
             SELECT min(e.sent_at) FILTER (WHERE e.hidden_id IS NULL) AS first_sent_at,
               json_agg(json_build_object('attemptId', e.id, 'hiddenId', e.hidden_id))
                 FILTER (WHERE e.hidden_at IS NOT NULL AND e.state IN ('rejected', 'abandoned')) AS hidden,
               (array_agg(json_build_object('id', e.id, 'state', e.state, 'version', e.version,
                 'content', e.content, 'mode', e.mode, 'staged', e.staged, 'scheduledAt', e.scheduled_at,
                 'sentAt', e.sent_at, 'ownedUntil', e.owned_until,
                 'isDropping', e.drop_at IS NOT NULL) ORDER BY e.run DESC)
                 FILTER (WHERE e.hidden_id IS NULL))[1] AS last_sent,
               jsonb_path_query_array(jsonb_agg(e.evidence), '$[*][*].dismissed[*]') AS dismissed
             FROM social_publisher.publish_attempts e
             WHERE e.post_id = p.id AND e.sent_at IS NOT NULL HAVING count(*) > 0
           ) s ON true
           WHERE p.id = ANY ($1::uuid[])`,
    values: [ids],
  });
  return new Map(rows.map((row) => [row.id, row]));
}
