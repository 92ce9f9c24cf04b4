import type { Sql } from '../../db/client.ts';

export const backends = ['redis', 'postgres'] as const;
export type Backend = (typeof backends)[number];

/** Null before any process started on this database. */
export async function readBackend(sql: Sql): Promise<Backend | null> {
  const [row] = await sql.query<{ queue_backend: Backend | null }>({
    text: 'SELECT queue_backend FROM social_publisher.instance WHERE id = 1',
  });
  return row?.queue_backend ?? null;
}

export async function saveBackend(sql: Sql, backend: Backend): Promise<void> {
  await sql.query({
    text: 'UPDATE social_publisher.instance SET queue_backend = $1 WHERE id = 1',
    values: [backend],
  });
}

/** Posts that a job carries, or that a worker has in its hands. */
export async function countInFlight(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ count: number }>({
    text: `SELECT count(*)::int AS count FROM social_publisher.social_posts
            WHERE status IN ('queued', 'publishing')`,
  });
  return row?.count ?? 0;
}
