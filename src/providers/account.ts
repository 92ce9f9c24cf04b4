import type { Secret } from '../secret.ts';
import type { CallRecord } from './content.ts';

/** Whose dialog: it says which host takes the token, and which app issued it. */
export type LoginName = 'facebook' | 'instagram';

/** An opened integration, in memory only. */
export interface Account {
  readonly externalAccountId: string;
  readonly token: Secret;
  /** Where the token comes from, which says which host takes it; Facebook's own when absent. */
  readonly login?: LoginName | undefined;
  /** The app that the token belongs to, where we hold its secret. */
  readonly appId?: string | undefined;
  /** Secret of the app that the token belongs to, where we hold it: every call then carries its proof. */
  readonly appSecret: Secret | null;
}

export interface CallContext {
  /** By `performance.now()`: no byte of a call leaves later, however long the process stands still. */
  readonly startBefore?: number;
  /** Waited for before each page of a listing: the caller counts what it may read. */
  beforeRead?(): Promise<void>;
  /** Told of each call when its answer, or its failure, is there. */
  onCall(call: CallRecord): void;
  /** Told of each answer that says how full the provider's own budget is. No news is not zero. */
  onUsage?(usage: AccountUsage): void;
  /** Told of each call that was answered as it should. */
  onAnswer?(): void;
}

/** How full the provider says that its own budget is. */
export interface AccountUsage {
  /** Of the account, in percent; goes above 100. Null: nothing was said of it. */
  readonly percent: number | null;
  /** How long a full budget stays shut; null: not said. */
  readonly regainMs: number | null;
  /** Of the app, over all of its accounts; null: nothing was said of it. */
  readonly appPercent: number | null;
}
