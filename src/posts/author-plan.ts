import type { AuthorScope, PostDraft } from './author-scope.ts';
import { aheadOf, callsOf, decide } from './plan.ts';
import type { PublishMode } from './post.ts';
import { readContent } from './publish-row.ts';

/** What would happen if this were approved now. */
export interface DraftPlan {
  readonly effectiveMode: PublishMode;
  /** When we would begin: hand it over, make it a draft, or publish it. */
  readonly handoverAt: Date;
  readonly calls: number;
}

/** Null when nothing would be sent: it is too late, or there is no such provider. */
export function planDraft(scope: AuthorScope, draft: PostDraft): DraftPlan | null {
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
    ahead: aheadOf(provider, { ...integration, isPrepared: false }),
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
