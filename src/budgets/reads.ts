import type { Database } from '../db/client.ts';
import { availableCalls } from './budget.ts';
import { bookCalls, loadBudgets, lockBudgets } from './store.ts';

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
