import type { Sql } from '../db/client.ts';
import type { ErrorRecord } from '../errors.ts';

/** An integration leaves `active`; one that is already out of it keeps its first reason. */
export async function markTrouble(
  sql: Sql,
  integrationId: string,
  status: 'needs_reconnect' | 'needs_permission' | 'blocked',
  error: ErrorRecord,
): Promise<void> {
  await sql.query({
    name: 'integrations_mark_trouble',
    text: `UPDATE social_publisher.integrations SET status = $2, error = $3, updated_at = clock_timestamp()
           WHERE id = $1 AND status = 'active'`,
    values: [integrationId, status, JSON.stringify(error)],
  });
}

/** Nothing of it is claimed before `until`. Never shortens a longer hold. */
export async function holdIntegration(sql: Sql, integrationId: string, until: Date): Promise<void> {
  await sql.query({
    name: 'integrations_hold',
    text: `UPDATE social_publisher.integrations SET held_until = greatest(held_until, $2), updated_at = clock_timestamp()
           WHERE id = $1`,
    values: [integrationId, until],
  });
}

/** The account refused a hand-over far ahead: it is not offered any beyond what it takes for certain for a day. */
export async function narrowWindow(sql: Sql, integrationId: string): Promise<void> {
  await sql.query({
    name: 'integrations_narrow_window',
    text: `UPDATE social_publisher.integrations SET near_window_until = clock_timestamp() + interval '1 day',
             updated_at = clock_timestamp() WHERE id = $1`,
    values: [integrationId],
  });
}
