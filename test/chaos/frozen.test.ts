import { describe, expect, test } from 'vitest';
import { openPipeline } from '../support/pipeline.ts';
import { queueBackends } from '../support/redis.ts';
import { arenaOf, shortSettings } from './arena.ts';
import { freezeAtCommit } from './frozen.ts';

// Invariant 2, when a process stands still at the worst moment: SIGSTOP, and SIGCONT once others have taken over.
// Each has a database and processes of its own, and mostly waits.
describe.concurrent.each(queueBackends())('a worker that is frozen over %s', (backend) => {
  test('between the commit of `sent` and its call sends nothing twice', {
    timeout: 180_000,
  }, async () => {
    const pipeline = await openPipeline(backend, { env: shortSettings });
    try {
      const report = await freezeAtCommit(arenaOf(pipeline), 20);
      expect(report.frozen).toBeGreaterThan(0);
      expect(report).toMatchObject({ exactlyOnce: 20, twice: 0, lost: 0, others: '' });
    } finally {
      await pipeline.close();
    }
  });
});
