import type { Sql } from '../db/client.ts';

/** Drops what is past its keeping: events and idempotency keys after 30 days, booked calls after the hour they count for. */
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
}
