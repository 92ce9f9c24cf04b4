import type { Database, Sql } from '../db/client.ts';
import { fitPage, pageBytes } from '../page-bytes.ts';
import { type EventView, viewEvent } from './view.ts';

export interface EventRequest {
  /** Undefined: of all tenants. */
  readonly tenantId: string | undefined;
  /** Only later ones than this position. */
  readonly after: number;
  /** Undefined: all those of posts. Who reads of connections too asks for them, as their events have no post. */
  readonly types?: readonly string[] | undefined;
  readonly limit: number;
}

export interface EventPage {
  readonly events: readonly EventView[];
  /** Where to go on from; `after` itself while there is nothing new. */
  readonly next: number;
}

/** More than a reader can fetch at once, so that every read that looks for new events gets on. */
const numberedAtOnce = 5_000;

const orderLock = 7_109;

/**
 * Events after a position, in the one order that every reader sees.
 *
 * Ids are drawn when a status changes, but seen when its transaction commits: a reader that went by ids would pass by
 * one whose transaction was still open and never look back. So a place in the order is given by whoever reads, and
 * only to what is committed: what commits later is placed after everything that was ever shown.
 */
export async function readEvents(db: Database, request: EventRequest): Promise<EventPage> {
  const known = await readNumbered(db, request);
  if (known.events.length === request.limit || !(await hasUnnumbered(db))) return known;
  await db.transaction(numberEvents);
  return readNumbered(db, request);
}

async function hasUnnumbered(sql: Sql): Promise<boolean> {
  const rows = await sql.query({
    name: 'events_unnumbered',
    text: 'SELECT 1 FROM social_publisher.events WHERE position IS NULL LIMIT 1',
  });
  return rows.length > 0;
}

/** One at a time, and each sees what the one before committed: positions never appear out of order. */
async function numberEvents(tx: Sql): Promise<void> {
  await tx.query({
    name: 'events_lock',
    text: 'SELECT pg_advisory_xact_lock($1)',
    values: [orderLock],
  });
  // A statement of its own after the lock, or its snapshot could be older than the last holder's commit.
  await tx.query({
    name: 'events_number',
    text: `UPDATE social_publisher.events e SET position = n.position
           FROM (SELECT u.id, nextval('social_publisher.event_positions') AS position
                 FROM (SELECT id FROM social_publisher.events WHERE position IS NULL ORDER BY id LIMIT $1) u) n
           WHERE e.id = n.id`,
    values: [numberedAtOnce],
  });
}

/** `last` comes from the same snapshot, so that a filter's reader may pass over what it did not ask for. */
async function readNumbered(sql: Sql, request: EventRequest): Promise<EventPage> {
  const { tenantId, after, types, limit } = request;
  // Two statements, as one for both could use the index of neither.
  const [name, whose] =
    tenantId === undefined
      ? ['events_read_all', '$1::uuid IS NULL']
      : ['events_read_tenant', 'tenant_id = $1::uuid'];
  const [row] = await sql.query<{ events: object[]; found: number; last: number | null }>({
    name,
    text: `WITH found AS MATERIALIZED (
             SELECT position, type, post_id, tenant_id, integration_id, from_status, to_status, version, at, data
             FROM social_publisher.events
             WHERE position > $2 AND ${whose} AND CASE WHEN $3::text[] IS NULL THEN post_id IS NOT NULL ELSE type = ANY ($3::text[]) END
             ORDER BY position LIMIT $4
           )
           SELECT
             (SELECT max(position) FROM social_publisher.events WHERE position > $2 AND ${whose}) AS last,
             (SELECT count(*)::int FROM found) AS found,
             (SELECT coalesce(json_agg(to_json(shown) ORDER BY shown.position), '[]') FROM (
                SELECT * FROM (
                  SELECT *, sum(octet_length(data::text)) OVER (
                      ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
                  FROM found) sized
                WHERE coalesce(bytes_before, 0) < ${pageBytes}) shown) AS events`,
    values: [tenantId ?? null, after, types ?? null, limit],
  });
  const found = row?.found ?? 0;
  const events = fitPage((row?.events ?? []).map(viewEvent));
  const isCut = events.length === limit || events.length < found;
  return { events, next: isCut ? (events.at(-1)?.position ?? after) : (row?.last ?? after) };
}
