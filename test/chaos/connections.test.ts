import { expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { liveThrough } from './connections-report.ts';

/** The reduced form of `npm run chaos -- connections`. */
test('connections live as long as Meta lets them, and nobody is surprised', {
  timeout: 300_000,
}, async () => {
  const database = await createTestDatabase();
  try {
    const plan = { days: 75, connections: 12, seed: 7, downFrom: 48, ends: 1 / 40 };
    const report = await liveThrough(database.url, plan);
    expect(report.broken).toEqual([]);
    expect(report.ended).toBeGreaterThan(5);
    expect(report.connectedAgain).toBeGreaterThan(3);
    expect(report.mails).toBeGreaterThan(5);
  } finally {
    await database.drop();
  }
});
