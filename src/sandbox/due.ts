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
