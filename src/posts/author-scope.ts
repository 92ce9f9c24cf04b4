import type { FieldProblem } from '../errors.ts';
import type { Publishing } from '../providers/provider.ts';
import { type PostStatus, type PublishMode, requestedMode } from './post.ts';
import { readContent } from './publish-row.ts';
import { checkPost, type RuleVerdict } from './rules.ts';
import { type DueTime, repeatedTime } from './wall-time.ts';

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

function unknownProvider(name: string): FieldProblem {
  const message = `Nothing is published to "${name}" by this installation.`;
  return { path: 'integration_id', message, rule: 'provider_supported' };
}
