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
