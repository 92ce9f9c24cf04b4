/** The sandbox's own time: the machine's, moved by an offset, or standing still. Milliseconds since 1970. */
export class Clock {
  #offsetMs = 0;
  #frozenAt: number | null = null;

  now(): number {
    return this.#frozenAt ?? Date.now() + this.#offsetMs;
  }

  set(at: number): void {
    this.#offsetMs = at - Date.now();
    if (this.#frozenAt !== null) this.#frozenAt = at;
  }

  advance(ms: number): void {
    this.set(this.now() + ms);
  }

  freeze(frozen: boolean): void {
    if (frozen) {
      this.#frozenAt = this.now();
      return;
    }
    if (this.#frozenAt !== null) this.#offsetMs = this.#frozenAt - Date.now();
    this.#frozenAt = null;
  }

  reset(): void {
    this.#offsetMs = 0;
    this.#frozenAt = null;
  }

  get frozen(): boolean {
    return this.#frozenAt !== null;
  }
}

interface Due<T> {
  readonly at: number;
  readonly item: T;
}

/** A binary heap: what is due earliest comes out first. */
export class DueHeap<T> {
  #heap: Due<T>[] = [];

  add(at: number, item: T): void {
    this.#heap.push({ at, item });
    let child = this.#heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (this.#at(parent) <= this.#at(child)) return;
      this.#swap(parent, child);
      child = parent;
    }
  }

  /** Takes the earliest item that is due, if one is. */
  takeDue(now: number): Due<T> | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#heap[0] = last;
      this.#sink();
    }
    return first;
  }

  #sink(): void {
    let parent = 0;
    for (;;) {
      const left = parent * 2 + 1;
      const right = left + 1;
      const child = this.#at(right) < this.#at(left) ? right : left;
      if (this.#at(child) >= this.#at(parent)) return;
      this.#swap(parent, child);
      parent = child;
    }
  }

  #at(index: number): number {
    return this.#heap[index]?.at ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const first = this.#heap[a];
    const second = this.#heap[b];
    if (first === undefined || second === undefined) return;
    this.#heap[a] = second;
    this.#heap[b] = first;
  }
}

/** Counts what happened in the last `windowMs`, exactly; adding and counting are amortised O(1). */
export class RollingWindow {
  readonly windowMs: number;
  #times: number[] = [];
  #head = 0;
  /** The most that any window held so far. */
  peak = 0;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  add(at: number): void {
    this.#times.push(at);
    this.peak = Math.max(this.peak, this.count(at));
  }

  count(now: number): number {
    let oldest = this.#times[this.#head];
    while (oldest !== undefined && oldest <= now - this.windowMs) {
      this.#head += 1;
      oldest = this.#times[this.#head];
    }
    if (this.#head > 1024 && this.#head * 2 > this.#times.length) {
      this.#times = this.#times.slice(this.#head);
      this.#head = 0;
    }
    return this.#times.length - this.#head;
  }

  /** When the count falls below `limit` if nothing more is added. */
  freeAt(limit: number, now: number): number {
    const over = this.count(now) - limit;
    if (over < 0) return now;
    return (this.#times[this.#head + over] ?? now) + this.windowMs;
  }
}
