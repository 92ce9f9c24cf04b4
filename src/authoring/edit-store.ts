import { type Sql, sqlState } from '../db/client.ts';
import { ConflictError } from '../errors.ts';
import type { Edit, PostStatus } from '../posts/post.ts';
import { type PostRow, parsePostRows, postColumns } from '../posts/row.ts';
import { updatePosts } from '../posts/store.ts';
import { noSuchIntegration } from './create-store.ts';
import { editedPost, judgeEdit, mergeDueTime } from './edit.ts';
import type { PostPatch } from './input.ts';
import { type AuthorNeeds, getPost, loadScope } from './read-store.ts';
import {
  type AuthorScope,
  brokenRules,
  busy,
  judgeDraft,
  mustKeepRules,
  unpublished,
  versionMismatch,
  type WrittenPost,
  warningsOf,
} from './scope.ts';
import type { DueTime } from './wall-time.ts';

const mostRounds = 5;

/**
 * Changes the fields given and keeps the status; of a post that its network holds, a worker does it there. Throws NotFoundError, ConflictError (409, or 412 for a version) and
 * InvalidRequestError (422); an approved post may not come to break a rule.
 */
export async function editPost(
  needs: AuthorNeeds,
  tenantId: string,
  id: string,
  patch: PostPatch,
): Promise<WrittenPost> {
  for (let round = 1; round <= mostRounds; round += 1) {
    const row = await getPost(needs.db, tenantId, id);
    if (patch.version !== undefined && patch.version !== row.version) throw versionMismatch(row);
    if (row.status === 'scheduled') {
      const asked = await requestEdit(needs, row, patch);
      if (asked !== undefined) return asked;
      continue;
    }
    refuseStatus(row.status);
    const integrationId = (patch.integration_id ?? row.integration_id).toLowerCase();
    const scope = await loadScope(needs, tenantId, [integrationId]);
    if (!scope.integrations.has(integrationId)) throw noSuchIntegration(scope, integrationId);
    const stranger = unpublished(scope, integrationId);
    if (stranger !== null && integrationId !== row.integration_id) throw brokenRules([stranger]);
    const next = merge(scope, row, { ...patch, integration_id: integrationId });
    if (mustKeepRules(row.status)) refuseBroken(scope, next);
    const written = await write(needs.db, row, next);
    if (written !== undefined) return { row: written, warnings: warningsOf(scope, next) };
  }
  throw busy(id);
}

function refuseStatus(status: Exclude<PostStatus, 'scheduled'>): void {
  switch (status) {
    case 'draft':
    case 'in_review':
    case 'approved':
    case 'queued':
    case 'publishing':
    case 'failed':
    case 'missed':
      return;
    case 'published':
    case 'drafted':
    case 'unknown':
    case 'cancelled':
      throw new ConflictError('conflict', `the post is ${status}: it can no longer be changed`);
  }
}

interface Edited extends DueTime {
  readonly integrationId: string;
  readonly message: string | null;
  readonly link: string | null;
  readonly appendLink: boolean;
  readonly media: readonly unknown[];
  readonly publishMode: PostRow['publish_mode'];
  readonly reference: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

function merge(
  scope: AuthorScope,
  row: PostRow,
  patch: PostPatch & { readonly integration_id: string },
): Edited {
  return {
    integrationId: patch.integration_id,
    message: pick(patch.message, row.message),
    link: pick(patch.link, row.link),
    appendLink: pick(patch.append_link, row.append_link) ?? false,
    media: pick(patch.media, row.media) ?? [],
    publishMode: pick(patch.publish_mode, row.publish_mode),
    ...mergeDueTime(scope, row, patch),
    reference: pick(patch.reference, row.reference),
    metadata: pick(patch.metadata, row.metadata) ?? {},
  };
}

function pick<T>(given: T | undefined, present: T): T {
  return given === undefined ? present : given;
}

function refuseBroken(scope: AuthorScope, next: Edited): void {
  const { errors } = judgeDraft(scope, next);
  if (errors.length > 0) throw brokenRules(errors);
}

/** Undefined when the post has moved since it was read. */
async function write(sql: Sql, row: PostRow, next: Edited): Promise<PostRow | undefined> {
  try {
    const rows = await sql.query({
      name: 'author_edit_post',
      text: `UPDATE social_publisher.social_posts p
             SET integration_id = $5, message = $6, link = $7, append_link = $16, media = $8, publish_mode = $9, scheduled_at = $10,
               scheduled_local = $11, timezone = $12, reference = $13, metadata = $14
             WHERE p.id = $1 AND p.tenant_id = $2 AND p.status = $3 AND p.version = $4 AND p.updated_at = $15
             RETURNING ${postColumns}`,
      values: [
        row.id,
        row.tenant_id,
        row.status,
        row.version,
        next.integrationId,
        next.message,
        next.link,
        JSON.stringify(next.media),
        next.publishMode,
        next.scheduledAt,
        next.scheduledLocal,
        next.timezone,
        next.reference,
        JSON.stringify(next.metadata),
        // Reference and metadata do not raise the version, and a whole row is written.
        row.updated_at,
        next.appendLink,
      ],
    });
    return parsePostRows(rows)[0];
  } catch (error) {
    if (sqlState(error) !== 'SP409' || !(error instanceof Error)) throw error;
    throw new ConflictError('conflict', error.message, { cause: error });
  }
}

/**
 * Notes the edit of a post that its network holds; a worker makes it. Undefined when the post has moved since it was
 * read. Throws ConflictError (409) and InvalidRequestError (422).
 */
async function requestEdit(
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
