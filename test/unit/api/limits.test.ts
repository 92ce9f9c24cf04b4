import { describe, expect, it, test } from 'vitest';
import { Buckets, Guesses, RecentMap } from '../../../src/api/guesses.ts';
import { addressKey, UnderWay } from '../../../src/api/limits.ts';

const many = (count: number) => Array.from({ length: count }, (_, index) => index);

describe('a bucket', () => {
  it('gives its burst at once, then as many as it is refilled with', () => {
    const buckets = new Buckets({ perSecond: 2, burst: 3 });
    expect(many(4).map(() => buckets.take('a', 1_000))).toEqual([0, 0, 0, 500]);
    expect(buckets.take('a', 1_499)).toBe(1);
    expect(buckets.take('a', 1_500)).toBe(0);
    expect(buckets.take('a', 1_500)).toBe(500);
  });

  it('is full again after a rest, and never more than full', () => {
    const buckets = new Buckets({ perSecond: 2, burst: 3 });
    for (const _ of many(3)) buckets.take('a', 0);
    expect(many(4).map(() => buckets.take('a', 3_600_000))).toEqual([0, 0, 0, 500]);
  });

  it('says how long to wait without taking', () => {
    const buckets = new Buckets({ perSecond: 1, burst: 1 });
    expect([buckets.waitMs('a', 0), buckets.waitMs('a', 0)]).toEqual([0, 0]);
    expect([buckets.take('a', 0), buckets.waitMs('a', 400)]).toEqual([0, 600]);
  });

  it("of one key is not another's, and strangers without number cost bounded memory", () => {
    const buckets = new Buckets({ perSecond: 1, burst: 1 }, 100);
    expect([buckets.take('a', 0), buckets.take('b', 0)]).toEqual([0, 0]);
    for (const index of many(100)) buckets.take(`stranger ${index}`, 0);
    expect(buckets.take('stranger 99', 0)).toBe(1_000);
    expect(buckets.take('a', 0)).toBe(0);
  });
});

test('a map of bounded size forgets what was set longest ago', () => {
  const map = new RecentMap<number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.set('a', 3);
  map.set('c', 4);
  expect([map.size, map.get('a'), map.get('b'), map.get('c')]).toEqual([2, 3, undefined, 4]);
});

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:5050', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['nonsense', '198.51.100.1'],
  ['', '198.51.100.1'],
])('the address %j counts as %s', (given, expected) => {
  expect(addressKey(given, '198.51.100.1')).toBe(expected);
});

const aLog = () => {
  const lines: object[] = [];
  return { lines, warn: (fields: object) => void lines.push(fields) };
};
const shown = (authorization: string, address = '203.0.113.7') => ({ address, authorization });

describe('wrong credentials', () => {
  it('are judged twenty times a minute from one address, and others go on', () => {
    const guesses = new Guesses(aLog());
    for (const index of many(20)) {
      guesses.check(shown(`Bearer ${index}`), 0);
      guesses.noteWrong('api', shown(`Bearer ${index}`), 0);
    }
    expect(() => guesses.check(shown('Bearer 21'), 2_999)).toThrow('Too many wrong tokens');
    guesses.check(shown('Bearer 21', '203.0.113.8'), 0);
    guesses.check(shown('Bearer 21'), 3_000);
  });

  it('do not lock out one that was good before, until it is good no more', () => {
    const guesses = new Guesses(aLog());
    guesses.noteGood(shown('Bearer good'));
    for (const index of many(30)) guesses.noteWrong('api', shown(`Bearer ${index}`), 0);
    guesses.check(shown('Bearer good'), 0);
    guesses.noteWrong('api', shown('Bearer good'), 0);
    expect(() => guesses.check(shown('Bearer good'), 0)).toThrow('Too many wrong tokens');
  });

  it('write one line for each address and minute, which counts them', () => {
    const log = aLog();
    const guesses = new Guesses(log);
    for (const index of many(50)) guesses.noteWrong('api', shown(`Bearer ${index}`), index * 1_000);
    guesses.noteWrong('api', shown('Bearer x', '203.0.113.8'), 50_000);
    guesses.noteWrong('api', shown('Bearer y'), 61_000);
    expect(log.lines).toEqual([
      { address: '203.0.113.7', failures: 1 },
      { address: '203.0.113.8', failures: 1 },
      { address: '203.0.113.7', failures: 50 },
    ]);
  });

  it('count once in a minute when they are the same, and are not looked up again', () => {
    const guesses = new Guesses(aLog());
    for (const _ of many(100)) guesses.noteWrong('api', shown('Bearer revoked'), 0);
    guesses.check(shown('Bearer other'), 0);
    expect(guesses.wasWrong('api', shown('Bearer revoked'), 59_999)).toBe(true);
    expect(guesses.wasWrong('api', shown('Bearer revoked'), 60_000)).toBe(false);
    expect(guesses.wasWrong('operator', shown('Bearer revoked'), 0)).toBe(false);
  });

  it("a tenant's key shown to the dashboard stays good for the API", () => {
    const guesses = new Guesses(aLog());
    guesses.noteGood(shown('Bearer key'));
    guesses.noteWrong('operator', shown('Bearer key'), 0);
    expect(guesses.wasGood(shown('Bearer key'))).toBe(true);
    expect(guesses.wasWrong('api', shown('Bearer key'), 0)).toBe(false);
  });

  it('leave a request without any alone', () => {
    const log = aLog();
    const guesses = new Guesses(log);
    const nothing = { address: '203.0.113.7', authorization: undefined };
    for (const _ of many(50)) guesses.noteWrong('api', nothing, 0);
    guesses.check(nothing, 0);
    guesses.check(shown('Bearer x'), 0);
    expect(log.lines).toEqual([]);
  });
});

describe('what a tenant has under way', () => {
  const mib = 1024 * 1024;

  it('is bounded in bytes, small requests counting 64 KiB, and is free again when it ends', () => {
    const underWay = new UnderWay();
    const held = many(1024).map(() => underWay.hold('a', 10));
    expect(held).not.toContain(undefined);
    expect(underWay.hold('a', 10)).toBeUndefined();
    expect(underWay.hold('b', 8 * mib)).toBeDefined();
    held[0]?.release();
    held[0]?.release();
    expect([underWay.hold('a', 10), underWay.hold('a', 10)]).toEqual([
      expect.anything(),
      undefined,
    ]);
  });

  it('counts answers until they are taken', () => {
    const underWay = new UnderWay();
    const reads = many(8).map(() => underWay.hold('a', 0));
    expect(reads.map((read) => read?.grow(8 * mib))).toEqual([...many(7).map(() => true), false]);
    for (const read of reads) read?.release();
    expect(underWay.hold('a', 64 * mib)).toBeDefined();
  });

  it('does not keep an answer that is ready only after its reader has gone', () => {
    const underWay = new UnderWay();
    const read = underWay.hold('a', 0);
    read?.release();
    read?.grow(64 * mib);
    expect(underWay.hold('a', 64 * mib)).toBeDefined();
  });
});
