import type { Attention, AttentionReason, PostStatus } from '../posts/post.ts';
import type { PostFields } from '../posts/store.ts';
import type { RemotePost } from '../providers/provider.ts';

/** A post that is at its provider, as the table has it. */
export interface HeldPost {
  readonly status: Extract<PostStatus, 'published' | 'scheduled' | 'drafted'>;
  readonly externalId: string;
  readonly scheduledAt: Date | null;
  readonly attention: { readonly reason: string } | null;
  /** When the call was made that created it there. */
  readonly madeAt: Date;
  /** When the provider last showed it to us; null until it first did. */
  readonly seenAt: Date | null;
  /** Since when the provider says that it does not exist; null while it does. */
  readonly missingAt: Date | null;
  /** The database's clock. */
  readonly now: Date;
}

/** What one look at the provider changes; fields that are absent stay as they are. */
export interface Finding {
  readonly to: PostStatus;
  readonly set: PostFields;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** Meta answers "does not exist" (100/33) of young objects too (graph-api.md, quirk 5). */
const youngForMs = 10 * minuteMs;
/** Two looks that find nothing are two looks only when there is some time between them. */
const secondLookAfterMs = 4 * minuteMs;
const lookAgainMs = 5 * minuteMs;
/** `created_time` this near to our call is when the post was made, not when it became visible. */
const creationMs = 30_000;
/** Meta keeps whole seconds, and its clock is not ours: what differs by less was not moved by anybody. */
const sameTimeMs = minuteMs;
/** The provider publishes at or soon after the time; it is looked for at both. */
const firstLateLookMs = 2 * minuteMs;
const lastLateLookMs = 10 * minuteMs;
const searchedForMs = dayMs + hourMs;
const draftsWatchedForMs = 30 * dayMs;

/** Raised by looks, so a later look may take them back. */
const ownReasons: ReadonlySet<string> = new Set(['not_live', 'vanished', 'not_found']);

/** Pure: what a look that found the post as `seen`, or found nothing, means for it. */
export function judgeReading(post: HeldPost, seen: RemotePost | null): Finding {
  if (seen === null) return judgeMissing(post);
  const finding = judgeSeen(post, seen);
  const permalink = seen.permalink === null ? {} : { publishUrl: seen.permalink };
  return { ...finding, set: { seenAt: post.now, missingAt: null, ...permalink, ...finding.set } };
}

function judgeSeen(post: HeldPost, seen: RemotePost): Finding {
  if (post.status === 'published') {
    return { to: 'published', set: { verifyAt: null, ...withdrawn(post) } };
  }
  if (seen.isPublished) return becamePublished(post, seen);
  const moved = post.status === 'scheduled' ? movedTo(post, seen) : null;
  if (moved !== null) {
    const at = { ...post, scheduledAt: moved };
    return {
      to: 'scheduled',
      set: { scheduledAt: moved, verifyAt: nextLook(at, seen), ...withdrawn(post) },
    };
  }
  const verifyAt = nextLook(post, seen);
  if (!isOverdue(post)) return { to: post.status, set: { verifyAt, ...withdrawn(post) } };
  return { to: post.status, set: { verifyAt, ...raised(post, notLive(post, seen)) } };
}

function becamePublished(post: HeldPost, seen: RemotePost): Finding {
  const set = { verifyAt: null, ...publishedTimes(post, seen) };
  const attention = wasNeverHidden(post, seen) ? visibleUnexpectedly(post, seen) : null;
  return { to: 'published', set: { ...set, attention } };
}

/** The first look found it public, from the moment it was made: no person did that. */
function wasNeverHidden(post: HeldPost, { createdAt }: RemotePost): boolean {
  const isFirstLook = post.seenAt === null && isYoung(post);
  if (!isFirstLook || !showsCreation(post, createdAt)) return false;
  return post.scheduledAt === null || post.status === 'drafted' || post.scheduledAt > post.now;
}

/** Early means that a person published it: that is neither late nor in time. */
function publishedTimes(post: HeldPost, seen: RemotePost): PostFields {
  const publishedAt = publishedTime(post, seen);
  if (post.status !== 'scheduled' || post.scheduledAt === null) return { publishedAt };
  const latenessMs = publishedAt.getTime() - post.scheduledAt.getTime();
  return { publishedAt, latenessMs: latenessMs < -sameTimeMs ? null : latenessMs };
}

/** Where Meta shows when the post was made and not when it became visible, its due time is the best guess. */
function publishedTime(post: HeldPost, seen: RemotePost): Date {
  const { createdAt } = seen;
  if (createdAt !== null && !showsCreation(post, createdAt)) return createdAt;
  if (wasNeverHidden(post, seen)) return createdAt ?? post.madeAt;
  const { status, scheduledAt, now } = post;
  return status === 'scheduled' && scheduledAt !== null && scheduledAt < now ? scheduledAt : now;
}

function showsCreation({ madeAt }: HeldPost, createdAt: Date | null): boolean {
  return createdAt === null || createdAt.getTime() <= madeAt.getTime() + creationMs;
}

function movedTo({ scheduledAt }: HeldPost, seen: RemotePost): Date | null {
  if (scheduledAt === null || seen.scheduledAt === null) return null;
  const byMs = Math.abs(seen.scheduledAt.getTime() - scheduledAt.getTime());
  return byMs < sameTimeMs ? null : seen.scheduledAt;
}

function judgeMissing(post: HeldPost): Finding {
  const { now, missingAt, status } = post;
  const again = new Date(now.getTime() + lookAgainMs);
  if (isYoung(post)) return { to: status, set: { verifyAt: again } };
  if (missingAt === null) return { to: status, set: { missingAt: now, verifyAt: again } };
  if (now.getTime() - missingAt.getTime() < secondLookAfterMs) {
    return { to: status, set: { verifyAt: again } };
  }
  return gone(post, missingAt);
}

function gone(post: HeldPost, missingAt: Date): Finding {
  const { status, scheduledAt } = post;
  const verifyAt = nextLook(post, null);
  if (status === 'published' || post.seenAt === null) {
    return { to: status, set: { verifyAt, ...raised(post, notFound(post)) } };
  }
  if (status === 'drafted') return { to: 'cancelled', set: { verifyAt: null, attention: null } };
  if (scheduledAt === null || missingAt < scheduledAt) {
    return { to: 'cancelled', set: { verifyAt: null, attention: deletedThere(post) } };
  }
  return { to: status, set: { verifyAt, ...raised(post, vanished(post)) } };
}

/** When a post that the provider holds is looked at next; null: never again. */
export function nextLook(post: HeldPost, seen: RemotePost | null): Date | null {
  const now = post.now.getTime();
  if (post.status === 'published') return null;
  if (post.status === 'drafted') {
    if (isWatchedEnough(post)) return null;
    // A person may have given the draft a time of its own.
    const dueAt = (seen?.scheduledAt?.getTime() ?? 0) + firstLateLookMs;
    return new Date(dueAt > now ? Math.min(now + dayMs, dueAt) : now + dayMs);
  }
  const due = post.scheduledAt?.getTime() ?? now;
  if (now < due + firstLateLookMs) return new Date(Math.min(now + dayMs, due + firstLateLookMs));
  if (now < due + lastLateLookMs) return new Date(due + lastLateLookMs);
  return now < due + searchedForMs ? new Date(now + hourMs) : null;
}

/** A draft that nobody touched for a month is nobody's any more. */
export function isWatchedEnough(post: Pick<HeldPost, 'status' | 'madeAt' | 'now'>): boolean {
  return (
    post.status === 'drafted' && post.now.getTime() - post.madeAt.getTime() >= draftsWatchedForMs
  );
}

function isYoung({ now, madeAt }: HeldPost): boolean {
  return now.getTime() - madeAt.getTime() < youngForMs;
}

/** Its second look after the due time has come. */
function isOverdue({ status, scheduledAt, now }: HeldPost): boolean {
  if (status !== 'scheduled' || scheduledAt === null) return false;
  return now.getTime() >= scheduledAt.getTime() + lastLateLookMs;
}

/** A person's open question about something else stays. */
function raised(post: HeldPost, attention: Attention): PostFields {
  const isOpen = post.attention !== null && !ownReasons.has(post.attention.reason);
  const isSame = post.attention?.reason === attention.reason;
  return isOpen || isSame ? {} : { attention };
}

/** What a look had complained of is not so any more. */
export function withdrawn({ attention }: Pick<HeldPost, 'attention'>): PostFields {
  return attention !== null && ownReasons.has(attention.reason) ? { attention: null } : {};
}

const resolvable = ['resolve_live', 'resolve_absent'] as const;

function visibleUnexpectedly(post: HeldPost, seen: RemotePost): Attention {
  const created = seen.createdAt === null ? 'no created_time' : seen.createdAt.toISOString();
  const text = `It should be ${post.status} and not be visible yet, but the network shows it as published since it was made (is_published is true, created_time ${created}). Delete it on the network if it must not be seen.`;
  return attentionOf(post, 'visible_unexpectedly', text, resolvable, seen.permalink);
}

function notLive(post: HeldPost, seen: RemotePost): Attention {
  const text =
    'Its time has passed, and the network still holds it without having published it. Publish it there, or cancel it.';
  return attentionOf(post, 'not_live', text, ['cancel'], seen.permalink);
}

function vanished(post: HeldPost): Attention {
  const text =
    'Its time has passed, and the network says that it does not exist: it was deleted there, or the network lost it. Say that it is absent to be able to retry it, or cancel it.';
  return attentionOf(post, 'vanished', text, [...resolvable, 'cancel'], null);
}

function notFound(post: HeldPost): Attention {
  const text =
    'The network answered with this post when it was made, and says now that it does not exist.';
  const choices = post.status === 'published' ? resolvable : [...resolvable, 'cancel'];
  return attentionOf(post, 'not_found', text, choices, null);
}

function deletedThere(post: HeldPost): Attention {
  const text = 'A person deleted it on the network before its time: it will not go out.';
  return attentionOf(post, 'deleted_at_provider', text, ['resolve_absent'], null);
}

function attentionOf(
  { externalId, now }: HeldPost,
  reason: AttentionReason,
  text: string,
  choices: readonly string[],
  url: string | null,
): Attention {
  const at = now.toISOString();
  const evidence = [{ external_id: externalId, url, seen_at: at }];
  return { reason, since: at, text, who: 'author', evidence, choices };
}
