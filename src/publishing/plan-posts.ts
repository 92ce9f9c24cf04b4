import { readContent } from '../attempts/row.ts';
import type { Database } from '../db/client.ts';
import { adviceFor } from '../integrations/integration.ts';
import { aheadOf, callsOf, decide } from '../posts/plan.ts';
import { requestedMode, type Waiting } from '../posts/post.ts';
import { checkPost } from '../posts/rules.ts';
import { changePosts, type PostChange, type PostFields } from '../posts/store.ts';
import type { PublishMode } from '../providers/content.ts';
import type { Publishing } from '../providers/provider.ts';
import { lockUnplanned, type UnplannedRow } from './due-store.ts';
import { ruleFailure } from './judge.ts';

const batchSize = 500;

/**
 * Gives every newly approved post its moment, or its refusal: whoever approved it, by HTTP or by SQL, the same rules
 * run here. Resolves with how many were planned; when that is a whole batch there may be more.
 */
export async function planPosts(
  db: Database,
  providers: ReadonlyMap<string, Publishing>,
): Promise<{ readonly planned: number; readonly mayBeMore: boolean }> {
  const planned = await db.transaction(async (tx) => {
    const rows = await lockUnplanned(tx, batchSize);
    await changePosts(
      tx,
      rows.map((row) => plan(row, providers.get(row.provider))),
    );
    return rows.length;
  });
  return { planned, mayBeMore: planned === batchSize };
}

function plan(row: UnplannedRow, provider: Publishing | undefined): PostChange {
  if (provider === undefined) {
    const message = `nothing publishes to "${row.provider}"`;
    return fail(row, [{ path: 'integration_id', message, rule: 'provider_supported' }]);
  }
  const { content, problem } = readContent(row);
  if (problem !== null) return fail(row, [{ ...problem, rule: 'media_shape' }]);
  const mode = requestedMode(row);
  const { errors } = checkPost(provider, { ...row, content, mode });
  if (errors.length > 0) return fail(row, errors);

  const decision = decide({
    ...row,
    window: provider.handoverWindow,
    ahead: aheadOf(provider, row),
  });
  const callsIn = (chosen: PublishMode): number =>
    callsOf(provider, content, { mode: chosen, capabilities: row.capabilities });
  switch (decision.kind) {
    case 'missed':
      return change(row, 'missed', { attention: decision.attention });
    case 'hold':
      return change(row, 'approved', {
        calls: callsIn(decision.mode),
        effectiveMode: decision.mode,
        nextRunAt: decision.until,
        waiting: waitsForIntegration(row) ?? decision.waiting,
      });
    case 'go':
      return change(row, 'approved', {
        calls: callsIn(decision.mode),
        effectiveMode: decision.mode,
        nextRunAt: row.now,
        waiting: waitsForIntegration(row),
      });
  }
}

/** Said long before it is due: what a person must do may take a while. */
function waitsForIntegration(row: UnplannedRow): Waiting | null {
  const text = adviceFor({ status: row.integrationStatus, error: row.integrationError });
  return text === null ? null : { reason: 'integration', until: null, text };
}

function fail(row: UnplannedRow, problems: Parameters<typeof ruleFailure>[0]): PostChange {
  return change(row, 'failed', { error: ruleFailure(problems, row.now), waiting: null });
}

function change(row: UnplannedRow, to: PostChange['to'], set: PostFields): PostChange {
  return { id: row.id, version: row.version, from: ['approved'], to, set };
}
