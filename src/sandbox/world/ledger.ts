import type { Visibility } from './model.ts';

export type EffectKind = 'post' | 'photo' | 'edit' | 'delete' | 'publish' | 'vanish';

/** One thing that really happened on a Page. */
export interface Effect {
  readonly kind: EffectKind;
  readonly id: string;
  readonly pageId: string;
  readonly by: 'app' | 'person' | 'clock';
  readonly visibility: Visibility | 'staged';
  readonly message: string | null;
  readonly link: string | null;
  readonly photoIds: readonly string[];
  readonly scheduledAt: number | null;
  readonly at: number;
  readonly bodyHash: string | null;
  readonly requestId: string | null;
}

export interface NumberedEffect extends Effect {
  readonly seq: number;
}

/** Every effect in order. Only grows; a reset makes a new one. */
export class Ledger {
  readonly entries: NumberedEffect[] = [];

  add(effect: Effect): void {
    this.entries.push({ seq: this.entries.length + 1, ...effect });
  }
}

export interface LoggedRequest {
  readonly seq: number;
  readonly requestId: string;
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly version: string | null;
  readonly pageId: string | null;
  readonly edge: string | null;
  readonly params: ReadonlyMap<string, unknown>;
  readonly tokenPlace: 'header' | 'query' | 'form' | 'json' | null;
  readonly token: string | null;
  readonly hasProof: boolean;
  readonly userAgent: string | null;
  status: number | null;
  errorCode: number | null;
  errorSubcode: number | null;
  fault: string | null;
  durationMs: number | null;
}

export interface PageCalls {
  total: number;
  reads: number;
  writes: number;
}

/** The latest requests in a ring, and totals per Page over all of them. */
export class RequestLog {
  readonly #size: number;
  readonly #ring: LoggedRequest[] = [];
  readonly totals = new Map<string, PageCalls>();
  total = 0;

  constructor(size: number) {
    this.#size = size;
  }

  add(request: Omit<LoggedRequest, 'seq'>): LoggedRequest {
    const logged = { seq: this.total + 1, ...request };
    this.#ring[this.total % this.#size] = logged;
    this.total += 1;
    if (request.pageId !== null) this.#count(request.pageId, request.method);
    return logged;
  }

  /** Oldest first. */
  kept(): LoggedRequest[] {
    const start = this.total % this.#size;
    if (this.total <= this.#size) return [...this.#ring];
    return [...this.#ring.slice(start), ...this.#ring.slice(0, start)];
  }

  #count(pageId: string, method: string): void {
    const calls = this.totals.get(pageId) ?? { total: 0, reads: 0, writes: 0 };
    calls.total += 1;
    if (method === 'GET') calls.reads += 1;
    else calls.writes += 1;
    this.totals.set(pageId, calls);
  }
}
