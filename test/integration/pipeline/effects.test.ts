import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

const lost = ['reset', 'timeout', 'code_1', 'code_2', 'html_502', 'truncated', 'empty', 'no_id'];
const moments = ['before', 'after'] as const;
const shapes = ['text', 'photos'] as const;
const matrix = lost.flatMap((kind) =>
  moments.flatMap((when) => shapes.map((shape) => ({ kind, when, shape }))),
);

// Invariant 2: at most one visible effect per post.
describe.each(queueBackends())('one visible effect over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend, { env: { GRAPH_TIMEOUT_MS: '2000' } });
    await it.fleet.start('scheduler', 'publisher');
  });
  afterAll(() => it.close());

  const mediaOf = (shape: string) =>
    shape === 'photos' ? [1, 2].map((n) => ({ type: 'image', url: it.meta.image(n) })) : [];
  const feeds = async (outlet: Outlet) =>
    (await it.calls(outlet)).filter((call) => call === 'POST feed').length;

  test.concurrent.each(matrix)(
    'asks a person about $shape after $kind $when the effect, and calls never again',
    async ({ kind, when, shape }) => {
      const outlet = await it.outlet();
      await it.fault(outlet, 'feed', { kind, when });
      const id = await it.post(outlet, { media: mediaOf(shape), message: `${kind} ${when}` });
      const row = await it.reaches(id, 'unknown');
      expect(row).toMatchObject({
        external_id: null,
        error: { class: 'unknown_outcome' },
        attention: null,
        waiting: { reason: 'reconcile' },
      });
      expect(await it.attempts(id)).toMatchObject([{ state: 'unknown', error: row.error }]);

      // Whatever asks for another go is refused, be it the author or a job by hand.
      await it.fleet.db.query({
        text: `UPDATE social_publisher.social_posts SET status = 'approved' WHERE id = $1`,
        values: [id],
      });
      await it.addJob(id);
      await until('the queue is idle', async () => {
        const counts = await it.fleet.services.queues.counts('facebook');
        return counts.waiting + counts.active === 0;
      });
      expect(await it.row(id)).toMatchObject({ status: 'unknown' });
      expect(await feeds(outlet)).toBe(1);
      expect(await it.meta.posts(outlet.page.id)).toHaveLength(when === 'after' ? 1 : 0);
    },
  );

  test('refuses to edit or to call off what may be live', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'reset', when: 'after' });
    const id = await it.post(outlet);
    await it.reaches(id, 'unknown');
    const write = (set: string) =>
      it.fleet.db.query({
        text: `UPDATE social_publisher.social_posts SET ${set} WHERE id = $1`,
        values: [id],
      });
    await expect(write(`message = 'other'`)).rejects.toMatchObject({ code: 'SP409' });
    await expect(write(`status = 'draft'`)).rejects.toMatchObject({ code: 'SP409' });
  });
});
