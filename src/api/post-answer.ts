import { z } from 'zod';
import type { PostRow } from '../posts/post-row.ts';
import { etagOf, viewPost } from '../posts/post-view.ts';
import type { Answer } from './route.ts';

/** What is no id is the id of nothing: 404, as for another tenant's. */
export const postParams = z.strictObject({ id: z.string().meta({ format: 'uuid' }) });

export function answerPost(row: PostRow, status: 200 | 201 = 200): Answer {
  const location = status === 201 ? { location: `/v1/posts/${row.id}` } : {};
  return { status, body: viewPost(row), headers: { etag: etagOf(row), ...location } };
}
