import type { Sql } from '../db/client.ts';

/** The demo's own database only: every run starts with nothing, as the sandbox does. */
export async function forgetEarlierRuns(sql: Sql): Promise<void> {
  await sql.query({ text: 'DROP SCHEMA IF EXISTS social_publisher CASCADE' });
  await sql.query({ text: 'DROP SCHEMA IF EXISTS social_publisher_queue CASCADE' });
}
