import { PublishError } from '../../errors.ts';
import type { GraphClient } from '../../graph/client.ts';
import type { CallContext, Candidate, Look, LookRequest } from '../provider.ts';
import { type Bound, bind } from './binding.ts';
import { type Edge, type FoundPost, readEdge } from './edges.ts';

/** Every edge where a post of any mode can show. A person may have published a draft meanwhile. */
export const edges: readonly Edge[] = [
  { name: 'published_posts', filter: {}, isPublished: true, isByTime: true },
  // Its times are those to come, so that its order says nothing about when a post was made.
  { name: 'scheduled_posts', filter: {}, isPublished: false, isByTime: false },
  // The only one that lists drafts.
  { name: 'promotable_posts', filter: { is_published: false }, isPublished: false, isByTime: true },
];

/** Looks on all edges for a post that an earlier attempt may have made. Proves absence only when complete. */
export async function look(
  client: GraphClient,
  request: LookRequest,
  context: CallContext,
): Promise<Look> {
  const seen = new Map<string, FoundPost>();
  let complete = true;
  for (const edge of edges) {
    const list = await readWhole(client, edge, request, context);
    complete &&= list.complete;
    for (const post of list.posts) seen.set(post.id, merge(seen.get(post.id), post));
  }
  return { complete, candidates: bind([...seen.values()], request).map(toCandidate) };
}

/** A failed edge makes the look incomplete; what a dead account or a limit means is for the caller. */
export async function readWhole(
  client: GraphClient,
  edge: Edge,
  request: LookRequest,
  context: CallContext,
): ReturnType<typeof readEdge> {
  try {
    return await readEdge(client, edge, request, context);
  } catch (error) {
    if (error instanceof PublishError && isPassing(error)) return { posts: [], complete: false };
    throw error;
  }
}

function isPassing({ record }: PublishError): boolean {
  return record.class === 'retry' || record.class === 'invalid' || record.class === 'not_ready';
}

/** A post that went live between two reads shows on two edges. */
export function merge(known: FoundPost | undefined, post: FoundPost): FoundPost {
  return known?.isPublished === true ? known : post;
}

function toCandidate({ post, certain, likeness }: Bound): Candidate {
  const { id: externalId, url, isPublished, createdAt, scheduledAt } = post;
  return { externalId, url, isPublished, certain, likeness, createdAt, scheduledAt };
}
