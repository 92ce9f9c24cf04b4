import { contentHash } from '../attempts/attempt.ts';
import type { AttemptRequest } from '../attempts/begin-store.ts';
import {
  earlierHidden,
  type PreparedAttempt,
  type PublishRow,
  preparedBefore,
  provenStaged,
  readContent,
  sentBefore,
} from '../attempts/row.ts';
import type { ErrorRecord, FieldProblem } from '../errors.ts';
import { budgetKeyOf } from '../integrations/booking.ts';
import { adviceFor, type Hold, waitingWhileHeld } from '../integrations/integration.ts';
import { type Pause, textOfPause } from '../integrations/pause.ts';
import { aheadOf, callsOfReveal, type Decision, decide, isHiddenFirst } from '../posts/plan.ts';
import { requestedMode } from '../posts/post.ts';
import { checkPost } from '../posts/rules.ts';
import type { PostChange } from '../posts/store.ts';
import type { CallRecord, PostContent, StagedMedium } from '../providers/content.ts';
import type { Publishing } from '../providers/provider.ts';

/** What a worker does with a queued post: begin an attempt, or write one change and be done. */
export type Verdict =
  | ({ readonly kind: 'begin' } & Begin)
  | { readonly kind: 'change'; readonly change: PostChange; readonly failure: ErrorRecord | null };

interface Begin {
  readonly beginning: AttemptRequest;
  readonly decision: Going;
  /** What the attempt has from the runs before. */
  readonly opening: {
    readonly inTwoSteps: boolean;
    readonly hiddenId: string | null;
    readonly calls: CallRecord[];
    readonly booked: number;
  };
}

export type Going = Extract<Decision, { kind: 'go' }>;

const dayMs = 86_400_000;

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
  if (row.heldUntil !== null && row.heldUntil > row.now) {
    return waitForLimit(row, row.heldUntil, row.heldFor ?? null);
  }
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
      return { kind: 'begin', ...begin(row, provider, content, decision), decision };
  }
}

/** Lateness and window at `now`; asked again with a fresh clock once the media are staged. */
export function decideRow(row: PublishRow, provider: Publishing, now: Date): Decision {
  const isPrepared = Boolean(preparedBefore(row)?.hiddenId);
  const { handoverWindow: window } = provider;
  return decide({ ...row, window, ahead: aheadOf(provider, { ...row, isPrepared }), now });
}

function begin(
  row: PublishRow,
  provider: Publishing,
  content: PostContent,
  decision: Going,
): Omit<Begin, 'decision'> {
  const inTwoSteps = isHiddenFirst(provider, decision.mode, row);
  const before = preparedBefore(row);
  // One that holds a hidden post cannot go on where the post is now to go out in one step.
  const prepared = before?.hiddenId && !inTwoSteps ? null : before;
  const hiddenId = prepared?.hiddenId ?? null;
  const staged = hiddenId === null ? stagedFor(row, provider, { prepared, decision }) : [];
  const need = { content, decision, prepared, staged, inTwoSteps };
  return {
    beginning: {
      postId: row.id,
      integrationId: row.integrationId,
      version: row.version,
      mode: decision.mode,
      scheduledAt: decision.mode === 'schedule' ? row.scheduledAt : null,
      dueAt: row.scheduledAt ?? row.approvedAt,
      content,
      contentHash: contentHash(content, decision.mode, row.scheduledAt),
      resumes: prepared?.id ?? null,
      replaces: row.prepared !== null && prepared === null,
      // Those of a hidden post are in it.
      staged: hiddenId === null ? staged : (prepared?.staged ?? []),
      budgetKey: budgetKeyOf(row),
      ...needsOf(row, provider, need),
      kept: prepared?.reserved ?? 0,
      leavesRoom: isFarHandover(row, decision),
    },
    opening: { inTwoSteps, hiddenId, calls: prepared?.calls ?? [], booked: prepared?.booked ?? 0 },
  };
}

function isFarHandover(row: PublishRow, { mode }: Going): boolean {
  return mode === 'schedule' && (row.scheduledAt?.getTime() ?? 0) - row.now.getTime() > dayMs;
}

interface Need {
  readonly content: PostContent;
  readonly decision: Going;
  readonly prepared: PreparedAttempt | null;
  readonly staged: readonly StagedMedium[];
  readonly inTwoSteps: boolean;
}

/** Photos that a lost answer may have put into a post, or that were staged for another mode, are staged anew. */
function stagedFor(
  row: PublishRow,
  provider: Publishing,
  { prepared, decision }: { prepared: PreparedAttempt | null; decision: Going },
): readonly StagedMedium[] {
  if (prepared?.isCreating === true) return [];
  if (prepared !== null && prepared.mode !== decision.mode) return [];
  const freshAfter = new Date(row.now.getTime() - provider.stagedLivesMs).toISOString();
  const kept = prepared === null ? provenStaged(row) : prepared.staged;
  return kept.every((medium) => medium.at > freshAfter) ? kept : [];
}

/** The calls that are left to make, and which comes first. */
function needsOf(
  row: PublishRow,
  provider: Publishing,
  { content, decision, prepared, staged, inTwoSteps }: Need,
): Pick<AttemptRequest, 'calls' | 'opens'> {
  const reveal = callsOfReveal(decision.mode, row.capabilities);
  if (prepared?.hiddenId) return { calls: reveal, opens: 'sends' };
  const looks = (sentBefore(row) === null ? 0 : provider.lookCalls) + earlierHidden(row).length;
  const calls = provider.callsFor(content) - staged.length + (inTwoSteps ? reveal : 0) + looks;
  if (looks > 0 || staged.length < content.media.length) return { calls, opens: 'stages' };
  if (inTwoSteps) return { calls, opens: 'creates' };
  // An attempt that goes on is committed as sent by itself: another of equal content may be in its way.
  return { calls, opens: prepared === null && content.media.length === 0 ? 'sends' : 'stages' };
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

/** Queued before the hold was known: one refused call of the account is enough. */
export function waitForLimit(row: PublishRow, until: Date, hold: Hold | null): Verdict {
  return change(row, 'approved', {
    nextRunAt: until,
    waiting: { ...waitingWhileHeld(hold), until: until.toISOString() },
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
