import type { LookRequest } from '../provider.ts';
import type { FoundPost } from './edges.ts';

/** Whether Meta rounds schedule times is not known. */
const toleranceMs = 300_000;

interface Bound {
  readonly post: FoundPost;
  readonly certain: boolean;
}

/**
 * Which of the posts can be the one of an earlier attempt. With photos only their ids count: nobody
 * else has them. Otherwise mode, message, schedule time, and the link where a post shows it.
 */
export function bind(posts: readonly FoundPost[], request: LookRequest): readonly Bound[] {
  const staged = new Set(request.staged.map(({ id }) => id));
  if (staged.size > 0) {
    const ours = posts.filter((post) => post.photoIds.some((id) => staged.has(id)));
    return ours.map((post) => ({ post, certain: true }));
  }
  const alike = posts.filter((post) => hasText(post, request) && hasTime(post, request));
  return withLink(alike, request).map((post) => ({ post, certain: false }));
}

function hasText(post: FoundPost, { content }: LookRequest): boolean {
  return normalize(post.message) === normalize(content.message ?? '');
}

/** As Meta keeps it: trimmed, line ends as LF, composed. */
function normalize(text: string): string {
  return text.replaceAll('\r\n', '\n').trim().normalize('NFC');
}

/** A post of ours may have gone live meanwhile; never the other way round. */
function hasTime(post: FoundPost, { mode, scheduledAt }: LookRequest): boolean {
  if (post.isPublished) return true;
  if (post.scheduledAt === null) return mode === 'draft';
  if (mode !== 'schedule' || scheduledAt === null) return false;
  return Math.abs(post.scheduledAt.getTime() - scheduledAt.getTime()) <= toleranceMs;
}

/**
 * Posts that show the very link. A page may name another address for itself and Facebook then shows
 * that, so without any such post those with a text count too: better a person than a second post.
 */
function withLink(posts: readonly FoundPost[], { content }: LookRequest): readonly FoundPost[] {
  const { link, message } = content;
  if (link === null) return posts.filter((post) => post.photoIds.length === 0);
  const exact = posts.filter((post) => post.links.some((shown) => isSameLink(shown, link)));
  if (exact.length > 0 || (message ?? '').trim() === '') return exact;
  return posts.filter((post) => post.photoIds.length === 0);
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
