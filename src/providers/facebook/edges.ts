import { z } from 'zod';
import type { GraphClient } from '../../graph/client.ts';
import type { CallContext, LookRequest } from '../provider.ts';
import { readAttachments } from './attachments.ts';
import { nodePath } from './path.ts';
import { graphTime } from './time.ts';

export interface Edge {
  readonly name: 'published_posts' | 'scheduled_posts' | 'promotable_posts';
  readonly filter: Readonly<Record<string, unknown>>;
  /** Of its posts, where they do not say so themselves. */
  readonly isPublished: boolean;
  /** Newest first by `created_time`, so that reading may stop at the first page of old posts. */
  readonly isByTime: boolean;
}

export interface FoundPost {
  readonly id: string;
  readonly url: string | null;
  readonly message: string;
  readonly links: readonly string[];
  readonly photoIds: readonly string[];
  readonly isPublished: boolean;
  readonly createdAt: Date | null;
  readonly scheduledAt: Date | null;
  /** Somebody changed it after it was made. */
  readonly isChanged: boolean;
  /** How much Meta's clock was ahead of ours when it answered. */
  readonly aheadMs: number;
}

export interface EdgePosts {
  readonly posts: readonly FoundPost[];
  readonly complete: boolean;
}

const fields = [
  'id,message,created_time,updated_time,scheduled_publish_time,is_published,permalink_url',
  'attachments{target,unshimmed_url,url,type,subattachments{target,type}}',
].join(',');

const pageSize = 100;
/** 2,000 posts an edge; a Page with more within minutes is not one we can prove anything about. */
const mostPages = 20;

const postSchema = z.looseObject({
  // Any shape: one odd post among the others must not spoil the look.
  id: z.union([z.string().min(1), z.number()]).transform(String),
  message: z.string().nullish(),
  permalink_url: z.string().nullish(),
  is_published: z.boolean().nullish(),
  created_time: graphTime,
  updated_time: graphTime,
  scheduled_publish_time: graphTime,
  attachments: z.unknown().optional(),
});
const pageSchema = z.looseObject({
  data: z.array(postSchema),
  paging: z
    .looseObject({
      cursors: z.looseObject({ after: z.string().nullish() }).nullish(),
      next: z.string().nullish(),
    })
    .nullish(),
});
type Page = z.infer<typeof pageSchema>;

/** The posts of one edge back to `since`; `complete` only when it was really read that far. */
export async function readEdge(
  client: GraphClient,
  edge: Edge,
  request: LookRequest,
  context: CallContext,
): Promise<EdgePosts> {
  const posts: FoundPost[] = [];
  let after: string | undefined;
  for (let count = 0; count < mostPages; count += 1) {
    const { body, since, aheadMs } = await readPage(client, edge, request, context, after);
    const page = body.data.map((post) => toFound(post, edge, aheadMs));
    posts.push(...page.filter((post) => !isBefore(post, since)));
    // A short or empty page may still have a next one; only its absence is the end.
    const isEnd = !body.paging?.next;
    const isPast = edge.isByTime && page.length > 0 && page.every((post) => isBefore(post, since));
    if (isEnd || isPast) return { posts, complete: true };
    const cursor = body.paging?.cursors?.after ?? undefined;
    if (cursor === undefined || cursor === after) break;
    after = cursor;
  }
  return { posts, complete: false };
}

async function readPage(
  client: GraphClient,
  edge: Edge,
  { account, since }: LookRequest,
  context: CallContext,
  after: string | undefined,
): Promise<{ body: Page; since: Date; aheadMs: number }> {
  await context.beforeRead?.();
  const { body, date } = await client.request({
    method: 'GET',
    path: nodePath(account.externalAccountId, edge.name),
    effect: 'reads',
    account,
    // The cursor, never the `next` link: that one is a URL with the token in it.
    params: { fields, limit: pageSize, ...edge.filter, ...(after === undefined ? {} : { after }) },
    schema: pageSchema,
    context,
  });
  const aheadMs = date === null ? 0 : date.getTime() - Date.now();
  // Where Meta's clock is behind ours, its times are earlier: look as much further back.
  return { body, since: new Date(since.getTime() + Math.min(0, aheadMs)), aheadMs };
}

function isBefore({ createdAt }: FoundPost, since: Date): boolean {
  return createdAt !== null && createdAt < since;
}

function toFound(post: Page['data'][number], edge: Edge, aheadMs: number): FoundPost {
  const { created_time: createdAt, updated_time: updatedAt } = post;
  return {
    id: post.id,
    url: post.permalink_url ?? null,
    message: post.message ?? '',
    ...readAttachments(post.attachments),
    isPublished: post.is_published ?? edge.isPublished,
    createdAt,
    scheduledAt: post.scheduled_publish_time,
    isChanged: createdAt !== null && updatedAt !== null && updatedAt > createdAt,
    aheadMs,
  };
}
