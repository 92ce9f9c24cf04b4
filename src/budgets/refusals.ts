import type { Database, Sql } from '../db/client.ts';
import { LimitedError } from '../errors.ts';
import { forecast } from './budget.ts';
import type { BookedCalls } from './look-budget.ts';
import { bookCalls, loadBudgets, lockBudgets } from './store.ts';

interface HourlyLimit {
  readonly budgetKey: string;
  readonly limit: number;
  /** What to tell who comes when it is used up. */
  readonly text: string;
}

/**
 * Books one refusal before it is known to be one, so that many at once do not pass the limit; who was not refused gives
 * it back. Throws LimitedError when the hour had so many already.
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
