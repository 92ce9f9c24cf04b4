import { describe, expect, test } from 'vitest';
import { openPipeline } from '../support/pipeline.ts';
import { queueBackends } from '../support/redis.ts';
import { arenaOf, shortSettings } from './arena.ts';
import { type Cell, callsOf, fates } from './cells.ts';
import { runMatrix } from './matrix.ts';

/**
 * The reduced form of `npm run chaos`: every answer and fate, each fate in one mode, two kinds of content; how many photos
 * a post has matters once.
 */
const modeOf = {
  lives: 'publish',
  'killed before the commit': 'schedule',
  'killed after the commit': 'draft',
} as const;
const isWanted =
  (photos: Cell['content']) =>
  ({ fate, mode, content }: Cell): boolean =>
    mode === modeOf[fate] && (content === 'link' || content === photos);

const runs = queueBackends().flatMap((backend, index) => [
  { backend, steps: 'two' as const, photos: index === 0 ? 'ten photos' : 'one photo' } as const,
  // How the lists are searched does not depend on the queue.
  ...(index === 0 ? [{ backend, steps: 'one', photos: 'one photo' } as const] : []),
]);

describe.each(runs)('every lost answer over $backend in steps: $steps', (run) => {
  const { backend, steps, photos } = run;
  // Each has a database and processes of its own, and mostly waits.
  test.concurrent.each(fates)(
    'leaves one post when the worker: %s',
    {
      timeout: 300_000,
    },
    async (fate) => {
      const env = { ...shortSettings, FACEBOOK_STEPS: steps };
      const pipeline = await openPipeline(backend, { env });
      try {
        const options = { fate, steps, wants: isWanted(photos) };
        const verdicts = await runMatrix(arenaOf(pipeline), options);
        expect(verdicts).toHaveLength(26 * callsOf(modeOf[fate], steps).length);
        expect(verdicts.filter(({ outcome }) => outcome !== 'exactly one')).toEqual([]);
      } finally {
        await pipeline.close();
      }
    },
  );
});
