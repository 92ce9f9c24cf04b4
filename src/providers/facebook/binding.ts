import type { LookRequest } from '../provider.ts';
import type { FoundPost } from './edges.ts';

/** Whether Meta rounds schedule times is not known. */
const toleranceMs = 300_000;

export interface Bound {
  readonly post: FoundPost;
  readonly certain: boolean;
  readonly likeness: 'same' | 'alike' | 'altered';
}

/** Times go to Meta in whole seconds, rounded up. */
const sameTimeMs = 1_000;

/**
 * Which of the posts can be the one of an earlier attempt. With photos only their ids count: nobody
 * else has them. Otherwise mode, message, schedule time, and the link where a post shows it.
 */
export function bind(posts: readonly FoundPost[], request: LookRequest): readonly Bound[] {
  const staged = new Set(request.staged.map(({ id }) => id));
  if (staged.size > 0) {
    const ours = posts.filter((post) => post.photoIds.some((id) => staged.has(id)));
    return ours.map((post) => ({ post, certain: true, likeness: 'same' }));
  }
  const alike = posts.filter((post) => hasText(post, request) && hasTime(post, request));
  const found = withLink(alike, request).map(
    (post): Bound => ({ post, certain: false, likeness: isSame(post, request) ? 'same' : 'alike' }),
  );
  const altered = posts.filter((post) => isAltered(post, request));
  return [
    ...found,
    ...altered.map((post): Bound => ({ post, certain: false, likeness: 'altered' })),
  ];
}

function hasText(post: FoundPost, { content }: LookRequest): boolean {
  return normalize(post.message) === normalize(content.message ?? '');
}

/** As Meta keeps it: trimmed, line ends as LF, composed. */
export function normalize(text: string): string {
  return text.replaceAll('\r\n', '\n').trim().normalize('NFC');
}

/** A post of ours may have gone live meanwhile; never the other way round. */
function hasTime(post: FoundPost, { mode, scheduledAt }: LookRequest): boolean {
  if (post.isPublished) return true;
  if (post.scheduledAt === null) return mode === 'draft';
  if (mode !== 'schedule' || scheduledAt === null) return false;
  return Math.abs(post.scheduledAt.getTime() - scheduledAt.getTime()) <= toleranceMs;
}

/** In just the state, and with just the link, that were asked for. */
function isSame(post: FoundPost, { mode, scheduledAt, content }: LookRequest): boolean {
  if (content.link !== null && !showsLink(post, content.link)) return false;
  if (mode === 'publish') return post.isPublished;
  if (post.isPublished) return false;
  if (mode === 'draft') return post.scheduledAt === null;
  const offMs = (post.scheduledAt?.getTime() ?? 0) - (scheduledAt?.getTime() ?? 0);
  return Math.abs(offMs) <= sameTimeMs;
}

/** Made while our call was under way, changed since, and now with another text or time: a person may have done that. */
function isAltered(post: FoundPost, request: LookRequest): boolean {
  const { sentBetween: sent } = request;
  if (sent === undefined || post.createdAt === null || !post.isChanged) return false;
  if (post.photoIds.length > 0) return false;
  if (hasText(post, request) && hasTime(post, request)) return false;
  const madeMs = post.createdAt.getTime() - post.aheadMs;
  return madeMs >= sent.from.getTime() - slackMs && madeMs <= sent.until.getTime() + slackMs;
}

/** Meta's times and its Date header are in whole seconds, and the answer takes its way. */
const slackMs = 3_000;

/**
 * Posts that show the very link. A page may name another address for itself and Facebook then shows
 * that, so without any such post those with a text count too: better a person than a second post.
 */
function withLink(posts: readonly FoundPost[], { content }: LookRequest): readonly FoundPost[] {
  const { link, message } = content;
  // Only after a restored backup: which photos it was sent with is lost, but some it has.
  if (content.media.length > 0) return posts.filter((post) => post.photoIds.length > 0);
  if (link === null) return posts.filter((post) => post.photoIds.length === 0);
  const exact = posts.filter((post) => showsLink(post, link));
  if (exact.length > 0 || (message ?? '').trim() === '') return exact;
  return posts.filter((post) => post.photoIds.length === 0);
}

export function showsLink(post: Pick<FoundPost, 'links'>, link: string): boolean {
  return post.links.some((shown) => isSameLink(shown, link));
}

function isSameLink(shown: string, link: string): boolean {
  return comparable(shown) === comparable(link);
}

function comparable(link: string): string {
  const url = URL.parse(link);
  if (url === null) return link;
  url.searchParams.delete('fbclid');
  const path = url.pathname.replace(/\/+$/, '');
  return `${url.host.replace(/^www\./, '')}${path}${url.search}`;
}
