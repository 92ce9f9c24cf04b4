import { expect, test } from 'vitest';
import { PostList } from '../../../src/sandbox/world/post-list.ts';
import { DueHeap } from '../../../src/sandbox/world/time.ts';

test('the heap gives what is due, earliest first', () => {
  const heap = new DueHeap<number>();
  for (const at of [5, 1, 4, 2, 3, 9]) heap.add(at, at);
  const taken: number[] = [];
  for (let due = heap.takeDue(5); due !== undefined; due = heap.takeDue(5)) taken.push(due.item);
  expect(taken).toEqual([1, 2, 3, 4, 5]);
  expect(heap.takeDue(9)?.item).toBe(9);
});

test('a list keeps its positions when the gone half is swept', () => {
  const gone = new Set<number>();
  const list = new PostList<number>((item) => !gone.has(item));
  const query = { limit: 2, accepts: () => true, endsAt: () => false };
  for (let n = 0; n < 600; n += 1) list.add(n);
  for (let n = 0; n < 400; n += 1) {
    gone.add(n);
    list.dropped();
  }
  expect(list.read({ ...query, after: 402 }).rows).toEqual([
    { position: 401, item: 401 },
    { position: 400, item: 400 },
  ]);
});
