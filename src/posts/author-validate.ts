import type { FieldProblem } from '../errors.ts';
import type { PostInput } from './author-input.ts';
import { type DraftPlan, planDraft } from './author-plan.ts';
import { type AuthorNeeds, loadScope } from './author-read-store.ts';
import { type AuthorIntegration, judgeDraft } from './author-scope.ts';
import { draftOf, noSuchIntegration } from './author-store.ts';
import { repeatedTime } from './wall-time.ts';

export interface Validation {
  readonly errors: readonly FieldProblem[];
  readonly warnings: readonly FieldProblem[];
  /** Null when it would be refused, or come too late. */
  readonly plan: DraftPlan | null;
  readonly integration: AuthorIntegration;
  readonly now: Date;
}

/** What approving this would come to, as everything is now; nothing is stored. Throws NotFoundError. */
export async function validatePost(
  needs: AuthorNeeds,
  tenantId: string,
  input: PostInput,
): Promise<Validation> {
  const scope = await loadScope(needs, tenantId, [input.integration_id]);
  const integration = scope.integrations.get(input.integration_id.toLowerCase());
  if (integration === undefined) throw noSuchIntegration(scope, input.integration_id);
  const found = { integration, now: scope.now };
  const draft = draftOf(scope, '', input);
  if ('problem' in draft) return { ...found, errors: [draft.problem], warnings: [], plan: null };
  const { errors, warnings } = judgeDraft(scope, draft);
  if (errors.length > 0) return { ...found, errors, warnings, plan: null };
  const plan = planDraft(scope, draft);
  const late = plan === null ? [tooLate(scope.lateLimitS)] : [];
  return { ...found, errors, warnings: [...warnings, ...late, ...repeatedTime(draft)], plan };
}

function tooLate(lateLimitS: number): FieldProblem {
  const message = `It was due longer ago than the tenant's limit of ${lateLimitS} seconds: it would be missed.`;
  return { path: 'scheduled_at', message, rule: 'late_limit' };
}
