import { describe, expect, test } from 'vitest';
import { openPipeline } from '../support/pipeline.ts';
import { queueBackends } from '../support/redis.ts';
import { arenaOf, shortSettings } from './arena.ts';
import { contents } from './cells.ts';
import { skies, type WeatherCell } from './skies.ts';
import { runWeather, weatherEnv } from './weather-matrix.ts';

/** The reduced form of `npm run chaos -- weather`: every weather, with answers lost after their effect or, of schedules, before it; by turns of content. */
const isWanted = ({ sky, mode, content, happened, call }: WeatherCell): boolean => {
  const turn = skies.indexOf(sky) + mode.length + call.length;
  const isLost = call === 'reveal' && mode === 'schedule' ? !happened : happened;
  return isLost && content === contents[turn % contents.length];
};
const runs = queueBackends().map((backend, index) => ({
  backend,
  steps: index === 0 ? ('two' as const) : ('one' as const),
}));

describe.concurrent.each(runs)('any weather over $backend in steps: $steps', (run) => {
  test('leaves one post, or a question where nobody can know', { timeout: 420_000 }, async () => {
    const { backend, steps } = run;
    const env = { ...shortSettings, ...weatherEnv, FACEBOOK_STEPS: steps };
    const pipeline = await openPipeline(backend, { env });
    try {
      const verdicts = await runWeather(arenaOf(pipeline), { steps, skies, wants: isWanted });
      expect(verdicts).toHaveLength(skies.length * (steps === 'two' ? 5 : 3));
      expect(verdicts.filter(({ outcome }) => outcome === 'broken')).toEqual([]);
    } finally {
      await pipeline.close();
    }
  });
});
