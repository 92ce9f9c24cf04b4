import { textOf } from '../attempts/row.ts';
import type { ErrorRecord } from '../errors.ts';
import { type Change, type Edit, isUntouchable, untouchableMs } from '../posts/post.ts';
import type { PostFields } from '../posts/store.ts';
import type { RemotePost } from '../providers/provider.ts';
import type { HeldRow } from './store.ts';
import { judgeReading, nextLook, withdrawn } from './verify.ts';

/** What becomes of a change, and of its post with it. */
export interface ChangeEnd {
  readonly to: 'published' | 'scheduled' | 'drafted' | 'cancelled';
  readonly set: PostFields;
}

/** Before any call: why the change may no longer be made, if so. `now` is the database's clock. */
export function refusalBeforeReading(
  row: HeldRow,
  change: Change,
  now: Date,
  minAheadMs: number,
): ErrorRecord | null {
  if (row.status === 'published') return alreadyLive(now);
  if (row.status === 'scheduled' && isUntouchable(row.scheduledAt, now)) return tooLate(now);
  if (change.kind === 'cancel') return null;
  if (row.status !== 'scheduled') return gone(now);
  const wanted = change.scheduled_at === undefined ? null : new Date(change.scheduled_at);
  return wanted !== null && wanted.getTime() < now.getTime() + minAheadMs ? tooNear(now) : null;
}

/** The same once the provider has shown the post: a person may have moved or published it there. */
export function refusalAfterReading(row: HeldRow, seen: RemotePost, now: Date): ErrorRecord | null {
  if (seen.isPublished) return alreadyLive(now);
  const isNear = row.status === 'scheduled' && isUntouchable(seen.scheduledAt, now);
  return isNear ? tooLate(now) : null;
}

/** What the provider must still be told; undefined where it already is as wanted. */
export function missingOf(
  row: Pick<HeldRow, 'link' | 'appendLink'>,
  edit: Edit,
  seen: RemotePost,
): { readonly message: string | undefined; readonly scheduledAt: Date | undefined } {
  const wanted = edit.scheduled_at === undefined ? undefined : new Date(edit.scheduled_at);
  const text = edit.message === undefined ? undefined : textOf({ ...row, message: edit.message });
  const isText = text === undefined || plain(text) === plain(seen.message);
  const isTime =
    wanted === undefined ||
    Math.ceil(wanted.getTime() / 1000) * 1000 === (seen.scheduledAt?.getTime() ?? 0);
  return {
    message: isText ? undefined : (text ?? ''),
    scheduledAt: isTime ? undefined : wanted,
  };
}

/** As Meta hands texts back. */
function plain(text: string | null): string {
  return (text ?? '').replaceAll('\r\n', '\n').normalize('NFC').trim();
}

export function edited(row: HeldRow, edit: Edit): ChangeEnd {
  const scheduledAt =
    edit.scheduled_at === undefined ? row.scheduledAt : new Date(edit.scheduled_at);
  const verifyAt = nextLook({ ...row, status: 'scheduled', scheduledAt }, null);
  return {
    to: 'scheduled',
    set: {
      ...(edit.message === undefined ? {} : { message: edit.message }),
      ...(edit.scheduled_at === undefined || scheduledAt === null
        ? {}
        : {
            scheduledAt,
            scheduledLocal: edit.scheduled_local ?? null,
            timezone: edit.timezone ?? null,
          }),
      ...withdrawn(row),
      ...settled(edit, 'done', null, row.now),
      seenAt: row.now,
      missingAt: null,
      verifyAt,
    },
  };
}

export function cancelled(row: HeldRow, change: Change): ChangeEnd {
  const set = { ...settled(change, 'done', null, row.now), verifyAt: null, attention: null };
  return { to: 'cancelled', set };
}

/** What the provider showed is written with the refusal: a post that went live is published from here on. */
export function refused(
  row: HeldRow,
  change: Change,
  { error, seen }: { readonly error: ErrorRecord; readonly seen: RemotePost | null },
): ChangeEnd {
  const end = settled(change, 'refused', error, row.now);
  if (seen?.isPublished !== true) {
    return { to: row.status, set: { ...end, verifyAt: new Date(row.now.getTime() + 60_000) } };
  }
  const { set } = judgeReading(row, seen);
  return { to: 'published', set: { ...set, ...end } };
}

/** The older the change, the rarer the tries; but its last moment is not slept through. */
export function tryAgainAt(row: HeldRow, change: Change, waitMs: number | undefined): Date {
  const now = row.now.getTime();
  const ageMs = now - Date.parse(change.requested_at);
  const backoffMs = waitMs ?? Math.min(Math.max(ageMs / 2, 15_000), 1_800_000);
  const lastAt = (row.scheduledAt?.getTime() ?? 0) - untouchableMs;
  const at = now + backoffMs;
  return new Date(row.status === 'scheduled' && lastAt > now ? Math.min(at, lastAt) : at);
}

function settled(
  change: Change,
  state: 'done' | 'refused',
  error: ErrorRecord | null,
  now: Date,
): Pick<PostFields, 'change' | 'changeAt'> {
  const record = error === null ? null : { ...error };
  return {
    change: { ...change, state, error: record, settled_at: now.toISOString() },
    changeAt: null,
  };
}

function alreadyLive(at: Date): ErrorRecord {
  const text = 'The post is live on the network: what people can see is not changed from here.';
  return own('already_live', text, 'Change or delete it on the network, if it must be.', at);
}

function tooLate(at: Date): ErrorRecord {
  const text = 'The post is due within 5 minutes: the network takes no change any more.';
  return own('change_too_late', text, 'Change or delete it on the network once it is live.', at);
}

function tooNear(at: Date): ErrorRecord {
  const text = 'The new time came too near for the network to schedule before it could be told.';
  return own('change_too_near', text, 'Give it a later time.', at);
}

export function gone(at: Date): ErrorRecord {
  const text = 'The network says that the post does not exist any more.';
  return own('post_gone', text, 'Create the post anew if it should still go out.', at);
}

function own(key: string, text: string, action: string, at: Date): ErrorRecord {
  return {
    class: 'invalid',
    key,
    provider_code: null,
    provider_subcode: null,
    message: text,
    user_message: text,
    action,
    who: 'author',
    retryable: false,
    fbtrace_id: null,
    at: at.toISOString(),
  };
}
