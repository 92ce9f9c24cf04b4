import type { Sql } from '../db/client.ts';
import { type Notice, postsAtRisk, type Recipient } from './notice.ts';

/**
 * Writes a notice, and an event, for each end within two weeks that cannot be prevented: of a token that nobody renews,
 * or whose renewal keeps failing, and of the 90 days that a person's login lets us read. Each of the steps is told once
 * per end, and an end that moves by hours is the same one.
 */
export async function noteEnds(sql: Sql): Promise<number> {
  const rows = await sql.query({
    name: 'notices_note_ends',
    text: `WITH ends AS (
             SELECT i.id, i.tenant_id, i.status, x.what, x.ends_at, x.what || '_ends_' || x.days AS kind, x.days
             FROM social_publisher.integrations i CROSS JOIN LATERAL (
               SELECT y.what, y.ends_at, CASE WHEN y.ends_at <= statement_timestamp() + interval '2 days' THEN 2
                 WHEN y.ends_at <= statement_timestamp() + interval '7 days' THEN 7 ELSE 14 END AS days
               FROM (VALUES ('token', i.token_expires_at), ('access', i.data_access_expires_at)) y (what, ends_at)
             ) x
             WHERE i.status = 'active' AND x.ends_at > statement_timestamp()
               AND x.ends_at <= statement_timestamp() + interval '14 days'
               AND (x.what = 'access' OR x.days < 14 OR i.renew_at IS NULL AND NOT EXISTS (
                 SELECT FROM social_publisher.logins l WHERE l.id = i.login_id AND l.renew_at IS NOT NULL))
           ), told AS (
             INSERT INTO social_publisher.notices AS n (integration_id, kind, about, next_at)
             SELECT e.id, e.kind, e.ends_at, clock_timestamp() + interval '30 seconds' FROM ends e
             WHERE NOT EXISTS (SELECT FROM social_publisher.notices o WHERE o.integration_id = e.id AND o.kind = e.kind
               AND o.about BETWEEN e.ends_at - interval '3 days' AND e.ends_at + interval '3 days')
             ON CONFLICT DO NOTHING RETURNING n.integration_id, n.kind
           )
           INSERT INTO social_publisher.events (tenant_id, integration_id, type, from_status, to_status, data, at)
           SELECT e.tenant_id, e.id, 'integration.' || e.what || '_ends', e.status, e.status,
             jsonb_build_object('ends_at', to_char(e.ends_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'days', e.days), clock_timestamp()
           FROM told JOIN ends e ON e.id = told.integration_id AND e.kind = told.kind
           RETURNING id`,
  });
  return rows.length;
}

/** Tenants with something to be told. */
export async function findTenantsToTell(sql: Sql, limit: number): Promise<readonly string[]> {
  const rows = await sql.query<{ tenantId: string }>({
    name: 'notices_find_tenants',
    text: `SELECT i.tenant_id AS "tenantId" FROM social_publisher.notices n
           JOIN social_publisher.integrations i ON i.id = n.integration_id
           WHERE n.next_at <= statement_timestamp() GROUP BY i.tenant_id ORDER BY min(n.next_at) LIMIT $1`,
    values: [limit],
  });
  return rows.map(({ tenantId }) => tenantId);
}

export async function readRecipient(sql: Sql, tenantId: string): Promise<Recipient | null> {
  const [row] = await sql.query<Recipient>({
    name: 'notices_read_recipient',
    text: `SELECT id AS "tenantId", name AS "tenantName", timezone, contact_email AS email
           FROM social_publisher.tenants WHERE id = $1`,
    values: [tenantId],
  });
  return row ?? null;
}

/** After this long whoever was sending is gone, and nobody knows how far it came. */
const sendingFor = "interval '10 minutes'";

/**
 * Everything that is to be told to a tenant within the next minute, from now on being sent: nobody else takes it, and
 * should this process end now, it is never sent again.
 */
export async function takeNotices(tx: Sql, tenantId: string): Promise<readonly Notice[]> {
  await tx.query({
    name: 'notices_forsake',
    text: `UPDATE social_publisher.notices n SET state = 'unknown', next_at = NULL, settled_at = clock_timestamp(),
             error = 'The process that sent it was gone before the answer of the mail server.'
           FROM social_publisher.integrations i
           WHERE i.id = n.integration_id AND i.tenant_id = $1 AND n.state = 'sending'
             AND n.next_at <= statement_timestamp()`,
    values: [tenantId],
  });
  const rows = await tx.query<Notice>({
    name: 'notices_take',
    text: `WITH taken AS (
             UPDATE social_publisher.notices n
             SET state = 'sending', tries = n.tries + 1, next_at = clock_timestamp() + ${sendingFor}
             FROM (SELECT n.id FROM social_publisher.notices n
                   JOIN social_publisher.integrations i ON i.id = n.integration_id
                   WHERE i.tenant_id = $1 AND n.state = 'due' AND n.next_at <= statement_timestamp() + interval '1 minute'
                   ORDER BY n.id FOR NO KEY UPDATE OF n SKIP LOCKED) x
             WHERE n.id = x.id RETURNING n.*
           )
           SELECT n.id, n.kind, n.about, n.tries, i.provider, i.error,
             coalesce(i.name, i.username, i.external_account_id) AS "accountName",
             CASE WHEN i.status <> 'active' THEN i.status = n.kind ELSE coalesce(
               n.about > clock_timestamp() AND abs(extract(epoch FROM n.about - CASE starts_with(n.kind, 'token')
                 WHEN true THEN i.token_expires_at ELSE i.data_access_expires_at END)) < 259200, false) END AS "isTrue",
             (SELECT jsonb_build_object('count', count(*), 'next', coalesce(jsonb_agg(jsonb_build_object(
                 'reference', p.reference, 'message', left(p.message, 200), 'dueAt', p.scheduled_at)
                 ORDER BY p.place) FILTER (WHERE p.place <= 3), '[]'))
              FROM (SELECT *, row_number() OVER (ORDER BY scheduled_at NULLS FIRST, id) AS place
                    FROM social_publisher.social_posts p
                    WHERE p.integration_id = n.integration_id AND p.status IN ('approved', 'queued', 'publishing')
                      AND (n.kind NOT LIKE '%\\_ends\\_%' OR p.scheduled_at >= n.about)) p) AS posts
           FROM taken n JOIN social_publisher.integrations i ON i.id = n.integration_id ORDER BY n.about, n.id`,
    values: [tenantId],
  });
  return rows.map((row) => ({ ...row, posts: postsAtRisk.parse(row.posts) }));
}

/** What came of it. `due` again: certainly not told, tried once more after the pause. */
export type Settled =
  | { readonly state: 'sent' }
  | { readonly state: 'unknown' | 'dropped'; readonly why: string }
  | { readonly state: 'due'; readonly why: string; readonly inMs: number };

/** Only what this sender has taken, and nobody has given up meanwhile. */
export async function settleNotices(
  sql: Sql,
  notices: readonly Pick<Notice, 'id' | 'tries'>[],
  settled: Settled,
): Promise<void> {
  await sql.query({
    name: 'notices_settle',
    text: `UPDATE social_publisher.notices n SET state = $3, error = $4,
             next_at = clock_timestamp() + $5 * interval '1 millisecond',
             settled_at = CASE WHEN $3 <> 'due' THEN clock_timestamp() END
           FROM unnest($1::uuid[], $2::int[]) x (id, tries)
           WHERE n.id = x.id AND n.tries = x.tries AND n.state = 'sending'`,
    values: [
      notices.map(({ id }) => id),
      notices.map(({ tries }) => tries),
      settled.state,
      'why' in settled ? settled.why : null,
      'inMs' in settled ? settled.inMs : null,
    ],
  });
}
