import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Sql } from '../../../src/db/client.ts';
import { usageBook } from '../../../src/integrations/usage.ts';

const said = (percent: number, regainMs: number | null = null) => ({
  percent,
  regainMs,
  appPercent: null,
});

/** A database that keeps what it is told, or is away. */
function aBook({ isAway = false } = {}) {
  const writes: unknown[] = [];
  const warnings: string[] = [];
  const db: Sql = {
    query: async ({ values = [] }) => {
      if (isAway) throw new Error('away');
      writes.push(values);
      return [];
    },
  };
  const log = { warn: (_fields: object, message: string) => void warnings.push(message) };
  return { book: usageBook({ db, log }), same: () => usageBook({ db, log }), writes, warnings };
}

describe('the book of usage', () => {
  it('writes a thousand answers that say the same once', async () => {
    const { book, writes } = aBook();
    const listen = book.listener('i1');
    for (let n = 0; n < 1_000; n += 1) listen(said(40 + (n % 3)));
    await book.write();
    listen(said(41));
    await book.write();
    expect(writes).toEqual([[['i1'], [40], [0]]]);
  });

  it('writes of many integrations in one statement', async () => {
    const { book, writes } = aBook();
    book.listener('i1')(said(10));
    book.listener('i2')(said(80));
    await book.write();
    expect(writes).toEqual([
      [
        ['i1', 'i2'],
        [10, 80],
        [0, 2_000],
      ],
    ]);
  });

  it('lets a full one rest from that moment on, until its row says so', async () => {
    const { book, writes } = aBook();
    book.listener('i1')(said(100, 60_000));
    expect(book.restsForMs('i1')).toBeGreaterThan(59_000);
    expect(book.restsForMs('i2')).toBe(0);
    await delay(20);
    expect(writes).toEqual([[['i1'], [100], [60_000]]]);
    expect(book.restsForMs('i1')).toBe(0);
  });

  it('goes on letting it rest while the row cannot be told', async () => {
    const { book, warnings } = aBook({ isAway: true });
    book.listener('i1')(said(100, 60_000));
    await book.write();
    expect(warnings).toEqual(['usage not written']);
    expect(book.restsForMs('i1')).toBeGreaterThan(59_000);
  });

  it('is one a process', () => {
    const { book, same } = aBook();
    expect(same()).toBe(book);
  });
});
