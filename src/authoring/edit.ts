import { isDeepStrictEqual } from 'node:util';
import { ConflictError, type FieldProblem } from '../errors.ts';
import {
  type Change,
  type Edit,
  isUntouchable,
  pendingChange,
  untouchableMs,
} from '../posts/post.ts';
import type { PostRow } from '../posts/row.ts';
import type { PostPatch } from './input.ts';
import { type AuthorScope, brokenRules, judgeDraft, type PostDraft } from './scope.ts';
import { type DueTime, readDueTime } from './wall-time.ts';

/**
 * What an edit of a post that its network holds comes to: the change for a worker to make, or null where nothing is
 * left to be changed. Throws ConflictError (409) and InvalidRequestError (422).
 */
export function judgeEdit(scope: AuthorScope, row: PostRow, patch: PostPatch): Edit | null {
  refuseOtherFields(row, patch);
  const due = mergeDueTime(scope, row, patch);
  const edit = editOf(scope, row, patch, due);
  const pending = pendingChange(row.change);
  if (pending !== null) {
    if (edit !== null && isSameEdit(edit, pending)) return null;
    throw changePending(pending);
  }
  if (edit === null) return null;
  if (isTooLate(row, scope.now)) throw tooLate();
  const problems = [
    ...windowProblems(scope, row, edit, due),
    ...judgeDraft(scope, editedPost(row, edit, due)).errors,
  ];
  if (problems.length > 0) throw brokenRules(problems);
  return edit;
}

/** Throws ConflictError where a cancel at the network cannot be asked for now. */
export function refuseCancel(row: PostRow, now: Date): ConflictError | null {
  const pending = pendingChange(row.change);
  if (pending !== null) return pending.kind === 'cancel' ? null : changePending(pending);
  return row.status === 'scheduled' && isUntouchable(row.scheduled_at, now) ? tooLate() : null;
}

/** Whether a cancel, or this very edit, is on its way already. */
export function isCancelPending(row: PostRow): boolean {
  return pendingChange(row.change)?.kind === 'cancel';
}

const fixedFields = [
  'integration_id',
  'link',
  'append_link',
  'media',
  'publish_mode',
  'reference',
  'metadata',
] as const;

/** Given as they are, they ask for nothing. */
function refuseOtherFields(row: PostRow, patch: PostPatch): void {
  const problems = fixedFields
    .filter((field) => patch[field] !== undefined && !isSame(patch[field], row[field]))
    .map((path) => ({
      path,
      message:
        'cannot change any more: of a post that the network holds, only message and time can',
      rule: 'scheduled_change_fields',
    }));
  if (problems.length > 0) throw brokenRules(problems);
}

/** Compared as JSON, where the order of names means nothing: jsonb gives them back in one of its own. */
function isSame(given: unknown, present: unknown): boolean {
  return isDeepStrictEqual(asJson(given), asJson(present));
}

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}

function editOf(
  { now }: AuthorScope,
  row: PostRow,
  { message }: PostPatch,
  due: DueTime,
): Edit | null {
  const isText = message === undefined || (message ?? '') === (row.message ?? '');
  const isTime = due.scheduledAt?.getTime() === row.scheduled_at?.getTime();
  if (isText && isTime) return null;
  return {
    kind: 'edit',
    state: 'pending',
    error: null,
    requested_at: now.toISOString(),
    ...(isText ? {} : { message }),
    ...(isTime || due.scheduledAt === null
      ? {}
      : {
          scheduled_at: due.scheduledAt.toISOString(),
          scheduled_local: due.scheduledLocal,
          timezone: due.timezone,
        }),
  };
}

function isSameEdit(edit: Edit, pending: Change): boolean {
  if (pending.kind !== 'edit') return false;
  return edit.message === pending.message && edit.scheduled_at === pending.scheduled_at;
}

function isTooLate({ scheduled_at: dueAt }: PostRow, now: Date): boolean {
  return dueAt !== null && dueAt.getTime() < now.getTime() + untouchableMs;
}

/** A post that the network holds stays in its scheduler: the new time must be one that it takes now. */
function windowProblems(
  scope: AuthorScope,
  row: PostRow,
  edit: Edit,
  due: DueTime,
): readonly FieldProblem[] {
  const integration = scope.integrations.get(row.integration_id);
  const window = scope.publishers.get(row.provider)?.handoverWindow;
  const isMoved = due.scheduledAt?.getTime() !== row.scheduled_at?.getTime();
  if (!isMoved || due.scheduledAt === null || !window) return [];
  const isNarrow = (integration?.nearWindowUntil ?? scope.now) > scope.now;
  const maxAheadMs = isNarrow ? window.certainAheadMs : window.maxAheadMs;
  const aheadMs = due.scheduledAt.getTime() - Date.parse(edit.requested_at);
  if (aheadMs >= window.minAheadMs && aheadMs <= maxAheadMs) return [];
  const [min, max] = [window.minAheadMs / 60_000, maxAheadMs / 86_400_000];
  const message = `must be ${min} minutes to ${max} days ahead: the network already holds the post`;
  return [{ path: 'scheduled_at', message, rule: 'scheduled_change_window' }];
}

/** The post as the edit leaves it. */
export function editedPost(row: PostRow, edit: Edit | null, due: DueTime): PostDraft & DueTime {
  return {
    integrationId: row.integration_id,
    message: edit?.message === undefined ? row.message : edit.message,
    link: row.link,
    appendLink: row.append_link,
    media: row.media,
    publishMode: 'schedule',
    ...due,
  };
}

function changePending(pending: Change): ConflictError {
  const what = pending.kind === 'edit' ? 'An edit' : 'A cancel';
  const text = `${what} of this post is on its way to the network: wait for its end.`;
  return new ConflictError('change_pending', text);
}

function tooLate(): ConflictError {
  const text =
    'The post is scheduled and due within 5 minutes, or was just now: the network takes no change of it.';
  return new ConflictError('too_late_to_change', text);
}

/** Whichever of the two forms is given replaces the other; a zone alone moves the wall time there is. */
export function mergeDueTime(scope: AuthorScope, row: PostRow, patch: PostPatch): DueTime {
  const { scheduled_at: instant, scheduled_local: local, timezone } = patch;
  if (instant === undefined && local === undefined && (timezone ?? null) === null) {
    return {
      scheduledAt: row.scheduled_at,
      scheduledLocal: row.scheduled_local,
      timezone: row.timezone,
    };
  }
  const isZoneAlone = instant === undefined && local === undefined;
  const read = readDueTime(
    {
      scheduledAt: instant,
      scheduledLocal: isZoneAlone ? row.scheduled_local : local,
      timezone: timezone ?? (typeof local === 'string' ? row.timezone : null),
    },
    scope.timezone,
  );
  if (read.due === null) throw brokenRules([read.problem]);
  return read.due;
}
