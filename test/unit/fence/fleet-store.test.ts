import { describe, expect, test } from 'vitest';
import { findDifferences, type Identity, placeOf } from '../../../src/fence/fleet-store.ts';

const known: Identity = {
  systemIdentifier: '7000',
  timelineId: 1,
  databaseId: '5.16500',
  publicUrl: 'https://publisher.example',
  graphHost: 'graph.facebook.com',
};
const configured = (publicUrl: string, baseUrl = 'https://graph.facebook.com') => ({
  http: { host: '127.0.0.1', port: 3000, healthPort: undefined, publicUrl },
  graph: { baseUrl, version: 'v26.0', timeoutMs: 1 },
});

describe('the identity of an installation', () => {
  test('is another when any known part of it is', () => {
    expect(findDifferences(known, known)).toEqual([]);
    expect(findDifferences(known, { ...known, systemIdentifier: '7001' })).toEqual([
      "PostgreSQL's system_identifier was 7000 and is 7001",
    ]);
    expect(findDifferences(known, { ...known, timelineId: 2, graphHost: 'x' })).toHaveLength(2);
  });

  test('is not compared where either side does not know it', () => {
    const forbidden = { ...known, systemIdentifier: null, timelineId: null, publicUrl: null };
    expect(findDifferences(known, forbidden)).toEqual([]);
    expect(findDifferences(forbidden, known)).toEqual([]);
  });

  test('has only a public address that somebody configured', () => {
    expect(placeOf(configured('http://127.0.0.1:3000')).publicUrl).toBeNull();
    expect(placeOf(configured('http://127.0.0.1:3001')).publicUrl).toBe('http://127.0.0.1:3001');
    expect(placeOf(configured('https://a.example')).publicUrl).toBe('https://a.example');
  });

  test('takes every sandbox on this machine for one network, whatever its port', () => {
    const hosts = ['http://127.0.0.1:4010', 'http://localhost:9', 'http://[::1]:1/x'].map(
      (url) => placeOf(configured('', url)).graphHost,
    );
    expect(hosts).toEqual(['loopback', 'loopback', 'loopback']);
    expect(placeOf(configured('', 'http://sandbox:4010')).graphHost).toBe('sandbox:4010');
  });
});
