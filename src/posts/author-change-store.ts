import type { Sql } from '../db/client.ts';
import { editedPost, judgeEdit } from './author-change.ts';
import { mergeDueTime } from './author-due.ts';
import type { PostPatch } from './author-input.ts';
import type { WrittenPost } from './author-outcome.ts';
import { type AuthorNeeds, loadScope } from './author-read-store.ts';
import { warningsOf } from './author-scope.ts';
import type { Edit } from './change.ts';
import { type PostRow, parsePostRows, postColumns } from './post-row.ts';
import { updatePosts } from './store.ts';

/**
 * Notes the edit of a post that its network holds; a worker makes it. Undefined when the post has moved since it was
 * read. Throws ConflictError (409) and InvalidRequestError (422).
 */
export async function requestEdit(
  needs: AuthorNeeds,
  row: PostRow,
  patch: PostPatch,
): Promise<WrittenPost | undefined> {
  const scope = await loadScope(needs, row.tenant_id, [row.integration_id]);
  const edit = judgeEdit(scope, row, patch);
  const written = edit === null ? row : await writeEdit(needs.db, row, edit);
  if (written === undefined) return undefined;
  const edited = editedPost(row, edit, mergeDueTime(scope, row, patch));
  return { row: written, warnings: warningsOf(scope, edited) };
}

async function writeEdit(sql: Sql, row: PostRow, edit: Edit): Promise<PostRow | undefined> {
  const rows = await sql.query({
    name: 'author_request_edit',
    text: `${updatePosts} change = $4, change_at = clock_timestamp()
           WHERE p.id = $1 AND p.tenant_id = $2 AND p.status = 'scheduled' AND p.version = $3
             AND p.change ->> 'state' IS DISTINCT FROM 'pending'
             AND p.scheduled_at > clock_timestamp() AND NOT social_publisher.is_untouchable(p.scheduled_at)
           RETURNING ${postColumns}`,
    values: [row.id, row.tenant_id, row.version, JSON.stringify(edit)],
  });
  return parsePostRows(rows)[0];
}
