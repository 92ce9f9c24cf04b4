import type { Sql } from '../db/client.ts';

/** What to tell the row of one integration. */
export interface UsageNote {
  readonly integrationId: string;
  readonly percent: number;
  /** From now; 0: it need not rest. */
  readonly restMs: number;
}

/** Never shortens a hold; `updated_at` stays, as nobody changed the integration. */
export async function writeUsages(sql: Sql, notes: readonly UsageNote[]): Promise<void> {
  await sql.query({
    name: 'integrations_write_usages',
    // Locked in the order of their ids, so that two processes that write of the same accounts cannot deadlock.
    text: `WITH x AS MATERIALIZED (
             SELECT i.id, y.percent, y.rest_ms, clock_timestamp() + y.rest_ms * interval '1 millisecond' AS until
             FROM unnest($1::uuid[], $2::int[], $3::int[]) AS y (id, percent, rest_ms)
             JOIN social_publisher.integrations i ON i.id = y.id
             ORDER BY i.id FOR NO KEY UPDATE OF i
           )
           UPDATE social_publisher.integrations i
           SET usage_percent = x.percent, usage_at = clock_timestamp(),
             held_until = CASE WHEN x.rest_ms = 0 THEN i.held_until
               ELSE greatest(i.held_until, x.until) END,
             held_for = CASE WHEN x.rest_ms = 0 OR i.held_until >= x.until THEN i.held_for END
           FROM x WHERE i.id = x.id`,
    values: [
      notes.map((note) => note.integrationId),
      notes.map((note) => note.percent),
      notes.map((note) => note.restMs),
    ],
  });
}
