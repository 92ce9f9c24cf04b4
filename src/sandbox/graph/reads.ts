import type { Page, Post } from '../world/model.ts';
import type { PostList } from '../world/post-list.ts';
import { type Weather, weatherOf } from '../world/weather.ts';
import { shownAt, type World } from '../world/world.ts';
import {
  booleanParam,
  type Call,
  GraphError,
  invalidParameter,
  type Params,
  textParam,
} from './call.ts';
import { parseTime } from './feed.ts';
import { checkFields, type Field, type NodeType, parseFields, project } from './fields.ts';
import { postType } from './nodes.ts';

const postEdges = new Set([
  'feed',
  'posts',
  'published_posts',
  'scheduled_posts',
  'promotable_posts',
  'ads_posts',
  'visitor_posts',
  'tagged',
]);

export function isPostEdge(edge: string): boolean {
  return postEdges.has(edge);
}

/** GET /{page}/{edge}: one page of posts with cursors, in the order of the weather. */
export function readPosts(world: World, page: Page, edge: string, call: Call): object {
  const fields = askedFields(call.params, postType);
  const list = listOf(page, edge, call.params);
  const query = listQuery(world, page, edge, call.params, list === page.all);
  const { rows, more } = list.read(query);
  const data = rows.map(({ item: post }) =>
    project(edge === 'scheduled_posts' ? scheduledType : postType, { world, post }, fields),
  );
  const first = rows[0];
  const last = rows.at(-1);
  // A first page without rows that still has `next`: only following `next` to its end is a whole look.
  if (world.settings.short_pages && query.after === undefined && first !== undefined) {
    return { data: [], paging: pagingOf(call, first.position + 1, first.position + 1, true) };
  }
  if (first === undefined || last === undefined) return { data: [] };
  return { data, paging: pagingOf(call, first.position, last.position, more) };
}

const scheduledType = { ...postType, defaults: ['id', 'message', 'created_time'] };

/** Checked fields of the call, or null when it names none. */
export function askedFields<T>(params: Params, type: NodeType<T>): readonly Field[] | null {
  const text = textParam(params, 'fields');
  if (text === undefined || text === '') return null;
  const fields = parseFields(text);
  checkFields(type, fields);
  return fields;
}

function listOf(page: Page, edge: string, params: Params): PostList<Post> {
  if (edge === 'scheduled_posts') return page.hidden;
  if (edge !== 'promotable_posts') return page.live;
  const published = booleanParam(params, 'is_published');
  if (published === undefined) return page.all;
  return published ? page.live : page.hidden;
}

function listQuery(world: World, page: Page, edge: string, params: Params, mixed: boolean) {
  const weather = weatherOf(world, page);
  const limit = limitOf(params);
  refuseTooMuch(limit, weather);
  const since = timeParam(world, params, 'since');
  const until = timeParam(world, params, 'until');
  const shownUntil = world.clock.now() - world.settings.read_lag_ms;
  const accepts = (post: Post) =>
    belongs(edge, post, weather) &&
    shownAt(post) <= shownUntil &&
    (since === null || shownAt(post) >= since) &&
    (until === null || shownAt(post) <= until);
  return {
    after: cursorParam(params, 'after'),
    before: cursorParam(params, 'before'),
    limit: world.settings.short_pages ? Math.ceil(limit / 2) : limit,
    accepts,
    rank: ranks[weather.edge_order],
    // In the list of all posts, one written early may have gone live late: no early end there.
    endsAt: (post: Post) => !mixed && since !== null && shownAt(post) < since,
  };
}

const ranks = {
  newest: undefined,
  oldest: (position: number) => position,
  // An order that looks like none and is the same at every call.
  ranked: (position: number) => Math.imul(position + 1, 0x9e3779b1) >>> 0,
} as const;

function refuseTooMuch(limit: number, weather: Weather): void {
  const most = weather.reduce_data_above_limit;
  if (most === null || limit <= most) return;
  throw new GraphError(
    "Please reduce the amount of data you're asking for, then retry your request",
    { code: 1, status: 500 },
  );
}

function belongs(edge: string, post: Post, weather: Weather): boolean {
  if (edge === 'scheduled_posts') return post.visibility === 'scheduled';
  // Nobody but the Page itself posts here; its dark posts are what ads are made of.
  if (edge === 'visitor_posts' || edge === 'tagged') return false;
  if (edge === 'promotable_posts') return post.visibility !== 'draft' || weather.drafts_listed;
  return edge === 'ads_posts' ? false : !post.hidden;
}

export function limitOf(params: Params): number {
  const text = textParam(params, 'limit');
  if (text === undefined || text === '') return 25;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 0) {
    throw invalidParameter('Param limit must be a non-negative integer');
  }
  if (limit > 100) throw invalidParameter('Param limit must be at most 100 for this endpoint');
  return limit;
}

function timeParam(world: World, params: Params, name: string): number | null {
  const text = textParam(params, name);
  if (text === undefined || text === '') return null;
  const at = parseTime(text, world.clock.now());
  if (at === null) throw invalidParameter(`Param ${name} must be a unix timestamp or a date`);
  return at;
}

function cursorParam(params: Params, name: string): number | undefined {
  const text = textParam(params, name);
  if (text === undefined || text === '') return undefined;
  const position = Number(/^sandbox:(\d+)$/.exec(Buffer.from(text, 'base64url').toString())?.[1]);
  if (Number.isInteger(position)) return position;
  throw invalidParameter('Invalid cursors values');
}

function cursor(position: number): string {
  return Buffer.from(`sandbox:${position}`).toString('base64url');
}

function pagingOf(call: Call, first: number, last: number, more: boolean): object {
  const cursors = { before: cursor(first), after: cursor(last) };
  return more ? { cursors, next: nextUrl(call, cursors.after) } : { cursors };
}

/** Meta's own next link carries the token: whoever logs it logs a secret. */
function nextUrl(call: Call, after: string): string {
  const url = new URL(
    `https://graph.facebook.com/${call.version ?? 'v21.0'}/${call.segments.join('/')}`,
  );
  for (const [name, value] of call.params) {
    if (typeof value === 'string' && name !== 'after') url.searchParams.set(name, value);
  }
  url.searchParams.set('access_token', call.token ?? '');
  url.searchParams.set('after', after);
  return url.href;
}
