import type { PostOutcome } from '../posts/author-outcome.ts';
import type { PostRow } from '../posts/post-row.ts';
import { viewPost } from '../posts/post-view.ts';
import type { Services } from '../services.ts';
import { toProblem } from './errors.ts';
import { problemDocument } from './problem.ts';

export interface Item {
  /** Of the post; null for one that was to be created. */
  readonly id: string | null;
  readonly outcome: PostOutcome | undefined;
}

/** One answer for many posts: each as an answer about it alone would have been. */
export function resultsOf(
  { config }: Pick<Services, 'config'>,
  items: readonly Item[],
  success: 200 | 201 | ((row: PostRow) => number),
): { readonly results: readonly object[] } {
  const results = items.map(({ id, outcome }, index) => {
    if (outcome === undefined) throw new Error(`item ${index} of a batch has no outcome`);
    if (outcome.error === null) {
      const post = viewPost(outcome.row);
      const status = typeof success === 'function' ? success(outcome.row) : success;
      const { row, warnings } = outcome;
      return { index, id: row.id, status, post, ...(warnings.length > 0 && { warnings }) };
    }
    const { publicUrl } = config.http;
    const document = problemDocument(toProblem(outcome.error), { publicUrl, path: '', id: '' });
    const { type, title, status, detail, code, errors } = document;
    const problem = { type, title, status, detail, code, ...(errors && { errors }) };
    return { index, id, status, problem };
  });
  return { results };
}
