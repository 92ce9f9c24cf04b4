import type { Attention, PostStatus, PublishMode } from '../posts/post.ts';
import type { PublishRow } from '../posts/publish-row.ts';
import type { PostFields } from '../posts/store.ts';
import type { ListedPost, Publishing } from '../providers/provider.ts';

/** The read-back is a later job: reads lag behind writes at Meta, and nothing waits for it. */
export const readBackAfterMs = 60_000;

type Shown = Pick<ListedPost, 'externalId' | 'url' | 'isPublished' | 'createdAt' | 'scheduledAt'>;

/** A post that is at the provider after all: its row says what the provider shows, whatever was asked for. */
export function foundAt(
  { row, provider, mode }: { row: PublishRow; provider: Publishing; mode: PublishMode },
  shown: Shown,
  now: Date,
): { readonly to: PostStatus; readonly set: PostFields } {
  return {
    to: statusOf(shown),
    set: {
      effectiveMode: mode,
      externalId: shown.externalId,
      publishUrl: shown.url ?? provider.publishUrl(shown.externalId),
      verifyInMs: readBackAfterMs,
      error: null,
      attention: attentionFor(row, mode, shown, now),
      waiting: null,
      nextRunAt: null,
      leaseMs: null,
      ...liveTimes(row, shown),
    },
  };
}

/** Times go to a network in whole seconds, rounded up. */
const sameTimeMs = 1_000;

/** Whether a post that was to be revealed is, as far as its network shows it. */
export function isShown(
  post: Pick<Shown, 'isPublished' | 'scheduledAt'>,
  mode: PublishMode,
  { scheduledAt }: Pick<PublishRow, 'scheduledAt'>,
): boolean {
  if (post.isPublished) return true;
  if (mode !== 'schedule' || post.scheduledAt === null || scheduledAt === null) return false;
  return Math.abs(post.scheduledAt.getTime() - scheduledAt.getTime()) <= sameTimeMs;
}

function statusOf({ isPublished, scheduledAt }: Shown): PostStatus {
  if (isPublished) return 'published';
  return scheduledAt === null ? 'drafted' : 'scheduled';
}

/** By the provider's clock, as far as it says; it counts in whole seconds, so that nothing was early. */
function liveTimes({ scheduledAt }: PublishRow, { isPublished, createdAt }: Shown): PostFields {
  if (!isPublished || createdAt === null) return {};
  if (scheduledAt === null) return { publishedAt: createdAt };
  const latenessMs = Math.max(0, createdAt.getTime() - scheduledAt.getTime());
  return { publishedAt: createdAt, latenessMs };
}

function attentionFor(
  { scheduledAt }: PublishRow,
  mode: PublishMode,
  { externalId, url, isPublished }: Shown,
  now: Date,
): Attention | null {
  const isDue = mode === 'schedule' && scheduledAt !== null && scheduledAt <= now;
  if (!isPublished || mode === 'publish' || isDue) return null;
  const at = now.toISOString();
  return {
    reason: 'visible_unexpectedly',
    since: at,
    text: `It was sent as a ${mode === 'draft' ? 'draft' : 'scheduled post'}, but the network shows it as published. If nobody published it there by hand, delete it if it must not be seen.`,
    who: 'author',
    evidence: [{ external_id: externalId, url, seen_at: at }],
    choices: ['resolve_live', 'resolve_absent'],
  };
}
