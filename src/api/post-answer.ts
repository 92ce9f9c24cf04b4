import { z } from 'zod';
import type { WrittenPost } from '../posts/author-outcome.ts';
import { pendingChange } from '../posts/change.ts';
import type { PostRow } from '../posts/post-row.ts';
import { etagOf, viewPost } from '../posts/post-view.ts';
import type { Answer } from './route.ts';

/** What is no id is the id of nothing: 404, as for another tenant's. */
export const postParams = z.strictObject({ id: z.string().meta({ format: 'uuid' }) });

export function answerPost(row: PostRow, status: 200 | 201 | 202 = 200): Answer {
  const location = status === 201 ? { location: `/v1/posts/${row.id}` } : {};
  return { status, body: viewPost(row), headers: { etag: etagOf(row), ...location } };
}

/** What was written, with what its author should know of it. 202 while a worker has still to make it at the network. */
export function answerWritten({ row, warnings }: WrittenPost, created?: 201): Answer {
  const answer = answerPost(row, created ?? statusOfChange(row));
  return { ...answer, body: { ...viewPost(row), warnings } };
}

/** After a cancel: 202 while a worker has still to make it at the network. */
export function answerChange(row: PostRow): Answer {
  return answerPost(row, statusOfChange(row));
}

export function statusOfChange(row: PostRow): 200 | 202 {
  return pendingChange(row.change) === null ? 200 : 202;
}
