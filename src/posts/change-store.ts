import type { Sql } from '../db/client.ts';
import { updatePosts } from './store.ts';

/**
 * Changes that are due to be made at their provider; each is due again when its worker should long have ended. One
 * whose post is no longer there to be changed is left to its column.
 */
export async function claimChanges(
  sql: Sql,
  limit: number,
): Promise<readonly { readonly id: string; readonly changeAt: Date | null }[]> {
  return sql.query({
    name: 'posts_claim_changes',
    text: `${updatePosts}
             change_at = CASE WHEN p.change ->> 'state' = 'pending'
               AND p.status IN ('published', 'scheduled', 'drafted') THEN clock_timestamp() + interval '4 minutes' END
           FROM (SELECT id FROM social_publisher.social_posts
                 WHERE change_at <= statement_timestamp() ORDER BY change_at LIMIT $1 FOR UPDATE SKIP LOCKED) x
           WHERE p.id = x.id RETURNING p.id, p.change_at AS "changeAt"`,
    values: [limit],
  });
}
