import { expect, test } from 'vitest';
import { fitPage, pageBytes } from '../../src/page-bytes.ts';

const mib = 'x'.repeat(2 ** 20 - 2);

test.each([
  [[], 0],
  [['a', 'b'], 2],
  [[mib, mib, mib, mib, mib, mib, mib, mib, mib], 8],
  [[mib, '\u0001'.repeat(2 ** 20), mib], 2],
  [['é'.repeat(2 ** 23)], 1],
  [['é'.repeat(2 ** 23), 'a'], 1],
])('a page takes what fits, and at least one', (items, expected) => {
  expect(pageBytes).toBe(2 ** 23);
  expect(fitPage(items)).toEqual(items.slice(0, expected));
});
