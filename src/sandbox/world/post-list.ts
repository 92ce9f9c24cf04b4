export interface Listed<T> {
  readonly position: number;
  readonly item: T;
}

export interface ListQuery<T> {
  /** Only what stands below this position (older), or above it (newer). */
  readonly after?: number | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
  readonly accepts: (item: T) => boolean;
  /** Another order than newest first: by this number of each position, lowest first. */
  readonly rank?: ((position: number) => number) | undefined;
  /** True for the first item too old to be wanted: the list is in order, so the walk ends there. */
  readonly endsAt: (item: T) => boolean;
}

/** A list in the order of adding, read from its newest end; a read costs what it returns, not what the list holds. */
export class PostList<T> {
  readonly #belongs: (item: T) => boolean;
  #entries: Listed<T>[] = [];
  #next = 0;
  #gone = 0;

  constructor(belongs: (item: T) => boolean) {
    this.#belongs = belongs;
  }

  add(item: T): void {
    this.#entries.push({ position: this.#next, item });
    this.#next += 1;
  }

  /** Says that one item no longer belongs; its place is swept when half of the list is gone. */
  dropped(): void {
    this.#gone += 1;
    if (this.#gone < 256 || this.#gone * 2 < this.#entries.length) return;
    this.#entries = this.#entries.filter((entry) => this.#belongs(entry.item));
    this.#gone = 0;
  }

  /** One page, newest first, and whether older entries follow. */
  read(query: ListQuery<T>): { rows: Listed<T>[]; more: boolean } {
    if (query.rank !== undefined) return this.#readRanked(query, query.rank);
    if (query.before !== undefined) return this.#readNewer(query, query.before);
    const rows: Listed<T>[] = [];
    for (let index = this.#indexBelow(query.after) - 1; index >= 0; index -= 1) {
      const entry = this.#entries[index];
      if (entry === undefined || !this.#belongs(entry.item)) continue;
      if (query.endsAt(entry.item)) break;
      if (!query.accepts(entry.item)) continue;
      if (rows.length === query.limit) return { rows, more: true };
      rows.push(entry);
    }
    return { rows, more: false };
  }

  #readRanked(
    query: ListQuery<T>,
    rank: (position: number) => number,
  ): { rows: Listed<T>[]; more: boolean } {
    const { after, before, limit } = query;
    const ranked = this.#entries
      .filter(({ item }) => this.#belongs(item) && query.accepts(item))
      .toSorted((a, b) => rank(a.position) - rank(b.position));
    if (before !== undefined) {
      const rows = ranked.filter(({ position }) => rank(position) < rank(before)).slice(-limit);
      return { rows, more: rows.length > 0 };
    }
    const rest =
      after === undefined ? ranked : ranked.filter(({ position }) => rank(position) > rank(after));
    return { rows: rest.slice(0, limit), more: rest.length > limit };
  }

  #readNewer(query: ListQuery<T>, before: number): { rows: Listed<T>[]; more: boolean } {
    const rows: Listed<T>[] = [];
    for (let index = this.#indexBelow(before + 1); index < this.#entries.length; index += 1) {
      const entry = this.#entries[index];
      if (entry === undefined || !this.#belongs(entry.item) || !query.accepts(entry.item)) continue;
      if (rows.length === query.limit) break;
      rows.push(entry);
    }
    return { rows: rows.toReversed(), more: rows.length > 0 };
  }

  /** The number of entries whose position is below the given one. */
  #indexBelow(position: number | undefined): number {
    if (position === undefined) return this.#entries.length;
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle]?.position ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
