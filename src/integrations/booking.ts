import type { Database, Sql } from '../db/client.ts';
import { LimitedError } from '../errors.ts';
import {
  availableCalls,
  bookCalls,
  forecast,
  giveBackCalls,
  loadBudgets,
  lockBudgets,
  raiseReserved,
} from './budget-store.ts';

interface BookedCalls {
  readonly budgetKey: string;
  readonly calls: number;
  readonly minute: Date;
}

/**
 * Books the calls of a look before the first of them. What may be live already comes before everything that is merely
 * read: the whole rest of the hour's calls is open to it. Null: there is no room, come back later.
 */
export async function bookLook(
  db: Database,
  wanted: {
    readonly budgetKey: string;
    readonly calls: number;
    readonly limit: number;
    /** Calls of the hour that it must not touch. */
    readonly leaves?: number;
  },
): Promise<BookedCalls | null> {
  const { budgetKey, calls, limit, leaves = 0 } = wanted;
  return db.transaction(async (tx) => {
    await lockBudgets(tx, [budgetKey]);
    const { budgets, now } = await loadBudgets(tx, [budgetKey], limit);
    const budget = budgets.get(budgetKey) ?? { limit, reserved: 0, used: [] };
    if (availableCalls(budget, now) - leaves < calls) return null;
    await bookCalls(tx, [{ budgetKey, calls }]);
    return { budgetKey, calls, minute: now };
  });
}

/** The calls that were really made: a look may end early, or need more pages. */
export async function correctBooking(
  db: Database,
  { budgetKey, calls, minute }: BookedCalls,
  made: number,
): Promise<void> {
  if (made > calls) await bookCalls(db, [{ budgetKey, calls: made - calls }]);
  if (made < calls) await giveBackCalls(db, { budgetKey, calls: calls - made, minute });
}

/** One more call for an open attempt whose look needs more pages than were set aside for it. False: there is no room. */
export async function reserveMore(
  db: Database,
  wanted: { readonly attemptId: string; readonly budgetKey: string; readonly limit: number },
): Promise<boolean> {
  const { attemptId, budgetKey, limit } = wanted;
  return db.transaction(async (tx) => {
    await lockBudgets(tx, [budgetKey]);
    const { budgets, now } = await loadBudgets(tx, [budgetKey], limit);
    const budget = budgets.get(budgetKey) ?? { limit, reserved: 0, used: [] };
    return availableCalls(budget, now) >= 1 && raiseReserved(tx, attemptId);
  });
}

/** Publishing comes first: reads leave this many of the hour's calls alone. */
export function keptForPublishing(limit: number): number {
  return limit * 0.25;
}

/** Books one read if the hour has room for it beyond what publishing may need; false: come back later. */
export async function reserveRead(
  db: Database,
  budgetKey: string,
  limit: number,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    await lockBudgets(tx, [budgetKey]);
    const { budgets, now } = await loadBudgets(tx, [budgetKey], limit);
    const budget = budgets.get(budgetKey) ?? { limit, reserved: 0, used: [] };
    if (availableCalls(budget, now) <= keptForPublishing(limit)) return false;
    await bookCalls(tx, [{ budgetKey, calls: 1 }]);
    return true;
  });
}

interface HourlyLimit {
  readonly budgetKey: string;
  readonly limit: number;
  /** What to tell who comes when it is used up. */
  readonly text: string;
}

/**
 * Books one before it is known to count, so that many at once do not pass the limit: of refusals whoever was not refused
 * gives it back. Throws LimitedError when the hour had so many already.
 */
export async function bookRefusal(db: Database, limit: HourlyLimit): Promise<BookedCalls> {
  const { budgetKey } = limit;
  return db.transaction(async (tx) => {
    await lockBudgets(tx, [budgetKey]);
    const minute = await requireRoom(tx, limit);
    await bookCalls(tx, [{ budgetKey, calls: 1 }]);
    return { budgetKey, calls: 1, minute };
  });
}

/** The database's time, if one call more is within the limit. Throws LimitedError. */
export async function requireRoom(
  sql: Sql,
  { budgetKey, limit, text }: HourlyLimit,
): Promise<Date> {
  const { budgets, now } = await loadBudgets(sql, [budgetKey], limit);
  const [at = now] = forecast(budgets.get(budgetKey) ?? { limit, reserved: 0, used: [] }, [1], now);
  const waitMs = at.getTime() - now.getTime();
  if (waitMs > 0) throw new LimitedError(text, waitMs);
  return now;
}

/** Meta counts per app and account, whichever integration the call was made for. */
export function budgetKeyOf(row: {
  readonly provider: string;
  readonly appId: string;
  readonly externalAccountId: string;
}): string {
  return `${row.provider}:${row.appId}:${row.externalAccountId}`;
}

export interface SpentCalls {
  readonly limit: number;
  readonly used: number;
  /** When none of them counts any more; null: none does now. */
  readonly resetsAt: Date | null;
}

/** What each of these budgets has spent or set aside of its hour, by its key. */
export async function spentCalls(
  sql: Sql,
  limits: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, SpentCalls>> {
  const { budgets, now } = await loadBudgets(sql, [...limits.keys()], 0);
  return new Map(
    [...budgets].map(([key, budget]) => {
      const limit = limits.get(key) ?? 0;
      const used = budget.used.reduce((sum, { calls }) => sum + calls, budget.reserved);
      const [resetsAt = null] = used === 0 ? [] : forecast({ ...budget, limit: used }, [used], now);
      return [key, { limit, used, resetsAt }];
    }),
  );
}
