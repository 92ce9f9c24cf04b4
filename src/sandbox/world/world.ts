import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Faults } from './faults.ts';
import { Ledger, RequestLog } from './ledger.ts';
import type {
  AdAccount,
  App,
  Business,
  Grant,
  InstagramAccount,
  LoginCode,
  Page,
  Photo,
  Post,
  Token,
  User,
} from './model.ts';
import { PostList } from './post-list.ts';
import { Clock, DueHeap, RollingWindow } from './time.ts';
import { type Weather, weatherSchema } from './weather.ts';

/** Everything the sandbox knows. One process, one world; nothing is kept on disk. */
export interface World {
  readonly options: SandboxOptions;
  readonly clock: Clock;
  readonly apps: Map<string, App>;
  readonly pages: Map<string, Page>;
  readonly users: Map<string, User>;
  readonly businesses: Map<string, Business>;
  readonly adAccounts: Map<string, AdAccount>;
  readonly instagramAccounts: Map<string, InstagramAccount>;
  /** By app and person. */
  readonly grants: Map<string, Grant>;
  readonly codes: Map<string, LoginCode>;
  /** The ids that apps know people by, and who they are; the first app of the sandbox uses their own. */
  readonly scopedIds: Map<string, string>;
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
    businesses: kept?.businesses ?? new Map<string, Business>(),
    adAccounts: kept?.adAccounts ?? new Map<string, AdAccount>(),
    instagramAccounts: kept?.instagramAccounts ?? new Map<string, InstagramAccount>(),
    grants: kept?.grants ?? new Map<string, Grant>(),
    codes: new Map(),
    scopedIds: kept?.scopedIds ?? new Map<string, string>(),
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
    kind: given.kind ?? 'facebook',
    mode: given.mode ?? 'live',
    redirectUris: given.redirectUris ?? [],
    configs: given.configs ?? new Map(),
    people: given.people ?? new Set(),
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

export interface SandboxOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Whether `/photos` fetches URLs on loopback and private addresses. Meta never does. */
  readonly allowLoopbackMedia: boolean;
  /** Names under which the control routes and the page answer, besides addresses and names without a dot. */
  readonly allowedHosts: readonly string[];
  /** Hosts (`name` or `name:port`) that are fetched wherever they point. */
  readonly allowedMediaHosts: readonly string[];
  /** What permalinks start with; the sandbox's own address makes them open here. */
  readonly permalinkBase: string;
  /** How many requests the log keeps. */
  readonly requestLogSize: number;
}

export const defaultOptions: SandboxOptions = {
  host: '127.0.0.1',
  port: 0,
  allowLoopbackMedia: false,
  allowedHosts: [],
  allowedMediaHosts: [],
  permalinkBase: 'https://www.facebook.com',
  requestLogSize: 10_000,
};

/** Switches for the whole sandbox; `PATCH /_sandbox/settings` changes them. */
export const settingsSchema = z.strictObject({
  /** Every answer comes this much later (after its effect). */
  latency_ms: z.number().int().min(0).default(0),
  /** A post with the text of one written this recently is refused with 506; 0 is off. */
  duplicate_window_minutes: z.number().min(0).default(0),
  /** More than this many posts of a Page within the seconds below are refused with 368/1390008; 0 is off. */
  burst_posts: z.number().int().min(0).default(0),
  burst_seconds: z.number().int().min(1).default(60),
  /** The read edges show a post only this long after it was written. */
  read_lag_ms: z.number().int().min(0).default(0),
  /** Pages of an edge come back shorter than asked, the first one empty, all with `next`. */
  short_pages: z.boolean().default(false),
  /** Usage headers are left out while the bucket is filled less than this. */
  usage_header_from_percent: z.number().min(0).default(10),
  content_type: z.string().min(1).default('application/json; charset=UTF-8'),
});

type Settings = z.infer<typeof settingsSchema>;

/** The settings, or the weather, after a change; what the change leaves out stays. */
export function changed<T extends object>(schema: z.ZodType<T>, now: T, change: unknown): T {
  const given = z.record(z.string(), z.unknown()).parse(change);
  return schema.parse({ ...now, ...given });
}
