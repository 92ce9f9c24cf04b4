import { describe, expect, test } from 'vitest';
import { openPipeline } from '../support/pipeline.ts';
import { queueBackends } from '../support/redis.ts';
import { arenaOf, shortSettings } from './arena.ts';
import { type Cell, fates } from './cells.ts';
import { runMatrix } from './matrix.ts';

/** The reduced form of `npm run chaos`: every answer and fate, each fate in one mode, two kinds of content. */
const modeOf = {
  lives: 'publish',
  'killed before the commit': 'schedule',
  'killed after the commit': 'draft',
} as const;
const isWanted = ({ fate, mode, content }: Cell): boolean =>
  mode === modeOf[fate] && (content === 'link' || content === 'ten photos');

describe.each(queueBackends())('every lost answer over %s', (backend) => {
  // Each has a database and processes of its own, and mostly waits.
  test.concurrent.each(fates)(
    'leaves one post when the worker: %s',
    {
      timeout: 300_000,
    },
    async (fate) => {
      const pipeline = await openPipeline(backend, { env: shortSettings });
      try {
        const verdicts = await runMatrix(arenaOf(pipeline), { fate, wants: isWanted });
        expect(verdicts).toHaveLength(26);
        expect(verdicts.filter(({ outcome }) => outcome !== 'exactly one')).toEqual([]);
      } finally {
        await pipeline.close();
      }
    },
  );
});
