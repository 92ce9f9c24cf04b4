import { createHash } from 'node:crypto';
import { permalink } from '../graph/nodes.ts';
import type { LoggedRequest, NumberedEffect } from '../world/ledger.ts';
import type { Post, Visibility } from '../world/model.ts';
import { isForAppPeopleOnly } from '../world/people.ts';
import type { World } from '../world/world.ts';
import { ControlError } from './schemas.ts';

const iso = (at: number | null | undefined) => (at == null ? null : new Date(at).toISOString());

/** GET /_sandbox/ledger: effects in order, each with the state its post has by now. */
export function readLedger(world: World, query: URLSearchParams): object {
  const [kind, pageId, id, message] = ['kind', 'page_id', 'id', 'message_contains'].map((name) =>
    query.get(name),
  );
  const after = numberOf(query, 'after') ?? 0;
  const limit = numberOf(query, 'limit') ?? Number.POSITIVE_INFINITY;
  const data: object[] = [];
  for (let index = after; index < world.ledger.entries.length && data.length < limit; index += 1) {
    const entry = world.ledger.entries[index];
    if (entry === undefined) break;
    const wanted =
      (!kind || kind === entry.kind) &&
      (!pageId || pageId === entry.pageId) &&
      (!id || id === entry.id) &&
      (!message || (entry.message ?? '').includes(message));
    if (wanted) data.push(effectView(world, entry));
  }
  return { data, total: world.ledger.entries.length };
}

function effectView(world: World, entry: NumberedEffect): object {
  const post = world.posts.get(entry.id);
  return {
    seq: entry.seq,
    kind: entry.kind,
    by: entry.by,
    id: entry.id,
    page_id: entry.pageId,
    app_id: appOf(world, entry.id),
    visibility: post?.visibility ?? photoState(world, entry),
    visibility_then: entry.visibility,
    seen_by: post !== undefined && isForAppPeopleOnly(world, post) ? 'app_people' : 'everybody',
    message: entry.message,
    link: entry.link,
    photo_ids: entry.photoIds,
    lost_photo_ids: post?.lostPhotoIds ?? [],
    scheduled_publish_time: iso(entry.scheduledAt),
    created_at: iso(entry.at),
    live_at: iso(post?.liveAt),
    permalink_url: post === undefined ? null : permalink(world, post),
    body_hash: entry.bodyHash,
    request_id: entry.requestId,
  };
}

function appOf(world: World, id: string): string | null {
  return world.posts.get(id)?.appId ?? world.photos.get(id)?.appId ?? null;
}

type Side = 'public' | 'scheduled' | 'hidden' | 'gone';

const sides: Readonly<Record<Visibility, Side>> = {
  published: 'public',
  scheduled: 'scheduled',
  draft: 'hidden',
  dark: 'hidden',
  deleted: 'gone',
  vanished: 'gone',
};

/** GET /_sandbox/ledger/count: how many posts, of a Page or with a message (as sent or as kept), are public, hidden or gone by now. */
export function countPosts(world: World, query: URLSearchParams): object {
  const [pageId, appId, message] = ['page_id', 'app_id', 'message'].map((name) => query.get(name));
  const posts = [...world.posts.values()].filter(
    (post) =>
      (!pageId || pageId === post.pageId) &&
      (!appId || appId === post.appId) &&
      (!message || message === post.message || message === post.sent),
  );
  const counts: Record<Side, number> = { public: 0, scheduled: 0, hidden: 0, gone: 0 };
  for (const post of posts) counts[sides[post.visibility]] += 1;
  return { ...counts, data: posts.map((post) => postView(post)) };
}

function postView(post: Post): object {
  return {
    id: post.id,
    page_id: post.pageId,
    app_id: post.appId,
    visibility: post.visibility,
    message: post.message,
    created_at: iso(post.createdAt),
    live_at: iso(post.liveAt),
    scheduled_publish_time: iso(post.scheduledAt),
  };
}

function photoState(world: World, entry: NumberedEffect): string {
  const photo = world.photos.get(entry.id);
  if (photo === undefined) return entry.visibility;
  if (photo.deleted) return 'deleted';
  return photo.published ? 'published' : photo.postId === null ? 'staged' : 'attached';
}

type Counts = Record<Visibility | 'posts' | 'photos_uploaded', number>;

/** GET /_sandbox/ledger/summary: how many posts of each Page are in which state, and which exist twice. */
export function summarize(world: World): object {
  const pages = new Map<string, Counts>();
  const contents = new Map<string, Post[]>();
  for (const id of world.pages.keys()) pages.set(id, noCounts());
  for (const post of world.posts.values()) {
    const counts = pages.get(post.pageId);
    if (counts === undefined) continue;
    counts.posts += 1;
    counts[post.visibility] += 1;
    if (post.visibility === 'deleted' || post.visibility === 'vanished') continue;
    const key = contentKey(world, post);
    const same = contents.get(key);
    if (same === undefined) contents.set(key, [post]);
    else same.push(post);
  }
  for (const photo of world.photos.values()) {
    const counts = pages.get(photo.pageId);
    if (counts !== undefined) counts.photos_uploaded += 1;
  }
  const duplicates = [...contents.values()]
    .filter((posts) => posts.length > 1)
    .map((posts) => duplicateView(posts));
  return {
    total: totalOf([...pages.values()]),
    duplicates,
    public_duplicates: publicDuplicates(contents),
    duplicate_posts: [...contents.values()].reduce((sum, posts) => sum + posts.length - 1, 0),
    pages: Object.fromEntries(
      [...pages].map(([id, counts]) => [id, { ...counts, calls: callsOf(world, id) }]),
    ),
  };
}

/** Posts that a reader sees although the same one is there already. */
function publicDuplicates(contents: ReadonlyMap<string, readonly Post[]>): number {
  const shown = [...contents.values()].map(
    (posts) => posts.filter((post) => post.visibility === 'published').length,
  );
  return shown.reduce((sum, count) => sum + Math.max(0, count - 1), 0);
}

function noCounts(): Counts {
  return {
    posts: 0,
    published: 0,
    scheduled: 0,
    draft: 0,
    dark: 0,
    deleted: 0,
    vanished: 0,
    photos_uploaded: 0,
  };
}

function totalOf(all: readonly Counts[]): Counts {
  const total = noCounts();
  for (const counts of all) {
    total.posts += counts.posts;
    total.published += counts.published;
    total.scheduled += counts.scheduled;
    total.draft += counts.draft;
    total.dark += counts.dark;
    total.deleted += counts.deleted;
    total.vanished += counts.vanished;
    total.photos_uploaded += counts.photos_uploaded;
  }
  return total;
}

/** Posts are the same when Page, text, link and the sources of the photos are. */
function contentKey(world: World, post: Post): string {
  const photos = post.photoIds.map((id) => {
    const photo = world.photos.get(id);
    if (photo?.url != null) return photo.url;
    return photo?.bytes == null ? id : createHash('sha256').update(photo.bytes).digest('hex');
  });
  return JSON.stringify([post.pageId, post.message, post.link, photos]);
}

function duplicateView(posts: readonly Post[]): object {
  const first = posts[0];
  return {
    page_id: first?.pageId,
    message: first?.message,
    link: first?.link,
    count: posts.length,
    ids: posts.map((post) => post.id),
    visibilities: posts.map((post) => post.visibility),
  };
}

function callsOf(world: World, pageId: string): object {
  const totals = world.requests.totals.get(pageId) ?? { total: 0, reads: 0, writes: 0 };
  const hours = [...(world.pages.get(pageId)?.calls.values() ?? [])];
  return { ...totals, most_in_an_hour: Math.max(0, ...hours.map((calls) => calls.peak)) };
}

/** GET /_sandbox/requests: the latest calls, oldest first, without tokens. */
export function readRequests(world: World, query: URLSearchParams): object {
  const [method, path, pageId, edge] = ['method', 'path', 'page_id', 'edge'].map((name) =>
    query.get(name),
  );
  const limit = numberOf(query, 'limit') ?? 1000;
  const after = numberOf(query, 'after') ?? 0;
  const data = world.requests
    .kept()
    .filter(
      (request) =>
        request.seq > after &&
        (!method || method === request.method) &&
        (!path || request.path.includes(path)) &&
        (!pageId || pageId === request.pageId) &&
        (!edge || edge === request.edge),
    )
    .slice(0, limit)
    .map((request) => requestView(request));
  const pages = new Map([...world.pages.keys()].map((id) => [id, callsOf(world, id)] as const));
  return { data, total: world.requests.total, pages: Object.fromEntries(pages) };
}

const secrets = new Set([
  'access_token',
  'appsecret_proof',
  'input_token',
  'client_secret',
  'code',
  'fb_exchange_token',
]);

function requestView(request: LoggedRequest): object {
  const params = new Map<string, unknown>();
  for (const [name, value] of request.params) {
    params.set(name, secrets.has(name) ? '[redacted]' : value);
  }
  return {
    seq: request.seq,
    request_id: request.requestId,
    at: iso(request.at),
    method: request.method,
    path: request.path,
    page_id: request.pageId,
    edge: request.edge,
    params: Object.fromEntries(params),
    token_in: request.tokenPlace,
    token_hash:
      request.token === null
        ? null
        : createHash('sha256').update(request.token).digest('hex').slice(0, 12),
    has_appsecret_proof: request.hasProof,
    user_agent: request.userAgent,
    status: request.status,
    error_code: request.errorCode,
    error_subcode: request.errorSubcode,
    fault: request.fault,
    duration_ms: request.durationMs,
  };
}

function numberOf(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null) return null;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new ControlError(400, `${name}: must be a whole number from 0`);
}
