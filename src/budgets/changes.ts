import type { Database, Sql } from '../db/client.ts';
import { availableCalls } from './budget.ts';
import { bookCalls, loadBudgets, lockBudgets } from './store.ts';

/**
 * Books what a change may call, as publishing does: an author waits for it, and unlike reads it may use the hour's
 * last calls. All or nothing; false: come back later.
 */
export async function reserveChange(
  db: Database,
  budgetKey: string,
  { limit, calls }: { readonly limit: number; readonly calls: number },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    await lockBudgets(tx, [budgetKey]);
    const { budgets, now } = await loadBudgets(tx, [budgetKey], limit);
    const budget = budgets.get(budgetKey) ?? { limit, reserved: 0, used: [] };
    if (availableCalls(budget, now) < calls) return false;
    await bookCalls(tx, [{ budgetKey, calls }]);
    return true;
  });
}

/** Gives back calls that were booked a moment ago and not made. */
export async function returnCalls(sql: Sql, budgetKey: string, calls: number): Promise<void> {
  if (calls <= 0) return;
  await sql.query({
    name: 'budgets_return',
    text: `UPDATE social_publisher.call_usage SET calls = calls - $2
           WHERE budget_key = $1 AND minute = (
             SELECT max(minute) FROM social_publisher.call_usage WHERE budget_key = $1 AND calls >= $2)`,
    values: [budgetKey, calls],
  });
}
