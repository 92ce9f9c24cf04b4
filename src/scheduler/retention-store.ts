import type { Sql } from '../db/client.ts';

/**
 * Drops what is past its keeping: events and idempotency keys after 30 days, booked calls after the hour they count for,
 * tokens that nobody chose at once. A state that is over knows its way back for another day.
 */
export async function dropExpired(sql: Sql): Promise<void> {
  await sql.query({
    text: `DELETE FROM social_publisher.call_usage WHERE minute < statement_timestamp() - interval '2 hours'`,
  });
  // Oldest first by id, so that nothing younger is read.
  await sql.query({
    text: `DELETE FROM social_publisher.events WHERE id IN (
             SELECT id FROM (SELECT id, at FROM social_publisher.events ORDER BY id LIMIT 50000) oldest
             WHERE at < statement_timestamp() - interval '30 days')`,
  });
  await sql.query({
    text: `DELETE FROM social_publisher.idempotency_keys WHERE created_at < statement_timestamp() - interval '30 days'`,
  });
  await sql.query({
    text: `DELETE FROM social_publisher.connections WHERE expires_at < statement_timestamp()`,
  });
  await sql.query({
    text: `DELETE FROM social_publisher.connect_states WHERE expires_at < statement_timestamp() - interval '1 day'`,
  });
  // A link that is over says so for a while.
  await sql.query({
    text: `DELETE FROM social_publisher.connect_links WHERE expires_at < statement_timestamp() - interval '30 days'`,
  });
  await sql.query({
    text: `DELETE FROM social_publisher.apps a
           WHERE NOT a.is_current AND a.updated_at < statement_timestamp() - interval '1 day' AND NOT EXISTS (
             SELECT FROM social_publisher.integrations i
             WHERE i.tenant_id = a.tenant_id AND i.app_id = a.app_id AND i.sealed_token IS NOT NULL)`,
  });
}
