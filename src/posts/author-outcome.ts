import { type AppError, ConflictError, type FieldProblem, InvalidRequestError } from '../errors.ts';
import type { PostRow } from './post-row.ts';

/** The post as it is now, and what its author should know of what was written. */
export interface WrittenPost {
  readonly row: PostRow;
  readonly warnings: readonly FieldProblem[];
}

/** What became of one item of a request: the post, or why it stayed as it was. */
export type PostOutcome =
  | (WrittenPost & { readonly error: null })
  | { readonly row: null; readonly error: AppError };

export function done(row: PostRow, warnings: readonly FieldProblem[] = []): PostOutcome {
  return { row, warnings, error: null };
}

export function failed(error: AppError): PostOutcome {
  return { row: null, error };
}

/** For a request about one post. */
export function unwrap(outcome: PostOutcome | undefined): WrittenPost {
  if (outcome === undefined) throw new Error('a request about one post had no outcome');
  if (outcome.error !== null) throw outcome.error;
  return outcome;
}

export function brokenRules(errors: readonly FieldProblem[]): InvalidRequestError {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const detail = `${first?.path ?? 'post'}: ${first?.message ?? 'breaks a rule'}${more}`;
  return new InvalidRequestError(422, 'invalid', detail, errors);
}

/** What the bounds of the table refused (SQL state 23514), as a problem of the field that they name. */
export function brokenBound(error: unknown): InvalidRequestError | undefined {
  if (!(error instanceof Error && 'code' in error && error.code === '23514')) return undefined;
  if (!('table' in error) || error.table !== 'social_posts') return undefined;
  const path = 'column' in error && typeof error.column === 'string' ? error.column : 'post';
  return brokenRules([{ path, message: error.message, rule: 'too_big' }]);
}

/** The code answers as 412: whoever asked decided on another content than is there. */
export function versionMismatch(row: PostRow): ConflictError {
  return new ConflictError('version_mismatch', `The post has version ${row.version} now.`);
}

/** Workers kept moving the post between our reading and our writing. */
export function keptMoving(id: string): ConflictError {
  return new ConflictError('conflict', `The post ${id} is being worked on; read it and try again.`);
}
