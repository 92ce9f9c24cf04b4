import { createHash } from 'node:crypto';
import { Counter } from 'prom-client';
import { LimitedError } from '../errors.ts';
import type { Logger } from '../log.ts';

/** Who shows what at the entrance. */
export interface Shown {
  /** As `addressKey` has it. */
  readonly address: string;
  readonly authorization: string | undefined;
}

/** Where it is shown: a key that is good for the API is wrong where only the operator's token is. */
export type Door = 'api' | 'operator' | 'link' | 'meta';

const failures = new Counter({
  name: 'social_publisher_auth_failures_total',
  help: 'Requests refused at the entrance: without a credential, with a wrong one, or after too many wrong ones.',
  labelNames: ['reason'],
});

const failuresPerMinute = 20;
const tellEveryMs = 60_000;
const rememberWrongMs = 60_000;
const mostRemembered = 10_000;

interface Told {
  readonly atMs: number;
  /** Since then. */
  readonly failures: number;
}

/**
 * Wrong tokens and keys, by address. A credential that was good before is judged whatever its neighbours at the same
 * address do; it is remembered by its hash, and only to be let through to the judgement.
 */
export class Guesses {
  readonly #log: Pick<Logger, 'warn'>;
  readonly #wrong = new Buckets(
    { perSecond: failuresPerMinute / 60, burst: failuresPerMinute },
    mostRemembered,
  );
  readonly #good = new RecentMap<true>(mostRemembered);
  readonly #wrongAtMs = new RecentMap<number>(mostRemembered);
  readonly #told = new RecentMap<Told>(mostRemembered);

  constructor(log: Pick<Logger, 'warn'>) {
    this.#log = log;
  }

  wasGood({ authorization }: Shown): boolean {
    return authorization !== undefined && this.#good.get(hashOf(authorization)) === true;
  }

  /** Before anything is compared or looked up. Throws LimitedError after too many wrong ones from this address. */
  check(shown: Shown, nowMs = performance.now()): void {
    if (shown.authorization === undefined || this.wasGood(shown)) return;
    const waitMs = this.#wrong.waitMs(shown.address, nowMs);
    if (waitMs === 0) return;
    failures.inc({ reason: 'limited' });
    this.#tell(shown.address, nowMs);
    throw new LimitedError('Too many wrong tokens or keys came from this address.', waitMs);
  }

  noteGood({ authorization }: Shown): void {
    if (authorization !== undefined) this.#good.set(hashOf(authorization), true);
  }

  /** Within a minute it need not be looked up again: keys come out of chance, and never come back. */
  wasWrong(door: Door, { authorization }: Shown, nowMs = performance.now()): boolean {
    if (authorization === undefined) return false;
    const atMs = this.#wrongAtMs.get(`${door} ${hashOf(authorization)}`);
    return atMs !== undefined && nowMs - atMs < rememberWrongMs;
  }

  /** The same again is no other guess: a calendar whose key was revoked does not lock out its neighbours. */
  noteWrong(door: Door, shown: Shown, nowMs = performance.now()): void {
    const { address, authorization } = shown;
    failures.inc({ reason: authorization === undefined ? 'missing' : 'wrong' });
    if (authorization === undefined) return;
    if (!this.wasWrong(door, shown, nowMs)) {
      this.#wrongAtMs.set(`${door} ${hashOf(authorization)}`, nowMs);
      this.#wrong.take(address, nowMs);
    }
    if (door === 'api') this.#good.delete(hashOf(authorization));
    this.#tell(address, nowMs);
  }

  /** A line for each address and minute, not for each guess. */
  #tell(address: string, nowMs: number): void {
    const { atMs, failures: before } = this.#told.get(address) ?? {
      atMs: -tellEveryMs,
      failures: 0,
    };
    const isDue = nowMs - atMs >= tellEveryMs;
    if (isDue) {
      this.#log.warn({ address, failures: before + 1 }, 'wrong tokens or keys from an address');
    }
    this.#told.set(address, isDue ? { atMs: nowMs, failures: 0 } : { atMs, failures: before + 1 });
  }
}

function hashOf(authorization: string): string {
  return createHash('sha256').update(authorization).digest('base64');
}

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

/** A map of bounded size: what was set longest ago is forgotten first. */
export class RecentMap<Value> {
  readonly #most: number;
  readonly #values = new Map<string, Value>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.#most) return;
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest);
      return;
    }
  }

  delete(key: string): void {
    this.#values.delete(key);
  }
}
