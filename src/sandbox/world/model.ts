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

export interface App {
  readonly id: string;
  name: string;
  secret: string;
  requireProof: boolean;
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

export interface Token {
  readonly value: string;
  readonly type: 'page' | 'user';
  readonly appId: string;
  readonly userId: string;
  readonly pageId: string | null;
  readonly issuedAt: number;
  scopes: Set<string>;
  tasks: Set<string>;
  state: TokenState;
  expiresAt: number | null;
  /** The proof of this token under the app's secret; made anew when the secret changes. */
  proof: { readonly secret: string; readonly value: string } | null;
}
