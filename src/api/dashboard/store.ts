import type { Sql } from '../../db/client.ts';

/** Whose the post is; undefined when there is none. */
export async function findTenantOfPost(sql: Sql, postId: string): Promise<string | undefined> {
  const [found] = await sql.query<{ readonly tenantId: string }>({
    text: `SELECT tenant_id AS "tenantId" FROM social_publisher.social_posts WHERE id = $1`,
    values: [postId],
  });
  return found?.tenantId;
}
