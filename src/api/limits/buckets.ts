import { RecentMap } from './recent.ts';

export interface Rate {
  readonly perSecond: number;
  /** So many at once, after a rest. */
  readonly burst: number;
}

/** A token bucket for each key. Memory is bounded: a key that is forgotten starts again with a full bucket. */
export class Buckets {
  readonly #burst: number;
  readonly #refillMs: number;
  readonly #fullAtMs: RecentMap<number>;

  constructor({ perSecond, burst }: Rate, mostKeys = 10_000) {
    this.#burst = burst;
    this.#refillMs = 1000 / perSecond;
    this.#fullAtMs = new RecentMap(mostKeys);
  }

  /** 0: taken. Else nothing was taken, and one will be there after so many milliseconds. */
  take(key: string, nowMs: number): number {
    const fullAtMs = Math.max(nowMs, this.#fullAtMs.get(key) ?? nowMs);
    const waitMs = this.waitMs(key, nowMs);
    this.#fullAtMs.set(key, waitMs > 0 ? fullAtMs : fullAtMs + this.#refillMs);
    return waitMs;
  }

  /** How long until one could be taken; takes none. */
  waitMs(key: string, nowMs: number): number {
    const missingMs = Math.max(0, (this.#fullAtMs.get(key) ?? nowMs) - nowMs);
    return Math.max(0, missingMs - (this.#burst - 1) * this.#refillMs);
  }
}
