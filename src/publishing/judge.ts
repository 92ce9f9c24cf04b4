import { contentHash } from '../attempts/attempt.ts';
import type { Beginning } from '../attempts/begin-store.ts';
import type { ErrorRecord, FieldProblem } from '../errors.ts';
import { adviceFor, heldText } from '../integrations/integration.ts';
import { type Pause, textOfPause } from '../pauses/pause.ts';
import { type Decision, decide } from '../posts/plan.ts';
import { type PostContent, requestedMode } from '../posts/post.ts';
import {
  type PublishRow,
  preparedMedia,
  provenStaged,
  readContent,
  sentBefore,
} from '../posts/publish-row.ts';
import { checkPost } from '../posts/rules.ts';
import type { PostChange } from '../posts/store.ts';
import type { Publishing } from '../providers/provider.ts';

/** What a worker does with a queued post: begin an attempt, or write one change and be done. */
export type Verdict =
  | { readonly kind: 'begin'; readonly beginning: Beginning; readonly decision: Going }
  | { readonly kind: 'change'; readonly change: PostChange; readonly failure: ErrorRecord | null };

export type Going = Extract<Decision, { kind: 'go' }>;

const dayMs = 86_400_000;
/** Staged media are dropped by the provider after about a day; older ones are staged again. */
const stagedLivesMs = 20 * 3_600_000;

/** Pure: the row as read, with the database's clock in it, decides. */
export function judge(row: PublishRow, provider: Publishing): Verdict {
  const { content, problem } = readContent(row);
  if (problem !== null) return refuse(row, [{ ...problem, rule: 'media_shape' }]);
  const verdict = checkPost(provider, {
    content,
    mode: requestedMode(row),
    scheduledAt: row.scheduledAt,
    autoPublish: row.autoPublish,
    now: row.now,
  });
  if (verdict.errors.length > 0) return refuse(row, verdict.errors);
  if (row.integrationStatus !== 'active') return waitForIntegration(row);
  if (row.heldUntil !== null && row.heldUntil > row.now) return waitForLimit(row, row.heldUntil);
  const decision = decideRow(row, provider, row.now);
  switch (decision.kind) {
    case 'missed':
      return change(row, 'missed', {
        attention: decision.attention,
        waiting: null,
        nextRunAt: null,
      });
    case 'hold':
      return change(row, 'approved', {
        nextRunAt: decision.until,
        effectiveMode: decision.mode,
        waiting: decision.waiting,
      });
    case 'go':
      return { kind: 'begin', beginning: begin(row, provider, content, decision), decision };
  }
}

/** Lateness and window at `now`; asked again with a fresh clock once the media are staged. */
export function decideRow(row: PublishRow, provider: Publishing, now: Date): Decision {
  return decide({ ...row, window: provider.handoverWindow, now });
}

function begin(
  row: PublishRow,
  provider: Publishing,
  content: PostContent,
  decision: Going,
): Beginning {
  const before = sentBefore(row);
  const freshAfter = new Date(row.now.getTime() - stagedLivesMs).toISOString();
  const kept = row.prepared === null ? provenStaged(row) : preparedMedia(row);
  const staged = kept.filter((medium) => medium.at > freshAfter);
  const looks = before === null ? 0 : provider.lookCalls;
  return {
    postId: row.id,
    integrationId: row.integrationId,
    version: row.version,
    mode: decision.mode,
    scheduledAt: decision.mode === 'schedule' ? row.scheduledAt : null,
    dueAt: row.scheduledAt ?? row.approvedAt,
    content,
    contentHash: contentHash(content, decision.mode, row.scheduledAt),
    resumes: row.hasPrepared,
    staged,
    budgetKey: budgetKeyOf(row),
    calls: provider.callsFor(content) - staged.length + looks,
    sends: content.media.length === 0 && before === null,
    leavesRoom:
      decision.mode === 'schedule' && (row.scheduledAt?.getTime() ?? 0) - row.now.getTime() > dayMs,
  };
}

/** Meta counts per app and account, whichever integration the call was made for. */
export function budgetKeyOf(row: {
  readonly provider: string;
  readonly appId: string;
  readonly externalAccountId: string;
}): string {
  return `${row.provider}:${row.appId}:${row.externalAccountId}`;
}

function change(row: PublishRow, to: PostChange['to'], set: PostChange['set']): Verdict {
  return {
    kind: 'change',
    change: {
      id: row.id,
      version: row.version,
      from: ['queued'],
      to,
      set: { leaseMs: null, ...set },
    },
    failure: null,
  };
}

function waitForIntegration(row: PublishRow): Verdict {
  const { integrationStatus: status, integrationError: error = null } = row;
  const text = adviceFor({ status, error }) ?? '';
  return change(row, 'approved', {
    nextRunAt: row.now,
    waiting: { reason: 'integration', until: null, text },
  });
}

/** It stays due: it is claimed again once the pause is lifted. */
export function waitForPause(row: PublishRow, pause: Pause): Verdict {
  return change(row, 'approved', {
    nextRunAt: row.now,
    waiting: { reason: 'paused', until: null, text: textOfPause(pause) },
  });
}

/** Queued before the limit was known: one refused call of the account is enough. */
export function waitForLimit(row: PublishRow, until: Date): Verdict {
  return change(row, 'approved', {
    nextRunAt: until,
    waiting: { reason: 'meta_limit', until: until.toISOString(), text: heldText },
  });
}

function refuse(row: PublishRow, problems: readonly FieldProblem[]): Verdict {
  const failure = ruleFailure(problems, row.now);
  const set = { error: failure, waiting: null, nextRunAt: null, leaseMs: null };
  return {
    kind: 'change',
    change: { id: row.id, version: row.version, from: ['queued'], to: 'failed', set },
    failure,
  };
}

/** The error record of a post that breaks rules, however it came into the table. */
export function ruleFailure(problems: readonly FieldProblem[], now: Date): ErrorRecord {
  const text = problems
    .map(({ path, message, rule }) => `${path}: ${message} (${rule})`)
    .join('; ');
  return {
    class: 'invalid',
    key: problems[0]?.rule ?? 'rules',
    provider_code: null,
    provider_subcode: null,
    message: text.slice(0, 500),
    user_message: problems[0]?.message ?? 'The post breaks a rule.',
    action: 'Correct the post, then retry it.',
    who: 'author',
    retryable: false,
    fbtrace_id: null,
    at: now.toISOString(),
  };
}
