import { z } from 'zod';
import { PublishError } from '../../errors.ts';
import type { GraphClient } from '../../graph/client.ts';
import { idSchema } from '../../graph/wire.ts';
import type { CallContext } from '../account.ts';
import {
  type CapabilityName,
  type CapabilityValue,
  readingOf,
  type Seen,
} from '../capabilities.ts';
import type { PublishMode } from '../content.ts';
import type { ListedPost, Listing, ListRequest, MediumRequest, SeenList } from '../provider.ts';
import { graphTime, nodePath, postIdSchema } from './wire.ts';

interface Edge {
  readonly mode: PublishMode;
  readonly name: string;
  readonly filter: Readonly<Record<string, unknown>>;
}

/** Hidden posts first: one that goes live while they are read shows on the live edge then. */
const edges: readonly Edge[] = [
  { mode: 'draft', name: 'promotable_posts', filter: { is_published: false } },
  { mode: 'schedule', name: 'scheduled_posts', filter: {} },
  { mode: 'publish', name: 'published_posts', filter: {} },
];

const fields = [
  'id,message,created_time,scheduled_publish_time,is_published,permalink_url,application',
  'attachments{type,media_type,target,unshimmed_url,url,subattachments{type,media_type,target}}',
].join(',');

/** Meta answers code 1 where a page holds too much for it. */
const pageSizes = [100, 25, 5, 1] as const;
const tooMuchCode = 1;
/** 2,000 posts an edge; a Page with more is not one where we can prove anything. */
const mostPages = 20;

/** Everything on these edges since then. Where Meta's clock is behind ours, it looks as much further back. */
export async function list(
  client: GraphClient,
  { account, since, modes }: ListRequest,
  context: CallContext,
): Promise<Listing> {
  const posts = new Map<string, ListedPost>();
  const lists: SeenList[] = [];
  let aheadMs: number | null = null;
  for (const edge of edges.filter(({ mode }) => modes.includes(mode))) {
    const read = await readEdge({ client, edge, account, context }, since);
    lists.push({ mode: edge.mode, seen: read.seen, isNewestFirst: read.isNewestFirst });
    aheadMs = read.aheadMs ?? aheadMs;
    for (const post of read.posts)
      posts.set(post.externalId, live(posts.get(post.externalId), post));
  }
  return { posts: [...posts.values()], lists, aheadMs };
}

/** A post that went live between two reads shows on two edges. */
function live(known: ListedPost | undefined, post: ListedPost): ListedPost {
  return known?.isPublished === true ? known : post;
}

interface Reading {
  readonly client: GraphClient;
  readonly edge: Edge;
  readonly account: ListRequest['account'];
  readonly context: CallContext;
}

interface EdgeRead extends Pick<SeenList, 'seen' | 'isNewestFirst'> {
  readonly posts: readonly ListedPost[];
  readonly aheadMs: number | null;
}

/** The posts of one edge back to `since`. What a dead account or a limit means is for the caller: they are thrown. */
async function readEdge(reading: Reading, since: Date): Promise<EdgeRead> {
  const posts: ListedPost[] = [];
  const order = new Order();
  let aheadMs: number | null = null;
  let after: string | undefined;
  let seen: SeenList['seen'] = 'cut';
  try {
    for (let size = 0, count = 0; count < mostPages; count += 1) {
      const page = await readPage(reading, after, size);
      size = page.size;
      aheadMs = page.aheadMs ?? aheadMs;
      posts.push(...page.posts);
      order.add(page.posts);
      const from = new Date(since.getTime() + Math.min(0, aheadMs ?? 0));
      if (page.after === null || order.isPast(from)) {
        seen = 'whole';
        break;
      }
      // Without a cursor that moves there is no way on.
      if (page.after === '' || page.after === after) break;
      after = page.after;
    }
  } catch (error) {
    seen = failureOf(error);
  }
  const from = new Date(since.getTime() + Math.min(0, aheadMs ?? 0));
  const recent = posts.filter(({ createdAt }) => createdAt === null || createdAt >= from);
  return { posts: recent, seen, aheadMs, isNewestFirst: order.isNewestFirst() };
}

/** Meta promises no order, and calls its lists ranked: only what was read can prove one. */
class Order {
  #last: Date | null = null;
  #newest: Date | null = null;
  #falls = false;
  #isBroken = false;

  add(posts: readonly ListedPost[]): void {
    for (const { createdAt } of posts) {
      if (createdAt === null || (this.#last !== null && createdAt > this.#last)) {
        this.#isBroken = true;
      }
      if (this.#last !== null && createdAt !== null && createdAt < this.#last) this.#falls = true;
      this.#last = createdAt ?? this.#last;
      if (createdAt !== null && (this.#newest === null || createdAt > this.#newest)) {
        this.#newest = createdAt;
      }
    }
  }

  /** Newest first all along, from one that is newer than `since` to one that is older. */
  isPast(since: Date): boolean {
    if (this.#isBroken || this.#last === null || this.#newest === null) return false;
    return this.#newest >= since && this.#last < since;
  }

  isNewestFirst(): boolean | null {
    if (this.#isBroken) return false;
    return this.#falls ? true : null;
  }
}

/**
 * Which lists the token may read, by the very calls that looks make. One that did not answer is absent. The list of
 * published posts has to be read: what it answers else is thrown.
 */
export async function tryLists(
  client: GraphClient,
  account: ListRequest['account'],
  context: CallContext,
): Promise<Seen> {
  const seen: Partial<Record<CapabilityName, CapabilityValue>> = {};
  for (const edge of edges) {
    try {
      await readPage({ client, edge, account, context }, undefined, pageSizes.length - 1);
      seen[readingOf[edge.mode]] = 'yes';
    } catch (error) {
      if (edge.mode === 'publish') throw error;
      if (failureOf(error) === 'forbidden') seen[readingOf[edge.mode]] = 'no';
    }
  }
  return seen;
}

/** Permissions of the app or of the person's task, for this edge: publishing may work all the same. */
function failureOf(error: unknown): 'failed' | 'forbidden' {
  if (!(error instanceof PublishError)) throw error;
  const { class: kind, provider_code: code } = error.record;
  if (kind === 'permission' && code !== null && (code === 10 || (code >= 200 && code < 300))) {
    return 'forbidden';
  }
  if (kind === 'retry' || kind === 'invalid' || kind === 'not_ready') return 'failed';
  throw error;
}

const postSchema = z.looseObject({
  // Any shape: one odd post among the others must not spoil the look.
  id: z.union([z.string().min(1), z.number()]).transform(String),
  message: z.string().nullish(),
  permalink_url: z.string().nullish(),
  is_published: z.boolean().nullish(),
  application: z.looseObject({ id: idSchema }).nullish().catch(null),
  created_time: graphTime,
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

interface Page {
  readonly posts: readonly ListedPost[];
  /** Null: this was the last one. */
  readonly after: string | null;
  /** Index of the page size that Meta took. */
  readonly size: number;
  readonly aheadMs: number | null;
}

async function readPage(reading: Reading, after: string | undefined, size: number): Promise<Page> {
  const { client, edge, account, context } = reading;
  await context.beforeRead?.();
  const cursor = after === undefined ? {} : { after };
  try {
    const { body, date } = await client.request({
      method: 'GET',
      path: nodePath(account.externalAccountId, edge.name),
      effect: 'reads',
      account,
      // The cursor, never the `next` link: that one is a URL with the token in it.
      params: { fields, limit: pageSizes[size], ...edge.filter, ...cursor },
      schema: pageSchema,
      context,
    });
    return {
      posts: body.data.map((post) => toListed(post, edge)),
      // A short or empty page may still have a next one; only its absence is the end.
      after: body.paging?.next ? (body.paging.cursors?.after ?? '') : null,
      size,
      aheadMs: date === null ? null : date.getTime() - Date.now(),
    };
  } catch (error) {
    const isTooMuch = error instanceof PublishError && error.record.provider_code === tooMuchCode;
    if (!isTooMuch || size + 1 >= pageSizes.length) throw error;
    return readPage(reading, after, size + 1);
  }
}

function toListed(post: z.output<typeof postSchema>, edge: Edge): ListedPost {
  return {
    externalId: post.id,
    url: post.permalink_url ?? null,
    message: post.message ?? null,
    ...readAttachments(post.attachments),
    appId: post.application?.id ?? null,
    isPublished: post.is_published ?? edge.mode === 'publish',
    createdAt: post.created_time,
    scheduledAt: post.scheduled_publish_time,
  };
}

const part = z.looseObject({
  type: z.string().nullish(),
  media_type: z.string().nullish(),
  target: z
    .looseObject({ id: idSchema.nullish().catch(null), url: z.string().nullish().catch(null) })
    .nullish(),
});
type Part = z.output<typeof part>;
const attachment = part.extend({
  url: z.string().nullish(),
  unshimmed_url: z.string().nullish(),
  subattachments: z.looseObject({ data: z.array(part) }).nullish(),
});
const attachments = z.looseObject({ data: z.array(attachment) });

type Shown = Pick<ListedPost, 'links' | 'mediaIds' | 'mediaState'>;

/** What a post shows below its text. The target of an event or of another post is no photo of it. */
function readAttachments(value: unknown): Shown {
  const none = { links: [], mediaIds: [] };
  if (value === undefined || value === null) return { ...none, mediaState: 'missing' };
  const shown = attachments.safeParse(value).data?.data;
  if (shown === undefined) return { ...none, mediaState: 'odd' };
  const albums = shown.filter((one) => isOf(one, /album$/));
  const parts = [...shown.filter((one) => !albums.includes(one)), ...albums.flatMap(partsOf)];
  const photos = parts.filter((one) => isOf(one, /^photo$/));
  const isOdd =
    parts.some(({ type, media_type: kind }) => !type && !kind) ||
    photos.some(({ target }) => !target?.id) ||
    albums.some((album) => partsOf(album).length === 0);
  return {
    links: shown.flatMap((one) =>
      [one.unshimmed_url, one.url, one.target?.url].flatMap((url) => (url ? [unshim(url)] : [])),
    ),
    mediaIds: photos.flatMap(({ target }) => target?.id ?? []),
    mediaState: isOdd ? 'odd' : 'known',
  };
}

function isOf({ type, media_type: kind }: Part, wanted: RegExp): boolean {
  return wanted.test(type ?? '') || wanted.test(kind ?? '');
}

function partsOf({ subattachments }: z.output<typeof attachment>): readonly Part[] {
  return subattachments?.data ?? [];
}

/** Facebook shows links through its own redirect: `https://l.facebook.com/l.php?u=<link>`. */
function unshim(url: string): string {
  const parsed = URL.parse(url);
  const isShim = parsed?.hostname.endsWith('facebook.com') === true && parsed.pathname === '/l.php';
  return (isShim ? parsed.searchParams.get('u') : null) ?? url;
}

const photoSchema = z.looseObject({ page_story_id: postIdSchema.nullish().catch(null) });

/** A photo names the post that it is in: nobody else has it, so that one post is certain. */
export async function postOfMedium(
  client: GraphClient,
  { account, mediumId }: MediumRequest,
  context: CallContext,
): Promise<string | null> {
  await context.beforeRead?.();
  try {
    const { body } = await client.request({
      method: 'GET',
      path: nodePath(mediumId),
      effect: 'reads',
      account,
      params: { fields: 'page_story_id' },
      schema: photoSchema,
      context,
    });
    return body.page_story_id ?? null;
  } catch (error) {
    failureOf(error);
    return null;
  }
}

/** As Meta keeps a text: trimmed, line ends as LF, composed. */
export function textKeyOf(message: string | null): string {
  return (message ?? '').replaceAll('\r\n', '\n').trim().normalize('NFC');
}

/** Mentions are shown as the Page's name, documented; blanks, controls and selectors may be changed too. */
export function skeletonOf(message: string | null): string {
  return (message ?? '')
    .replaceAll('*', '')
    .replaceAll(/@\[\d+(?::[^\]]*)?\]/g, '*')
    .normalize('NFKD')
    .replaceAll(/[^\p{L}\p{N}\p{Extended_Pictographic}*]/gu, '')
    .toLowerCase();
}

export function showsLink({ links }: Pick<ListedPost, 'links'>, link: string): boolean {
  return links.some((shown) => comparable(shown) === comparable(link));
}

function comparable(link: string): string {
  const url = URL.parse(link);
  if (url === null) return link;
  url.searchParams.delete('fbclid');
  const path = url.pathname.replace(/\/+$/, '');
  return `${url.host.replace(/^www\./, '')}${path}${url.search}`;
}
