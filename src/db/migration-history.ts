import type { ClientBase } from 'pg';
import { z } from 'zod';

const historyRows = z.array(
  z.object({
    name: z.string(),
    checksum: z.string(),
    state: z.enum(['finished', 'unfinished', 'rolled_back']),
  }),
);

export type MigrationRow = z.infer<typeof historyRows>[number];

/** What the database remembers, oldest first; nothing when it was never migrated. */
export async function readHistory(session: ClientBase): Promise<MigrationRow[]> {
  const table = await session.query(
    `SELECT 1 FROM pg_catalog.pg_tables
     WHERE schemaname = 'social_publisher' AND tablename = '_prisma_migrations'`,
  );
  if (table.rowCount === 0) return [];
  const { rows } = await session.query(
    `SELECT migration_name AS name, checksum,
       CASE WHEN rolled_back_at IS NOT NULL THEN 'rolled_back'
            WHEN finished_at IS NOT NULL THEN 'finished'
            ELSE 'unfinished' END AS state
     FROM social_publisher._prisma_migrations ORDER BY started_at`,
  );
  return historyRows.parse(rows);
}
