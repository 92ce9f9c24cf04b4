import { z } from 'zod';
import type { Sql } from '../db/client.ts';

/**
 * Quota arithmetic (design: invariant 6), pure. The limit holds for any hour, so a call made in a minute counts until
 * 61 minutes after that minute began; calls set aside for an open attempt count until it settles.
 */
export interface Budget {
  readonly limit: number;
  /** Calls set aside for open attempts. */
  readonly reserved: number;
  /** Calls made, by the minute they were booked in; older ones than 61 minutes do not count. */
  readonly used: readonly UsedMinute[];
}

interface UsedMinute {
  readonly minute: Date;
  readonly calls: number;
}

const countsForMs = 61 * 60_000;

export function availableCalls(budget: Budget, now: Date): number {
  const used = budget.used
    .filter((entry) => entry.minute.getTime() + countsForMs > now.getTime())
    .reduce((sum, entry) => sum + entry.calls, 0);
  return Math.max(0, budget.limit - budget.reserved - used);
}

/**
 * When each of these demands, in this order, could have its calls. Calls that free up are given to the first in line
 * and come back an hour after that. A demand above the whole limit never fits: it gets the last moment known.
 */
export function forecast(budget: Budget, demands: readonly number[], now: Date): Date[] {
  const nowMs = now.getTime();
  let free = availableCalls(budget, now);
  let atMs = nowMs;
  const freeing = budget.used
    .map((entry) => ({ atMs: entry.minute.getTime() + countsForMs, calls: entry.calls }))
    .filter((entry) => entry.atMs > nowMs);
  if (budget.reserved > 0) freeing.push({ atMs: nowMs + countsForMs, calls: budget.reserved });
  freeing.sort((a, b) => a.atMs - b.atMs);

  let next = 0;
  return demands.map((demand) => {
    while (free < demand && next < freeing.length) {
      const entry = freeing[next++];
      if (entry === undefined) break;
      atMs = Math.max(atMs, entry.atMs);
      free += entry.calls;
    }
    if (free >= demand) {
      free -= demand;
      // Appended in order: `atMs` never goes back.
      freeing.push({ atMs: atMs + countsForMs, calls: demand });
    }
    return new Date(atMs);
  });
}

const usedMinutes = z.array(z.tuple([z.number(), z.number()]));

/**
 * Serialises everybody who wants to reserve calls of these keys until the transaction ends. Without it two workers
 * could each see the last free call.
 */
export async function lockBudgets(tx: Sql, keys: readonly string[]): Promise<void> {
  await tx.query({
    name: 'budgets_lock',
    text: `SELECT pg_advisory_xact_lock(hashtextextended(key, 7106)) FROM
           (SELECT DISTINCT unnest($1::text[]) AS key ORDER BY 1) AS keys`,
    values: [keys],
  });
}

/** Must be a statement of its own after `lockBudgets`, or it would not see what the last holder committed. */
export async function loadBudgets(
  sql: Sql,
  keys: readonly string[],
  limit: number,
): Promise<{ readonly budgets: ReadonlyMap<string, Budget>; readonly now: Date }> {
  const rows = await sql.query<BudgetRow>({
    name: 'budgets_load',
    text: `SELECT k.budget_key,
             coalesce((SELECT sum(a.reserved) FROM social_publisher.publish_attempts a
                       WHERE a.budget_key = k.budget_key AND a.reserved > 0), 0)::int AS reserved,
             coalesce((SELECT json_agg(json_build_array(extract(epoch FROM u.minute), u.calls) ORDER BY u.minute)
                       FROM social_publisher.call_usage u
                       WHERE u.budget_key = k.budget_key
                         AND u.minute > statement_timestamp() - interval '61 minutes'), '[]') AS used,
             clock_timestamp() AS now
           FROM (SELECT DISTINCT unnest($1::text[]) AS budget_key) k`,
    values: [keys],
  });
  const budgets = rows.map((row): [string, Budget] => [
    row.budget_key,
    { limit, reserved: row.reserved, used: parseUsed(row.used) },
  ]);
  return { budgets: new Map(budgets), now: rows[0]?.now ?? new Date() };
}

interface BudgetRow {
  readonly budget_key: string;
  readonly reserved: number;
  readonly used: unknown;
  /** The database's clock: the hour is the same for every process. */
  readonly now: Date;
}

function parseUsed(used: unknown): UsedMinute[] {
  return usedMinutes
    .parse(used)
    .map(([epochS, calls]) => ({ minute: new Date(epochS * 1000), calls }));
}

export interface Spending {
  readonly budgetKey: string;
  readonly calls: number;
}

/** Books calls that were made, in the minute of the database's clock. */
export async function bookCalls(sql: Sql, spendings: readonly Spending[]): Promise<void> {
  const byKey = new Map<string, number>();
  for (const { budgetKey, calls } of spendings) {
    if (calls > 0) byKey.set(budgetKey, (byKey.get(budgetKey) ?? 0) + calls);
  }
  if (byKey.size === 0) return;
  // Sorted, so that two processes that book the same keys cannot deadlock.
  const entries = [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1));
  await sql.query({
    name: 'budgets_book',
    text: `INSERT INTO social_publisher.call_usage AS u (budget_key, minute, calls)
           SELECT key, date_trunc('minute', clock_timestamp()), calls
           FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS x (key, calls, place) ORDER BY place
           ON CONFLICT (budget_key, minute) DO UPDATE SET calls = u.calls + EXCLUDED.calls`,
    values: [entries.map(([key]) => key), entries.map(([, calls]) => calls)],
  });
}

/** Calls that were booked in this minute and then not made. */
export async function giveBackCalls(
  sql: Sql,
  { budgetKey, calls, minute }: Spending & { readonly minute: Date },
): Promise<void> {
  await sql.query({
    name: 'budgets_give_back',
    text: `UPDATE social_publisher.call_usage SET calls = greatest(0, calls - $3)
           WHERE budget_key = $1 AND minute = date_trunc('minute', $2::timestamptz)`,
    values: [budgetKey, minute, calls],
  });
}

/** Sets one more call aside for an attempt that is open still. */
export async function raiseReserved(tx: Sql, attemptId: string): Promise<boolean> {
  const rows = await tx.query({
    name: 'budgets_raise_reserved',
    text: `UPDATE social_publisher.publish_attempts SET reserved = reserved + 1
           WHERE id = $1 AND reserved > 0 RETURNING id`,
    values: [attemptId],
  });
  return rows.length === 1;
}
