import { describe, expect, test } from 'vitest';
import { availableCalls, forecast } from '../../../src/integrations/budget-store.ts';

const now = new Date('2026-11-20T12:00:30Z');
const minutesAgo = (minutes: number) =>
  new Date(new Date('2026-11-20T12:00:00Z').getTime() - minutes * 60_000);

describe('availableCalls', () => {
  test('takes what is set aside and what was used in the last hour from the limit', () => {
    const used = [
      { minute: minutesAgo(0), calls: 10 },
      { minute: minutesAgo(59), calls: 20 },
    ];
    expect(availableCalls({ limit: 200, reserved: 5, used }, now)).toBe(165);
  });

  test('counts a call for a whole hour from the last moment of its minute', () => {
    const budget = { limit: 200, reserved: 0, used: [{ minute: minutesAgo(60), calls: 20 }] };
    expect(availableCalls(budget, now)).toBe(180);
    expect(availableCalls(budget, new Date('2026-11-20T12:01:00Z'))).toBe(200);
  });

  test('never goes below nothing', () => {
    expect(availableCalls({ limit: 10, reserved: 30, used: [] }, now)).toBe(0);
  });
});

describe('forecast', () => {
  test('lets what fits go now', () => {
    expect(forecast({ limit: 10, reserved: 0, used: [] }, [3, 7], now)).toEqual([now, now]);
  });

  test('gives the first in line what frees up first', () => {
    const used = [
      { minute: minutesAgo(50), calls: 2 },
      { minute: minutesAgo(10), calls: 8 },
    ];
    expect(forecast({ limit: 10, reserved: 0, used }, [1, 1, 1], now)).toEqual([
      new Date('2026-11-20T12:11:00Z'),
      new Date('2026-11-20T12:11:00Z'),
      new Date('2026-11-20T12:51:00Z'),
    ]);
  });

  test('counts the calls of those in front again an hour later', () => {
    const [first, second, third] = forecast({ limit: 2, reserved: 0, used: [] }, [2, 2, 2], now);
    expect(first).toEqual(now);
    expect(second).toEqual(new Date(now.getTime() + 61 * 60_000));
    expect(third).toEqual(new Date(now.getTime() + 122 * 60_000));
  });

  test('expects reserved calls back after an hour at the latest', () => {
    expect(forecast({ limit: 5, reserved: 5, used: [] }, [5], now)).toEqual([
      new Date(now.getTime() + 61 * 60_000),
    ]);
  });

  test('ends for a demand above the whole limit', () => {
    expect(forecast({ limit: 5, reserved: 0, used: [] }, [6, 1], now)).toEqual([now, now]);
  });
});
