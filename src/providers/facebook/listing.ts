import type { GraphClient } from '../../graph/client.ts';
import type { PostContent } from '../../posts/post.ts';
import type { CallContext, ListedPost, Listing, ListRequest } from '../provider.ts';
import { normalize, showsLink } from './binding.ts';
import type { FoundPost } from './edges.ts';
import { edges, merge, readWhole } from './look.ts';

/** Everything on all edges since then. Hidden posts first: one that goes live meanwhile shows on the live edge. */
export async function listPosts(
  client: GraphClient,
  { account, since }: ListRequest,
  context: CallContext,
): Promise<Listing> {
  const seen = new Map<string, FoundPost>();
  let complete = true;
  const content = { message: null, link: null, media: [] };
  const request = {
    account,
    since,
    content,
    staged: [],
    mode: 'publish',
    scheduledAt: null,
  } as const;
  for (const edge of edges.toReversed()) {
    const list = await readWhole(client, edge, request, context);
    complete &&= list.complete;
    for (const post of list.posts) seen.set(post.id, merge(seen.get(post.id), post));
  }
  return { complete, posts: [...seen.values()].map(toListed) };
}

function toListed(post: FoundPost): ListedPost {
  const { id: externalId, url, links, photoIds, isPublished, createdAt, scheduledAt } = post;
  const textKey = textKeyOf(post.message);
  return {
    externalId,
    url,
    textKey,
    links,
    mediaIds: photoIds,
    isPublished,
    createdAt,
    scheduledAt,
  };
}

export function textKeyOf(message: string | null): string {
  return normalize(message ?? '');
}

/**
 * Photos are not counted: albums show a part of theirs. A page may name another address for itself, so that a text
 * without photos can be the one with a link.
 */
export function isAlike(listed: ListedPost, { link, media, message }: PostContent): boolean {
  if (media.length > 0) return listed.mediaIds.length > 0;
  if (link === null || link === '') return listed.mediaIds.length === 0;
  if (showsLink(listed, link)) return true;
  return (message ?? '').trim() !== '' && listed.mediaIds.length === 0;
}
