import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import { openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { execute } from '../../support/postgres-server.ts';
import { queueBackends } from '../../support/redis.ts';

describe.each(queueBackends())('a database that goes away over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend);
    await it.fleet.start('scheduler', 'publisher');
  });
  afterAll(() => it.close());

  const name = () => new URL(it.databaseUrl).pathname.slice(1);
  const endAllSessions = () =>
    execute(
      inject('serverUrl'),
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name()}'`,
    );

  test('and comes back: everything goes on by itself, and nothing goes out twice', async () => {
    const outlets = await Promise.all(Array.from({ length: 5 }, () => it.outlet()));
    await it.meta.control('PATCH', 'settings', { latency_ms: 30 });
    const ids = (
      await Promise.all(
        outlets.map((outlet) =>
          it.posts(
            outlet,
            Array.from({ length: 30 }, (_, n) => ({
              message: `n ${n}`,
              media: n % 3 === 0 ? [{ type: 'image', url: it.meta.image(n) }] : [],
            })),
          ),
        ),
      )
    ).flat();
    for (let round = 0; round < 12; round += 1) {
      await endAllSessions();
      await delay(120);
    }
    await it.meta.control('PATCH', 'settings', { latency_ms: 0 });
    // Longer than any call lasts here: nobody is at work any more on what still says so, and its time may be over.
    await delay(1_500);
    await until(
      'all are settled',
      async () => {
        // As a transaction, which runs again when it meets the program's own writes in another order.
        await it.fleet.db.transaction((tx) =>
          tx.query({
            text: `UPDATE social_publisher.social_posts SET internal_write = true,
                     lease_until = least(lease_until, now() - interval '1 second')
                   WHERE status IN ('queued', 'publishing') AND updated_at < now() - interval '1 second'`,
          }),
        );
        await it.fleet.db.query({
          text: `UPDATE social_publisher.publish_attempts SET owned_until = now()
                 WHERE state = 'sent' AND sent_at < now() - interval '3 seconds' AND owned_until > now()`,
        });
        for (const outlet of outlets) await it.timePasses(outlet);
        const rows = await Promise.all(ids.map((id) => it.row(id)));
        return rows.every(({ status }) => ['drafted', 'unknown'].includes(status));
      },
      18_000,
    );
    const rows = await Promise.all(ids.map((id) => it.row(id)));
    const seen = await it.meta.posts();
    const contents = seen.map((post) => `${post.page_id} ${post.message}`);
    expect(new Set(contents).size).toBe(contents.length);
    const drafted = rows.filter((row) => row.status === 'drafted');
    const bound = new Set(drafted.map((row) => row.external_id));
    expect(bound.size).toBe(drafted.length);
    expect(new Set(seen.map((post) => post.id)).intersection(bound)).toEqual(bound);
    // A commit whose answer was lost with the connection is the one case that needs a person.
    for (const row of rows.filter(({ status }) => status === 'unknown')) {
      expect(row).toMatchObject({ attention: null, waiting: { reason: 'reconcile' } });
    }
    expect(drafted.length).toBeGreaterThan(ids.length * 0.7);
  });
});
