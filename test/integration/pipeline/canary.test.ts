import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderMetrics, renderProcessMetrics } from '../../../src/api/metrics.ts';
import { readStatus } from '../../../src/api/status.ts';
import { endOutage } from '../../../src/integrations/health-store.ts';
import type { Services } from '../../../src/services.ts';
import { tellStuck } from '../../../src/watch/watch.ts';
import { until } from '../../support/fleet.ts';
import { openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

const counted = async () => {
  const found = /lateness_seconds_count\{provider="facebook"\} (\d+)/.exec(
    await renderProcessMetrics(),
  );
  return Number(found?.[1] ?? 0);
};

// What stands still says so by itself.
describe.each(queueBackends())('a pipeline that stands still over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend, { env: { STUCK_AFTER_MS: '1000' } });
  });
  afterAll(() => it.close());

  const canaryOf = async (queue: string) =>
    (await readStatus(it.fleet.services)).queues.find((one) => one.queue === queue)?.canary;
  const ages = (seconds: number) =>
    it.fleet.db.query({
      text: `UPDATE social_publisher.canaries SET first_sent_at = now() - $1 * interval '1 second',
               sent_at = now() - $1 * interval '1 second', seen_at = seen_at - $1 * interval '1 second'`,
      values: [seconds],
    });

  test('a canary crosses every queue, and says how long ago', async () => {
    expect(await canaryOf('facebook')).toEqual({ seen_at: null, age_s: null, healthy: false });
    await it.fleet.start('scheduler', 'publisher', 'background');
    const { names } = it.fleet.services.queues;
    expect(names).toEqual(['facebook', 'background']);
    for (const queue of names) {
      await until(`${queue} was crossed`, async () => (await canaryOf(queue))?.healthy === true);
      expect((await canaryOf(queue))?.age_s).toBeLessThan(10);
    }
    await ages(20);
    for (const queue of names) {
      await until(`${queue} again`, async () => ((await canaryOf(queue))?.age_s ?? 99) < 10);
    }
    await it.fleet.stop();
    await ages(61);
    expect(await canaryOf('facebook')).toMatchObject({ healthy: false });
    const metrics = await renderMetrics(await readStatus(it.fleet.services));
    expect(metrics).toContain('social_publisher_queue_healthy{queue="facebook"} 0');
    expect(metrics).toMatch(/canary_age_seconds\{queue="background"\} 6\d/);
  });

  test('a queue without workers is unhealthy, the others are not', async () => {
    await ages(61);
    await it.fleet.start('scheduler', 'background');
    await until('background', async () => (await canaryOf('background'))?.healthy === true);
    expect(await canaryOf('facebook')).toMatchObject({ healthy: false });
    await it.fleet.stop();
  });

  test('a due post that nobody starts is told of, once a minute and by name', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.fleet.start('scheduler');
    const id = await it.post(outlet, { message: 'stuck' });
    const later = await it.post(outlet, {
      publishMode: 'publish',
      scheduledAt: new Date(Date.now() + 3_600_000),
    });
    await it.reaches(id, 'queued');
    const lines: object[] = [];
    const log = { ...it.fleet.services.log, error: (fields: object) => void lines.push(fields) };
    const services: Pick<Services, 'db' | 'config' | 'log'> = { ...it.fleet.services, log };
    const told = new Map<string, number>();
    await until('it is told', async () => {
      await tellStuck(services, told);
      return lines.length > 0;
    });
    await tellStuck(services, told);
    expect(lines).toMatchObject([{ postId: id, provider: 'facebook' }]);
    const { providers } = await readStatus(it.fleet.services);
    expect(providers).toMatchObject([{ stuck: 1 }]);
    await it.fleet.start('publisher');
    await it.reaches(id, 'drafted');
    expect((await readStatus(it.fleet.services)).providers).toMatchObject([{ stuck: 0 }]);
    expect((await it.row(later)).status).toBe('approved');
    await it.fleet.stop();
  });

  test.each(['approved', 'queued'])(
    'what waited for an outage of its network to end is not stuck the moment it ends: %s',
    async (status) => {
      const outlet = await it.outlet();
      const id = await it.post(outlet, { message: 'waited' });
      await it.force(id, `status = '${status}', next_run_at = now() - interval '1 hour'`);
      const stuckAfter = async (hold: string) => {
        await it.fleet.db.query({
          text: `UPDATE social_publisher.integrations SET ailing_since = now() - interval '1 hour', ${hold} WHERE id = $1`,
          values: [outlet.integrationId],
        });
        await endOutage(it.fleet.db, outlet.integrationId);
        return (await readStatus(it.fleet.services)).providers[0]?.stuck;
      };
      expect(await stuckAfter('held_until = NULL')).toBe(0);
      const held = `held_until = now() + interval '1 minute', held_for = '{"scope":"provider","text":"none"}'`;
      expect(await stuckAfter(held)).toBe(0);
      await until('nobody started it', async () => {
        return (await readStatus(it.fleet.services)).providers[0]?.stuck === 1;
      });
      await it.force(id, `status = 'cancelled'`);
    },
  );

  test('what waits for a person, a limit or a pause is not stuck', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { message: 'waits' });
    await it.force(id, `next_run_at = now() - interval '1 hour'`);
    const stuck = async (set: string) => {
      await it.fleet.db.query({
        text: `UPDATE social_publisher.integrations SET status = 'active', held_until = NULL, ${set} WHERE id = $1`,
        values: [outlet.integrationId],
      });
      return (await readStatus(it.fleet.services)).providers[0]?.stuck;
    };
    expect(await stuck('name = NULL')).toBe(1);
    expect(await stuck(`usage_percent = 80, usage_at = now()`)).toBe(0);
    await stuck('usage_percent = NULL');
    await it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET status = 'blocked' WHERE id = $1`,
      values: [outlet.integrationId],
    });
    expect((await readStatus(it.fleet.services)).providers[0]?.stuck).toBe(0);
  });

  test('how late posts went live is counted by the worker that published them', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.fleet.start('scheduler', 'publisher');
    const before = await counted();
    const id = await it.post(outlet, { publishMode: 'publish', scheduledAt: new Date() });
    await it.reaches(id, 'published');
    await until('it is counted', async () => (await counted()) > before);
    expect(await counted()).toBe(before + 1);
    await it.fleet.stop();
  });
});
