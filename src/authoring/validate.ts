import { readContent } from '../attempts/row.ts';
import type { FieldProblem } from '../errors.ts';
import { aheadOf, callsOf, decide } from '../posts/plan.ts';
import type { PublishMode } from '../providers/content.ts';
import { draftOf, noSuchIntegration } from './create-store.ts';
import type { PostInput } from './input.ts';
import { type AuthorNeeds, loadScope } from './read-store.ts';
import { type AuthorIntegration, type AuthorScope, judgeDraft, type PostDraft } from './scope.ts';
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

/** What would happen if this were approved now. */
interface DraftPlan {
  readonly effectiveMode: PublishMode;
  /** When we would begin: hand it over, make it a draft, or publish it. */
  readonly handoverAt: Date;
  readonly calls: number;
}

/** Null when nothing would be sent: it is too late, or there is no such provider. */
function planDraft(scope: AuthorScope, draft: PostDraft): DraftPlan | null {
  const integration = scope.integrations.get(draft.integrationId);
  const provider = scope.publishers.get(integration?.provider ?? '');
  if (integration === undefined || provider === undefined) return null;
  const decision = decide({
    publishMode: draft.publishMode,
    scheduledAt: draft.scheduledAt,
    approvedAt: scope.now,
    autoPublish: scope.autoPublish,
    lateLimitS: scope.lateLimitS,
    window: provider.handoverWindow,
    nearWindowUntil: integration.nearWindowUntil,
    isTooNear: false,
    ahead: aheadOf(provider, { ...draft, ...integration, isPrepared: false }),
    now: scope.now,
  });
  const { content } = readContent(draft);
  const { capabilities } = integration;
  const callsIn = (mode: PublishMode): number => callsOf(provider, content, { mode, capabilities });
  switch (decision.kind) {
    case 'missed':
      return null;
    case 'hold':
      return {
        effectiveMode: decision.mode,
        handoverAt: decision.until,
        calls: callsIn(decision.mode),
      };
    case 'go':
      return { effectiveMode: decision.mode, handoverAt: scope.now, calls: callsIn(decision.mode) };
  }
}
