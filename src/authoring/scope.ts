import { readContent } from '../attempts/row.ts';
import { type AppError, ConflictError, type FieldProblem, InvalidRequestError } from '../errors.ts';
import { type PostStatus, requestedMode } from '../posts/post.ts';
import type { PostRow } from '../posts/row.ts';
import { checkPost, type RuleVerdict } from '../posts/rules.ts';
import type { PublishMode } from '../providers/content.ts';
import type { Publishing } from '../providers/provider.ts';
import { type DueTime, repeatedTime } from './wall-time.ts';

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
export function busy(id: string): ConflictError {
  return new ConflictError('conflict', `The post ${id} is being worked on; read it and try again.`);
}

/** Whose posts they are and what decides about them, as the database had it at `now`, its own clock. */
export interface AuthorScope {
  readonly tenantId: string;
  readonly timezone: string;
  readonly autoPublish: boolean;
  readonly lateLimitS: number;
  readonly now: Date;
  /** Only the tenant's own; anybody else's is absent. */
  readonly integrations: ReadonlyMap<string, AuthorIntegration>;
  /** Ids of the tenant's integrations by account, of accounts that were named where an id belongs. */
  readonly byAccount: ReadonlyMap<string, string>;
  readonly publishers: ReadonlyMap<string, Publishing>;
}

export interface AuthorIntegration {
  readonly id: string;
  readonly provider: string;
  readonly externalAccountId: string;
  readonly appId: string;
  readonly nearWindowUntil: Date | null;
  readonly capabilities: unknown;
}

/** What the rules judge, stored or not. */
export interface PostDraft {
  readonly integrationId: string;
  readonly message: string | null;
  readonly link: string | null;
  readonly appendLink: boolean;
  readonly media: readonly unknown[];
  readonly publishMode: PublishMode | null;
  readonly scheduledAt: Date | null;
}

/** In these the content was approved, so a change must not break a rule. */
export function mustKeepRules(status: PostStatus): boolean {
  return status === 'approved' || status === 'queued' || status === 'publishing';
}

/** The verdict of the rules on what would be approved now. The integration must be in the scope. */
export function judgeDraft(scope: AuthorScope, draft: PostDraft): RuleVerdict {
  const name = scope.integrations.get(draft.integrationId)?.provider ?? '';
  const provider = scope.publishers.get(name);
  if (provider === undefined) return refused(unknownProvider(name));
  const { content, problem } = readContent(draft);
  if (problem !== null) return refused({ ...problem, rule: 'media_shape' });
  return checkPost(provider, {
    content,
    mode: requestedMode(draft),
    scheduledAt: draft.scheduledAt,
    autoPublish: scope.autoPublish,
    now: scope.now,
  });
}

/** Of a post that is stored all the same: what its approval will refuse, and what is worth knowing. */
export function warningsOf(
  scope: AuthorScope,
  draft: PostDraft & DueTime,
): readonly FieldProblem[] {
  const { errors, warnings } = judgeDraft(scope, draft);
  return [...errors, ...warnings, ...repeatedTime(draft)];
}

function refused(error: FieldProblem): RuleVerdict {
  return { errors: [error], warnings: [] };
}

/** Null: posts go out through this integration; else why it takes none, drafts included. */
export function unpublished(scope: AuthorScope, integrationId: string): FieldProblem | null {
  const name = scope.integrations.get(integrationId)?.provider ?? '';
  return scope.publishers.has(name) ? null : unknownProvider(name);
}

function unknownProvider(name: string): FieldProblem {
  const message = `Nothing is published to "${name}" by this installation.`;
  return { path: 'integration_id', message, rule: 'provider_supported' };
}
