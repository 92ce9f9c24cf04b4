import { describe, expect, test } from 'vitest';
import { createBatch } from '../../src/batch.ts';

const double = async (items: readonly number[]) => items.map((item) => item * 2);

describe('createBatch', () => {
  test('joins calls of one moment into one run, each with its own result', async () => {
    const runs: number[][] = [];
    const batch = createBatch<number, number>({
      maxSize: 10,
      maxConcurrency: 1,
      run: (items) => {
        runs.push([...items]);
        return double(items);
      },
    });
    expect(await Promise.all([batch(1), batch(2), batch(3)])).toEqual([2, 4, 6]);
    expect(runs).toEqual([[1, 2, 3]]);
  });

  test('a lone call waits for nobody', async () => {
    const batch = createBatch<number, number>({ maxSize: 10, maxConcurrency: 1, run: double });
    expect(await batch(21)).toBe(42);
  });

  test('never runs more than it may at once, nor larger ones, and none is left behind', async () => {
    const sizes: number[] = [];
    let running = 0;
    let most = 0;
    const batch = createBatch<number, number>({
      maxSize: 3,
      maxConcurrency: 2,
      run: async (items) => {
        sizes.push(items.length);
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        running -= 1;
        return double(items);
      },
    });
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const results = await Promise.all(numbers.map((number) => batch(number)));
    expect(results).toEqual(numbers.map((number) => number * 2));
    expect(most).toBe(2);
    expect(Math.max(...sizes)).toBe(3);
  });

  test('a poisoned item fails alone: its neighbours run again one by one', async () => {
    const runs: number[][] = [];
    const batch = createBatch<number, number>({
      maxSize: 10,
      maxConcurrency: 1,
      run: async (items) => {
        runs.push([...items]);
        if (items.includes(13)) throw new Error('poison');
        return double(items);
      },
    });
    const settled = await Promise.allSettled([batch(1), batch(13), batch(2)]);
    expect(settled).toMatchObject([
      { status: 'fulfilled', value: 2 },
      { status: 'rejected', reason: { message: 'poison' } },
      { status: 'fulfilled', value: 4 },
    ]);
    expect(runs).toEqual([[1, 13, 2], [1], [13], [2]]);
  });

  test('goes on after a run that failed', async () => {
    let calls = 0;
    const batch = createBatch<number, number>({
      maxSize: 1,
      maxConcurrency: 1,
      run: async (items) => {
        calls += 1;
        if (calls === 1) throw new Error('once');
        return double(items);
      },
    });
    await expect(batch(1)).rejects.toThrow('once');
    expect(await batch(1)).toBe(2);
  });

  test('an item without a result is told so, and not left waiting', async () => {
    const batch = createBatch<number, number>({
      maxSize: 10,
      maxConcurrency: 1,
      run: async () => [1],
    });
    const [first, second] = await Promise.allSettled([batch(1), batch(2)]);
    expect(first).toMatchObject({ status: 'fulfilled' });
    expect(second).toMatchObject({ status: 'rejected' });
  });
});
