import type { Sql } from './db/client.ts';

/** A canary is put into each queue this often. */
const canaryEveryMs = 15_000;

/**
 * For one scheduler a period: when a canary of this queue was last seen, in seconds since 1970 (0: never). Null: it
 * was sent already.
 */
export async function sendCanary(sql: Sql, queue: string): Promise<number | null> {
  const [row] = await sql.query<{ seen_s: number }>({
    name: 'canaries_send',
    text: `INSERT INTO social_publisher.canaries AS c (queue, sent_at) VALUES ($1, clock_timestamp())
           ON CONFLICT (queue) DO UPDATE SET sent_at = clock_timestamp()
           WHERE c.sent_at <= statement_timestamp() - $2 * interval '1 millisecond'
           RETURNING coalesce(floor(extract(epoch FROM c.seen_at)), 0)::int AS seen_s`,
    values: [queue, canaryEveryMs],
  });
  return row?.seen_s ?? null;
}

export async function seeCanary(sql: Sql, queue: string): Promise<void> {
  await sql.query({
    name: 'canaries_see',
    text: `UPDATE social_publisher.canaries SET seen_at = clock_timestamp() WHERE queue = $1`,
    values: [queue],
  });
}

export interface Canary {
  readonly queue: string;
  readonly seenAt: Date | null;
  /** Since a worker last had one in hand, or since the first was sent; by the database's clock. */
  readonly ageS: number;
}

export async function readCanaries(sql: Sql): Promise<readonly Canary[]> {
  return sql.query<Canary>({
    name: 'canaries_read',
    text: `SELECT queue, seen_at AS "seenAt",
             extract(epoch FROM clock_timestamp() - coalesce(seen_at, first_sent_at))::float8 AS "ageS"
           FROM social_publisher.canaries`,
  });
}
