import type { Sql } from '../db/client.ts';
import type { AccountUsage } from '../providers/account.ts';
import { type UsageNote, writeUsages } from './store.ts';

/** From here on the calls of an account are spread; from `readsStopAt` on only publishing calls. In percent. */
export const slowFrom = 75;
export const readsStopAt = 90;
/** What was said longer ago than this says nothing any more: who does not call is not told that it got better. */
export const usageCountsForMs = 15 * 60_000;

const fullWaitMs = 5 * 60_000;
const shortestHoldMs = 1_000;
/** Below this many points a change is no news. */
const newsPoints = 5;
/** News or not, it is written again before it stops counting. */
const renewAfterMs = 5 * 60_000;

/**
 * What one answer says about an account: the fuller of its own budget and the app's. Null: nothing.
 * @internal for tests
 */
export function percentOf({ percent, appPercent }: AccountUsage): number | null {
  if (percent === null && appPercent === null) return null;
  return Math.round(Math.max(percent ?? 0, appPercent ?? 0));
}

/**
 * How long the account rests after an answer that says so: not at all below 75 %, then a second that doubles every five
 * points, so that the last calls are spread out; at 100 % as long as told, or five minutes. A full app is no reason to
 * stop an account, which has a budget of its own: only Meta's refusal is.
 * @internal for tests
 */
export function restMs(usage: AccountUsage): number {
  if (usage.percent !== null && usage.percent >= 100) return usage.regainMs ?? fullWaitMs;
  const percent = Math.min(100, percentOf(usage) ?? 0);
  if (percent < slowFrom) return 0;
  return shortestHoldMs * 2 ** ((percent - slowFrom) / 5);
}

interface KnownUsage {
  readonly percent: number;
  readonly writtenAtMs: number;
}

/**
 * Whether it is worth a write: the row is told what changes what we do, and not of every call.
 * @internal for tests
 */
export function isNews(known: KnownUsage | undefined, percent: number, nowMs: number): boolean {
  if (known === undefined) return true;
  if (nowMs - known.writtenAtMs >= renewAfterMs) return true;
  if (zoneOf(known.percent) !== zoneOf(percent)) return true;
  return Math.abs(percent - known.percent) >= newsPoints;
}

function zoneOf(percent: number): number {
  return [slowFrom, readsStopAt, 100].filter((bound) => percent >= bound).length;
}

const writeEveryMs = 250;
const books = new WeakMap<Sql, UsageBook>();

interface Needs {
  readonly db: Sql;
  readonly log: { warn(fields: object, message: string): void };
}

/** The one of this process. */
export function usageBook({ db, log }: Needs): UsageBook {
  const known = books.get(db);
  if (known !== undefined) return known;
  const book = new UsageBook(db, (error) => {
    log.warn({ err: error }, 'usage not written');
  });
  books.set(db, book);
  return book;
}

/**
 * What providers say about how full their budgets are, as this process hears it with every answer. What matters goes
 * to the rows, a few times a second at most and for all integrations at once; the rest of this process knows at once.
 */
class UsageBook {
  readonly #sql: Sql;
  readonly #report: (error: unknown) => void;
  readonly #known = new Map<string, KnownUsage>();
  readonly #restsUntilMs = new Map<string, number>();
  readonly #unwritten = new Map<string, UsageNote>();
  #timer: NodeJS.Timeout | undefined;

  constructor(sql: Sql, report: (error: unknown) => void) {
    this.#sql = sql;
    this.#report = report;
  }

  /** What a call of this integration is given as `onUsage`. */
  listener(integrationId: string): (usage: AccountUsage) => void {
    return (usage) => {
      this.note(integrationId, usage, performance.now());
    };
  }

  note(integrationId: string, usage: AccountUsage, nowMs: number): void {
    const percent = percentOf(usage);
    if (percent === null) return;
    const heldMs = Math.round(restMs(usage));
    if (heldMs > 0) this.#rest(integrationId, nowMs + heldMs);
    if (heldMs === 0 && !isNews(this.#known.get(integrationId), percent, nowMs)) return;
    this.#known.set(integrationId, { percent, writtenAtMs: nowMs });
    const before = this.#unwritten.get(integrationId);
    this.#unwritten.set(integrationId, {
      integrationId,
      percent,
      restMs: Math.max(heldMs, before?.restMs ?? 0),
    });
    this.#writeIn(heldMs > 0 ? 0 : writeEveryMs);
  }

  /** How long the integration has to rest by what its row was not told yet; 0: not at all. */
  restsForMs(integrationId: string): number {
    const untilMs = this.#restsUntilMs.get(integrationId);
    if (untilMs === undefined) return 0;
    const left = untilMs - performance.now();
    if (left > 0) return left;
    this.#restsUntilMs.delete(integrationId);
    return 0;
  }

  /** Best effort: what is lost here is said again by the next answer. */
  async write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const notes = [...this.#unwritten.values()];
    this.#unwritten.clear();
    if (notes.length === 0) return;
    const rests = new Map(notes.map(({ integrationId: id }) => [id, this.#restsUntilMs.get(id)]));
    try {
      await writeUsages(this.#sql, notes);
    } catch (error) {
      this.#report(error);
      return;
    }
    // From here on the rows say it, and what they say goes: somebody may have shortened it.
    for (const [id, untilMs] of rests) {
      if (this.#restsUntilMs.get(id) === untilMs) this.#restsUntilMs.delete(id);
    }
  }

  /** A rest concerns every process, and cannot wait for what is only news. */
  #writeIn(ms: number): void {
    if (this.#timer !== undefined && ms > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.write(), ms).unref();
  }

  #rest(integrationId: string, untilMs: number): void {
    const known = this.#restsUntilMs.get(integrationId) ?? 0;
    this.#restsUntilMs.set(integrationId, Math.max(known, untilMs));
  }
}
