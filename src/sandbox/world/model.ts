import type { PostList } from './post-list.ts';
import type { RollingWindow } from './time.ts';
import type { Weather } from './weather.ts';

export type Visibility = 'published' | 'draft' | 'dark' | 'scheduled' | 'deleted' | 'vanished';

export interface Post {
  readonly id: string;
  readonly pageId: string;
  /** The app that wrote it; null for a person on facebook.com. */
  readonly appId: string | null;
  readonly createdAt: number;
  visibility: Visibility;
  /** The text as it was sent; `message` is what Meta made of it. */
  sent: string | null;
  message: string | null;
  link: string | null;
  photoIds: string[];
  /** Ids of photos that Meta threw away before the post went live. */
  lostPhotoIds: string[];
  scheduledAt: number | null;
  updatedAt: number;
  liveAt: number | null;
  hidden: boolean;
  /** Faults: it disappears at its time, or comes this much later. */
  vanishes: boolean;
  lateMs: number;
  comments: Comment[];
  extras: Readonly<Record<string, unknown>>;
}

export interface Comment {
  readonly id: string;
  readonly message: string;
  readonly at: number;
}

export interface Photo {
  readonly id: string;
  readonly pageId: string;
  readonly appId: string;
  readonly createdAt: number;
  readonly temporary: boolean;
  readonly url: string | null;
  readonly bytes: Buffer | null;
  readonly mime: string;
  readonly width: number;
  readonly height: number;
  readonly caption: string | null;
  readonly altText: string | null;
  published: boolean;
  postId: string | null;
  deleted: boolean;
}

/** A configuration of Facebook Login for Business: its permissions are set in the dashboard, not in the address. */
export interface LoginConfig {
  readonly id: string;
  readonly scopes: readonly string[];
  readonly tokenType: 'user' | 'system_user';
}

export interface App {
  readonly id: string;
  name: string;
  secret: string;
  requireProof: boolean;
  /** Instagram Login has app ids of its own, good for its dialog and hosts only. */
  kind: 'facebook' | 'instagram';
  mode: 'live' | 'development';
  /** What the dashboard lists; empty: any address is taken. */
  redirectUris: readonly string[];
  configs: ReadonlyMap<string, LoginConfig>;
  /** Who has a role on the app itself: nobody else can log in, or see its posts, in development mode. */
  people: ReadonlySet<string>;
  /** null: no limit. */
  callsPerHour: number | null;
  readonly calls: RollingWindow;
}

export interface Page {
  readonly id: string;
  name: string;
  category: string;
  maxScheduleDays: number;
  callsPerHour: number | null;
  /** In a business portfolio: missing from /me/accounts without business_management. */
  portfolio: boolean;
  /** null: the weather of the whole sandbox. */
  weather: Weather | null;
  /** Rolling hours of calls, by app. */
  readonly calls: Map<string, RollingWindow>;
  readonly all: PostList<Post>;
  readonly live: PostList<Post>;
  readonly hidden: PostList<Post>;
  /** When a text was last posted, for the duplicate switch. */
  readonly texts: Map<string, number>;
  burst: RollingWindow | null;
}

export interface User {
  readonly id: string;
  name: string;
  /** The tasks this person holds, by Page. */
  readonly roles: Map<string, Set<string>>;
  /** Ids of the ad accounts this person may use. */
  readonly adAccounts: Set<string>;
  /** The business that a system user acts for; null for people. */
  readonly systemOf: string | null;
}

export interface Business {
  readonly id: string;
  name: string;
  readonly people: Set<string>;
  readonly ownedPages: Set<string>;
  readonly clientPages: Set<string>;
  readonly ownedAdAccounts: Set<string>;
  readonly clientAdAccounts: Set<string>;
}

export interface AdAccount {
  /** Without `act_`. */
  readonly id: string;
  name: string;
  /** 1 active, 2 disabled, 3 unsettled … as Meta numbers them. */
  status: number;
  currency: string;
  timezone: string;
}

/** A professional account; at Instagram Login it is itself the one who logs in. */
export interface InstagramAccount {
  /** 17841…, the id in paths. */
  readonly id: string;
  username: string;
  name: string;
  type: 'BUSINESS' | 'MEDIA_CREATOR';
  /** The Facebook Page it is linked to. */
  pageId: string | null;
}

/** What a person gave an app; remembered for the next dialog, and binding for every token of the two. */
export interface Grant {
  readonly userId: string;
  readonly appId: string;
  readonly granted: Set<string>;
  readonly declined: Set<string>;
  /** The only assets a permission holds for; a permission that is not here holds for all. */
  readonly targets: Map<string, ReadonlySet<string>>;
  lastLoginAt: number;
}

/** What a dialog sends back, once, for a token. */
export interface LoginCode {
  readonly value: string;
  readonly appId: string;
  readonly userId: string;
  readonly redirectUri: string;
  readonly expiresAt: number;
  used: boolean;
}

export const tokenStates = [
  'valid',
  'expired',
  'revoked',
  'password_changed',
  'checkpoint',
  'unconfirmed',
  'invalidated',
  'no_role',
] as const;
export type TokenState = (typeof tokenStates)[number];

export const tokenTypes = ['page', 'user', 'system_user', 'instagram', 'app'] as const;
type TokenType = (typeof tokenTypes)[number];

export interface Token {
  readonly value: string;
  readonly type: TokenType;
  readonly appId: string;
  readonly userId: string;
  readonly pageId: string | null;
  issuedAt: number;
  /** Good for an hour or two, as are the Page tokens made with it. */
  readonly isShort: boolean;
  /** null: made by a control route, with no dialog behind it; such a token holds for every asset. */
  grant: Grant | null;
  scopes: Set<string>;
  tasks: Set<string>;
  state: TokenState;
  expiresAt: number | null;
  /** The proof of this token under the app's secret; made anew when the secret changes. */
  proof: { readonly secret: string; readonly value: string } | null;
}
