import { randomBytes } from 'node:crypto';
import { Clock } from './clock.ts';
import { DueHeap } from './due.ts';
import { Faults } from './faults.ts';
import { Ledger } from './ledger.ts';
import type { App, Page, Photo, Post, Token, User } from './model.ts';
import type { SandboxOptions } from './options.ts';
import { PostList } from './post-list.ts';
import { RequestLog } from './request-log.ts';
import { RollingWindow } from './rolling.ts';
import { type Settings, settingsSchema } from './settings.ts';
import { type Weather, weatherSchema } from './weather.ts';

/** Everything the sandbox knows. One process, one world; nothing is kept on disk. */
export interface World {
  readonly options: SandboxOptions;
  readonly clock: Clock;
  readonly apps: Map<string, App>;
  readonly pages: Map<string, Page>;
  readonly users: Map<string, User>;
  readonly tokens: Map<string, Token>;
  readonly posts: Map<string, Post>;
  readonly photos: Map<string, Photo>;
  readonly due: DueHeap<Post>;
  readonly ledger: Ledger;
  readonly requests: RequestLog;
  readonly faults: Faults;
  readonly settings: Settings;
  weather: Weather;
  readonly revision: string;
  nextId: number;
}

const hourMs = 3_600_000;
export const defaultAppId = '1010101010101010';

export function createWorld(options: SandboxOptions, kept?: World): World {
  const world: World = {
    options,
    clock: kept?.clock ?? new Clock(),
    apps: kept?.apps ?? new Map<string, App>(),
    pages: new Map(),
    users: kept?.users ?? new Map<string, User>(),
    tokens: kept?.tokens ?? new Map<string, Token>(),
    posts: new Map(),
    photos: new Map(),
    due: new DueHeap(),
    ledger: new Ledger(),
    requests: new RequestLog(options.requestLogSize),
    faults: new Faults(),
    settings: kept?.settings ?? settingsSchema.parse({}),
    weather: weatherSchema.parse({}),
    revision: String(1_000_000_000 + Math.floor(Math.random() * 1_000_000)),
    nextId: kept?.nextId ?? 1,
  };
  if (kept === undefined) addApp(world, { id: defaultAppId, name: 'Sandbox app' });
  for (const page of kept?.pages.values() ?? []) addPage(world, page);
  for (const app of kept?.apps.values() ?? []) world.apps.set(app.id, { ...app, calls: hour() });
  return world;
}

/** Ids as Meta gives them: 18 digits, more than a JavaScript number can hold. */
export function newId(world: World, prefix = '122'): string {
  const id = `${prefix}${104_729_000_000_000 + world.nextId}`;
  world.nextId += 1;
  return id;
}

export function newSecret(bytes = 16): string {
  return randomBytes(bytes).toString('hex');
}

export function hour(): RollingWindow {
  return new RollingWindow(hourMs);
}

export function addApp(world: World, given: Partial<App> & { id: string }): App {
  const app: App = {
    id: given.id,
    name: given.name ?? `App ${given.id}`,
    secret: given.secret ?? newSecret(),
    requireProof: given.requireProof ?? false,
    callsPerHour: given.callsPerHour ?? null,
    calls: hour(),
  };
  world.apps.set(app.id, app);
  return app;
}

export function addPage(world: World, given: Partial<Page> & { name: string }): Page {
  const page: Page = {
    id: given.id ?? newId(world, '100'),
    name: given.name,
    category: given.category ?? 'Local business',
    maxScheduleDays: given.maxScheduleDays ?? 75,
    callsPerHour: given.callsPerHour ?? null,
    portfolio: given.portfolio ?? false,
    weather: null,
    calls: new Map(),
    all: new PostList((post) => post.visibility !== 'deleted' && post.visibility !== 'vanished'),
    live: new PostList((post) => post.visibility === 'published'),
    hidden: new PostList((post) => isUnpublished(post)),
    texts: new Map(),
    burst: null,
  };
  world.pages.set(page.id, page);
  return page;
}

export function isUnpublished(post: Post): boolean {
  return (
    post.visibility === 'scheduled' || post.visibility === 'draft' || post.visibility === 'dark'
  );
}

/** The time a reader sees on the post: when it became visible, or when it was written. */
export function shownAt(post: Post): number {
  return post.liveAt ?? post.createdAt;
}
