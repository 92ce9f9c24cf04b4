import type { z } from 'zod';
import { keptText, newPost } from '../graph/feed.ts';
import { issueToken, pageTasks } from '../graph/tokens.ts';
import { addPost, byPerson, end, goLive, recordPost } from '../world/life.ts';
import type { App, Page, Post, Token, User } from '../world/model.ts';
import { addUser } from '../world/people.ts';
import { type Weather, weatherOf, weatherSchema } from '../world/weather.ts';
import {
  addApp,
  addPage,
  changed,
  defaultAppId,
  isUnpublished,
  newId,
  type World,
} from '../world/world.ts';
import { tokenView } from './people.ts';
import {
  appChangeSchema,
  appSchema,
  ControlError,
  commentSchema,
  pageChangeSchema,
  pageSchema,
  personPostSchema,
  postChangeSchema,
  tokenChangeSchema,
  tokenSchema,
} from './schemas.ts';

const dayMs = 86_400_000;

/** What the control routes do to the world. Each checks what it names before it changes anything. */
export function createApp(world: World, given: z.infer<typeof appSchema>): object {
  const known = world.apps.get(given.id);
  const { name, secret, mode, kind } = given;
  const app = addApp(world, {
    ...(known === undefined ? {} : { secret: known.secret }),
    id: given.id,
    requireProof: given.require_appsecret_proof,
    callsPerHour: given.calls_per_hour,
    ...(name === undefined ? {} : { name }),
    ...(secret === undefined ? {} : { secret }),
    ...(mode === undefined ? {} : { mode }),
    ...(kind === undefined ? {} : { kind }),
  });
  changeDashboard(app, given);
  return appView(app);
}

/** What is left out stays. A changed secret makes every proof under the old one wrong. */
export function changeApp(
  world: World,
  id: string,
  given: z.infer<typeof appChangeSchema>,
): object {
  const app = world.apps.get(knownApp(world, id));
  if (app === undefined) throw new ControlError(404, `There is no app ${id}`);
  app.name = given.name ?? app.name;
  app.secret = given.secret ?? app.secret;
  app.mode = given.mode ?? app.mode;
  app.requireProof = given.require_appsecret_proof ?? app.requireProof;
  if (given.calls_per_hour !== undefined) app.callsPerHour = given.calls_per_hour;
  changeDashboard(app, given);
  return appView(app);
}

function changeDashboard(app: App, given: z.infer<typeof appChangeSchema>): void {
  app.redirectUris = given.redirect_uris ?? app.redirectUris;
  if (given.people !== undefined) app.people = new Set(given.people);
  if (given.configs === undefined) return;
  app.configs = new Map(
    given.configs.map(({ id, scopes, token_type: tokenType }) => [id, { id, scopes, tokenType }]),
  );
}

export function listApps(world: World): object {
  return { data: [...world.apps.values()].map((app) => appView(app)) };
}

function appView(app: App): object {
  return {
    id: app.id,
    name: app.name,
    secret: app.secret,
    kind: app.kind,
    mode: app.mode,
    redirect_uris: app.redirectUris,
    configs: [...app.configs.values()].map(({ id, scopes, tokenType }) => ({
      id,
      scopes,
      token_type: tokenType,
    })),
    people: [...app.people],
    require_appsecret_proof: app.requireProof,
    calls_per_hour: app.callsPerHour,
  };
}

export function createPage(world: World, given: z.infer<typeof pageSchema>): object {
  if (given.id !== undefined && world.pages.has(given.id)) {
    throw new ControlError(409, `Page ${given.id} is there already`);
  }
  const appId = knownApp(world, given.app_id);
  const page = addPage(world, {
    name: given.name,
    category: given.category,
    maxScheduleDays: given.max_schedule_days,
    callsPerHour: given.calls_per_hour,
    portfolio: given.portfolio,
    ...(given.id === undefined ? {} : { id: given.id }),
  });
  const user = userOf(world, given.user_id);
  const tasks = new Set(given.tasks ?? pageTasks);
  user.roles.set(page.id, tasks);
  const token = issueToken(world, {
    type: 'page',
    pageId: page.id,
    userId: user.id,
    appId,
    tasks,
    ...(given.scopes === undefined ? {} : { scopes: new Set(given.scopes) }),
  });
  return { ...pageView(page), ...tokenView(token, world.clock.now()) };
}

function knownApp(world: World, id: string | undefined): string {
  if (id === undefined || world.apps.has(id)) return id ?? defaultAppId;
  throw new ControlError(404, `There is no app ${id}: POST /_sandbox/apps first`);
}

function knownPage(world: World, id: string): Page {
  const page = world.pages.get(id);
  if (page === undefined) throw new ControlError(404, `There is no Page ${id}`);
  return page;
}

function userOf(world: World, id: string | undefined): User {
  const known = id === undefined ? undefined : world.users.get(id);
  return known ?? addUser(world, id === undefined ? {} : { id });
}

export function createToken(world: World, given: z.infer<typeof tokenSchema>): object {
  const appId = knownApp(world, given.app_id);
  const pageIds = [
    ...(given.page_ids ?? []),
    ...(given.page_id === undefined ? [] : [given.page_id]),
  ];
  for (const id of pageIds) knownPage(world, id);
  if (given.type === 'page' && given.page_id === undefined) {
    throw new ControlError(400, 'page_id: a Page token belongs to a Page');
  }
  const user = userOf(world, given.user_id);
  const tasks = new Set(given.tasks ?? pageTasks);
  for (const id of pageIds) user.roles.set(id, tasks);
  const token = issueToken(world, {
    type: given.type,
    userId: user.id,
    appId,
    tasks,
    expiresAt: given.expires_at,
    isShort: given.expires_at !== null && given.expires_at - world.clock.now() < dayMs,
    pageId: given.type === 'page' ? (given.page_id ?? null) : null,
    ...(given.scopes === undefined ? {} : { scopes: new Set(given.scopes) }),
    ...(given.access_token === undefined ? {} : { value: given.access_token }),
  });
  return tokenView(token, world.clock.now());
}

export function changeTokens(world: World, given: z.infer<typeof tokenChangeSchema>): object {
  const now = world.clock.now();
  const tokens = [...world.tokens.values()].filter(
    (token) =>
      (given.token === undefined || token.value === given.token) &&
      (given.page_id === undefined || token.pageId === given.page_id) &&
      (given.user_id === undefined || token.userId === given.user_id) &&
      (given.app_id === undefined || token.appId === given.app_id) &&
      (given.type === undefined || token.type === given.type),
  );
  if (tokens.length === 0) throw new ControlError(404, 'No token matches');
  for (const token of tokens) changeToken(token, given, now);
  return { changed: tokens.length, data: tokens.map((token) => tokenView(token, now)) };
}

function changeToken(token: Token, given: z.infer<typeof tokenChangeSchema>, now: number): void {
  if (given.state !== undefined) token.state = given.state;
  if (given.state === 'expired') token.expiresAt ??= now;
  const isPast = token.expiresAt !== null && token.expiresAt <= now;
  if (given.state === 'valid' && isPast) token.expiresAt = null;
  if (given.expires_at !== undefined) token.expiresAt = given.expires_at;
  token.issuedAt = given.issued_at ?? token.issuedAt;
  if (given.scopes !== undefined) token.scopes = new Set(given.scopes);
  if (given.remove_scopes !== undefined) {
    token.scopes = token.scopes.difference(new Set(given.remove_scopes));
  }
  if (given.tasks !== undefined) token.tasks = new Set(given.tasks);
}

export function changePage(
  world: World,
  id: string,
  given: z.infer<typeof pageChangeSchema>,
): object {
  const page = knownPage(world, id);
  page.weather = weatherAfter(world, page, given.weather);
  page.name = given.name ?? page.name;
  page.maxScheduleDays = given.max_schedule_days ?? page.maxScheduleDays;
  page.portfolio = given.portfolio ?? page.portfolio;
  if (given.calls_per_hour !== undefined) page.callsPerHour = given.calls_per_hour;
  return pageView(page);
}

function weatherAfter(
  world: World,
  page: Page,
  change: Record<string, unknown> | null | undefined,
): Weather | null {
  if (change === undefined) return page.weather;
  return change === null ? null : changed(weatherSchema, weatherOf(world, page), change);
}

export function listTokens(world: World, query: URLSearchParams): object {
  const [userId, appId, type] = ['user_id', 'app_id', 'type'].map((name) => query.get(name));
  const shown = [...world.tokens.values()].filter(
    (token) =>
      (!userId || token.userId === userId) &&
      (!appId || token.appId === appId) &&
      (!type || token.type === type),
  );
  return { data: shown.map((token) => tokenView(token, world.clock.now())) };
}

export function listPages(world: World): object {
  const now = world.clock.now();
  const byPage = Map.groupBy(world.tokens.values(), (token) => token.pageId ?? '');
  const data = [...world.pages.values()].map((page) => ({
    ...pageView(page),
    tokens: (byPage.get(page.id) ?? []).map((token) => tokenView(token, now)),
  }));
  return { data };
}

function pageView(page: Page): object {
  return {
    id: page.id,
    name: page.name,
    category: page.category,
    max_schedule_days: page.maxScheduleDays,
    calls_per_hour: page.callsPerHour,
    portfolio: page.portfolio,
    weather: page.weather,
  };
}

export function postByOthers(
  world: World,
  pageId: string,
  given: z.infer<typeof personPostSchema>,
): object {
  const page = knownPage(world, pageId);
  const post = newPost(world, page, {
    appId: given.app_id === undefined ? null : knownApp(world, given.app_id),
    sent: given.message,
    message: keptText(world, page, given.message),
    link: given.link ?? null,
    photoIds: [],
    placement: { visibility: given.published ? 'published' : 'dark', scheduledAt: null },
    extras: {},
  });
  addPost(world, post, { ...byPerson, by: post.appId === null ? 'person' : 'app' });
  return { id: post.id };
}

export function changePostByPerson(
  world: World,
  id: string,
  given: z.infer<typeof postChangeSchema>,
): object {
  const post = knownPost(world, id);
  const now = world.clock.now();
  if ((given.scheduled_publish_time ?? given.publish) !== undefined && !isUnpublished(post)) {
    throw new ControlError(409, `Post ${id} is published already`);
  }
  post.vanishes = given.vanish ?? post.vanishes;
  if (given.late_minutes !== undefined) post.lateMs = given.late_minutes * 60_000;
  const edited = (given.message ?? given.scheduled_publish_time) !== undefined;
  if (given.message !== undefined) {
    post.message = keptText(world, knownPage(world, post.pageId), given.message);
    post.sent = given.message;
  }
  if (given.scheduled_publish_time !== undefined) {
    post.scheduledAt = given.scheduled_publish_time;
    post.visibility = 'scheduled';
  }
  if (post.scheduledAt !== null) world.due.add(post.scheduledAt + post.lateMs, post);
  post.updatedAt = now;
  if (edited) recordPost(world, 'edit', post, byPerson, now);
  if (given.publish === true) goLive(world, post, byPerson, now);
  return { id: post.id, visibility: post.visibility };
}

/** A comment touches the post's `updated_time`, as an edit does. */
export function commentOnPost(
  world: World,
  id: string,
  { message }: z.infer<typeof commentSchema>,
): object {
  const post = knownPost(world, id);
  const at = world.clock.now();
  const comment = { id: `${post.id.split('_')[1] ?? ''}_${newId(world)}`, message, at };
  post.comments.push(comment);
  post.updatedAt = at;
  return { id: comment.id };
}

export function deletePostByPerson(world: World, id: string): object {
  end(world, knownPost(world, id), 'deleted', byPerson, world.clock.now());
  return { ok: true };
}

function knownPost(world: World, id: string): Post {
  const post = world.posts.get(id);
  if (post === undefined || post.visibility === 'deleted' || post.visibility === 'vanished') {
    throw new ControlError(404, `There is no post ${id}`);
  }
  return post;
}
