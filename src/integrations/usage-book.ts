import type { Sql } from '../db/client.ts';
import type { AccountUsage } from '../providers/provider.ts';
import { isNews, type KnownUsage, percentOf, restMs } from './usage.ts';
import { type UsageNote, writeUsages } from './usage-store.ts';

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
