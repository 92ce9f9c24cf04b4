import type { Database } from '../db/client.ts';
import { availableCalls } from './budget.ts';
import { bookCalls, giveBackCalls, loadBudgets, lockBudgets, raiseReserved } from './store.ts';

export interface BookedCalls {
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
