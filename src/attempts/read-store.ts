import { z } from 'zod';
import type { Database, Sql } from '../db/client.ts';
import { sealedAccountSql } from '../integrations/store.ts';
import { updatePosts } from '../posts/store.ts';
import { contentSchema, type PostContent, type PublishMode } from '../providers/content.ts';
import { appendEvidence, type EvidenceEntry, waitForLook } from './attempt.ts';
import type { Window } from './match.ts';
import type { PublishRow } from './row.ts';

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
             i.status AS "integrationStatus", i.error AS "integrationError", ${sealedAccountSql},
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

/** The calls that one look is for. */
export interface SentCalls {
  readonly windows: readonly Window[];
  /** False: the attempt stands for calls that a lost database knew; its window is a guess. */
  readonly areOwn: boolean;
  /** How far the database's clock, which the windows are told by, is ahead of this machine's. */
  readonly databaseAheadMs: number;
}

/** Of this attempt, and of those of the same content that were taken for absent on the way to it. */
export async function readCalls(sql: Sql, attemptId: string): Promise<SentCalls> {
  const rows = await sql.query<Window & { readonly isOwn: boolean; readonly now: Date }>({
    name: 'attempts_read_calls',
    text: `SELECT e.sent_at AS "from", coalesce(e.owned_until, e.settled_at, clock_timestamp()) AS until,
             e.owned_until IS NOT NULL AS "isOwn", clock_timestamp() AS now
           FROM social_publisher.publish_attempts a
           JOIN social_publisher.publish_attempts e ON e.post_id = a.post_id AND e.content_hash = a.content_hash
           WHERE a.id = $1 AND e.sent_at IS NOT NULL
             AND (e.id = a.id OR (e.state = 'abandoned' AND e.hidden_id IS NULL AND e.sent_at > a.sent_at - interval '1 day'))
           ORDER BY e.sent_at`,
    values: [attemptId],
  });
  const now = rows[0]?.now ?? new Date();
  return {
    windows: rows.map(({ from, until }) => ({ from, until })),
    areOwn: rows.every(({ isOwn }) => isOwn),
    databaseAheadMs: now.getTime() - Date.now(),
  };
}

/** When the account last showed a post of ours that is public, of the tenant's newest ones; null: not lately. */
export async function readLastShownAt(
  sql: Sql,
  post: { readonly tenantId: string; readonly integrationId: string },
): Promise<Date | null> {
  const [row] = await sql.query<{ readonly at: Date | null }>({
    name: 'attempts_read_last_shown_at',
    text: `SELECT max(x.published_at) AS at FROM (
             SELECT p.integration_id, p.status, p.published_at FROM social_publisher.social_posts p
             WHERE p.tenant_id = $1 ORDER BY p.id DESC LIMIT 1000) x
           WHERE x.integration_id = $2 AND x.status = 'published' AND x.published_at > now() - interval '7 days'`,
    values: [post.tenantId, post.integrationId],
  });
  return row?.at ?? null;
}

/** Another post that may appear on the account at any moment. */
export interface Rival {
  readonly id: string;
  readonly content: PostContent;
  readonly mode: PublishMode;
  readonly scheduledAt: Date | null;
  readonly staged: readonly { readonly id: string }[];
  readonly window: Window;
}

const rivalSchema = z.object({
  id: z.string(),
  content: contentSchema,
  mode: z.enum(['draft', 'schedule', 'publish']),
  scheduledAt: z.date().nullable(),
  staged: z.array(z.looseObject({ id: z.string() })),
  from: z.date(),
  until: z.date(),
});

export async function readRivals(
  sql: Sql,
  post: { readonly id: string; readonly provider: string; readonly externalAccountId: string },
): Promise<readonly Rival[]> {
  const rows = await sql.query({
    name: 'attempts_read_rivals',
    text: `SELECT a.post_id AS id, a.content, a.mode, a.scheduled_at AS "scheduledAt", a.staged, a.sent_at AS "from",
             coalesce(a.owned_until, a.sent_at) AS until
           FROM social_publisher.publish_attempts a
           JOIN social_publisher.integrations i ON i.id = a.integration_id
           WHERE i.provider = $2 AND i.external_account_id = $3 AND a.post_id <> $1
             AND a.hidden_id IS NULL
             AND (a.state = 'sent' OR (a.state = 'unknown' AND a.look_at IS NOT NULL)) LIMIT 500`,
    values: [post.id, post.provider, post.externalAccountId],
  });
  return z
    .array(rivalSchema)
    .parse(rows)
    .map(({ from, until, ...rival }) => ({ ...rival, window: { from, until } }));
}

/**
 * The next look comes at once, and if it proves the post absent a person has decided that it is sent again. False: no
 * attempt of it is unknown.
 */
export async function lookNow(
  db: Database,
  postId: string,
  entry: EvidenceEntry,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    await tx.query({
      text: `${updatePosts} resend = true, attention = NULL,
               waiting = $2 WHERE id = $1 AND status = 'unknown'`,
      values: [postId, JSON.stringify(waitForLook(new Date()))],
    });
    const rows = await tx.query({
      text: `UPDATE social_publisher.publish_attempts a
             SET look_at = clock_timestamp(), evidence = ${appendEvidence('$2')}
             WHERE a.post_id = $1 AND a.state = 'unknown' RETURNING a.id`,
      values: [postId, JSON.stringify(entry)],
    });
    return rows.length === 1;
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
