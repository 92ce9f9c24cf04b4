import type { Sql } from '../../db/client.ts';

/** What the operator wants to know of the post that a job carries. */
export interface BoardPost {
  readonly id: string;
  readonly tenantId: string;
  readonly tenant: string;
  /** Its name, or its id at the provider. */
  readonly page: string;
  readonly reference: string | null;
  readonly status: string;
  readonly externalId: string | null;
  readonly publishUrl: string | null;
}

/** By id; a post that is gone is absent. */
export async function findBoardPosts(
  sql: Sql,
  ids: readonly string[],
): Promise<ReadonlyMap<string, BoardPost>> {
  if (ids.length === 0) return new Map();
  const rows = await sql.query<BoardPost>({
    name: 'board_find_posts',
    text: `SELECT p.id, p.tenant_id AS "tenantId", t.name AS tenant, coalesce(i.name, i.external_account_id) AS page,
             p.reference, p.status, p.external_id AS "externalId", p.publish_url AS "publishUrl"
           FROM social_publisher.social_posts p
           JOIN social_publisher.tenants t ON t.id = p.tenant_id
           JOIN social_publisher.integrations i ON i.id = p.integration_id
           WHERE p.id = ANY ($1::uuid[])`,
    values: [ids],
  });
  return new Map(rows.map((row) => [row.id, row]));
}
