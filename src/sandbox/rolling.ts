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
