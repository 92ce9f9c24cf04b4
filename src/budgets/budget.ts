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

export interface UsedMinute {
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
