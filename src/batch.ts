/**
 * Joins calls that are made at about the same time into one. While a batch is under way the next one gathers, so the
 * batches grow with the load and a lone call waits for nobody.
 */
export interface Batch<Item, Result> {
  /** Resolves with the result at the item's own place in what `run` returned. */
  (item: Item): Promise<Result>;
}

export interface BatchOptions<Item, Result> {
  readonly maxSize: number;
  /** Batches under way at once. */
  readonly maxConcurrency: number;
  /** One result per item, in the items' order. */
  run(items: readonly Item[]): Promise<readonly Result[]>;
}

interface Waiter<Item, Result> {
  readonly item: Item;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * When a batch of several fails, its items run again one by one: `run` must be a transaction, so that nothing of a
 * failed batch remains, and one impossible item does not fail its neighbours.
 */
export function createBatch<Item, Result>(
  options: BatchOptions<Item, Result>,
): Batch<Item, Result> {
  const waiting: Waiter<Item, Result>[] = [];
  let running = 0;
  let scheduled = false;

  const start = (): void => {
    scheduled = false;
    while (running < options.maxConcurrency && waiting.length > 0) {
      running += 1;
      void runBatch(options, waiting.splice(0, options.maxSize)).finally(() => {
        running -= 1;
        start();
      });
    }
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (scheduled) return;
      scheduled = true;
      setImmediate(start);
    });
}

async function runBatch<Item, Result>(
  options: BatchOptions<Item, Result>,
  waiters: readonly Waiter<Item, Result>[],
): Promise<void> {
  try {
    const results = await options.run(waiters.map((waiter) => waiter.item));
    waiters.forEach((waiter, index) => settle(waiter, results, index));
  } catch (error) {
    const [only] = waiters;
    if (waiters.length === 1 && only !== undefined) {
      only.reject(error);
      return;
    }
    for (const waiter of waiters) await runBatch(options, [waiter]);
  }
}

function settle<Item, Result>(
  waiter: Waiter<Item, Result>,
  results: readonly Result[],
  index: number,
): void {
  const result = results[index];
  if (result === undefined) waiter.reject(new Error('a batch answered fewer results than items'));
  else waiter.resolve(result);
}
