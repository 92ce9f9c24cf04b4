import { describe, expect, it } from 'vitest';
import { freshIds, repeatableIds } from '../../../src/api/route.ts';

const since = new Date('2026-11-20T10:00:00.123Z');
const version7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('repeatable ids', () => {
  it('are the same for the same request and part', () => {
    const one = repeatableIds({ scope: 'tenant', key: 'k', since });
    const again = repeatableIds({ scope: 'tenant', key: 'k', since });
    expect(one()).toBe(again());
    expect(one('3')).toBe(again('3'));
  });

  it('differ by part, key, scope and time', () => {
    const ids = [
      repeatableIds({ scope: 'a', key: 'k', since })(),
      repeatableIds({ scope: 'a', key: 'k', since })('1'),
      repeatableIds({ scope: 'a', key: 'k2', since })(),
      repeatableIds({ scope: 'b', key: 'k', since })(),
      repeatableIds({ scope: 'a', key: 'k', since: new Date(since.getTime() + 1) })(),
    ];
    expect(new Set(ids).size).toBe(5);
  });

  it('are of version 7 and begin with the time of the request', () => {
    const id = repeatableIds({ scope: 'a', key: 'k', since })();
    expect(id).toMatch(version7);
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(since.getTime());
  });
});

describe('fresh ids', () => {
  it('are of version 7 and never the same', () => {
    expect(freshIds()).toMatch(version7);
    expect(freshIds()).not.toBe(freshIds());
  });
});
