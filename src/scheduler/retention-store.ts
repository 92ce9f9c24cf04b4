import type { Sql } from '../db/client.ts';

/** Drops what is past its keeping: events and idempotency keys after 30 days, booked calls after the hour they count for. */
export async function dropExpired(sql: Sql): Promise<void> {
  await sql.query({
    text: `DELETE FROM social_publisher.call_usage WHERE minute < clock_timestamp() - interval '2 hours'`,
  });
  for (const table of ['events', 'idempotency_keys'] as const) {
    const column = table === 'events' ? 'at' : 'created_at';
    await sql.query({
      text: `DELETE FROM social_publisher.${table} WHERE ctid = ANY (ARRAY(
               SELECT ctid FROM social_publisher.${table}
               WHERE ${column} < clock_timestamp() - interval '30 days' LIMIT 50000))`,
    });
  }
}
