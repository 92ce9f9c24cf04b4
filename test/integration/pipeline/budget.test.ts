import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';
import { anIntegration } from '../../support/rows.ts';

const limit = 12;
const texts = (count: number, word = 'text') =>
  Array.from({ length: count }, (_, n) => ({ message: `${word} ${n}` }));

// Invariant 6: calls are reserved before the first one, per Page, over the whole fleet.
describe.each(queueBackends())('the calls of an hour over %s', (backend) => {
  let it: Pipeline;
  const outlets: Outlet[] = [];

  beforeAll(async () => {
    it = await openPipeline(backend, { env: { FACEBOOK_CALLS_PER_HOUR: String(limit) } });
    await it.fleet.start('scheduler', 'publisher');
  });
  afterAll(() => it.close());
  afterEach(async () => {
    for (const outlet of outlets.splice(0)) {
      const most = await it.mostCallsInAnHour(outlet);
      if (most > limit) throw new Error(`Page ${outlet.page.id} had ${most} calls in an hour`);
    }
  });

  const open = async (options?: Parameters<Pipeline['outlet']>[0]) => {
    const outlet = await it.outlet(options);
    outlets.push(outlet);
    return outlet;
  };
  const photos = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ type: 'image', url: it.meta.image(n) }));
  const count = async (ids: readonly string[], status: string) =>
    (await Promise.all(ids.map((id) => it.row(id)))).filter((row) => row.status === status).length;
  const settledOrWaiting = (ids: readonly string[]) =>
    until('all are settled or wait', async () => {
      const rows = await Promise.all(ids.map((id) => it.row(id)));
      return rows.every(
        (row) =>
          !['queued', 'publishing'].includes(row.status) &&
          (row.status !== 'approved' || row.waiting !== null),
      );
    });
  const budget = async (outlet: Outlet) => {
    const [row] = await it.fleet.db.query<{ booked: number; reserved: number }>({
      text: `SELECT (SELECT coalesce(sum(calls), 0)::int FROM social_publisher.call_usage
                     WHERE budget_key LIKE $1) AS booked,
               (SELECT coalesce(sum(reserved), 0)::int FROM social_publisher.publish_attempts
                WHERE budget_key LIKE $1) AS reserved`,
      values: [`%:${outlet.page.id}`],
    });
    return row;
  };
  const anHourPasses = async (outlet: Outlet) => {
    await it.fleet.db.query({
      text: `UPDATE social_publisher.call_usage SET minute = minute - interval '62 minutes'
             WHERE budget_key LIKE $1`,
      values: [`%:${outlet.page.id}`],
    });
    // Meta's hour too: a new one of these is not to be had.
    await it.timePasses(outlet);
  };

  test('ten photos with nine calls left upload none, and wait for the hour', async () => {
    const outlet = await open();
    for (const id of await it.posts(outlet, texts(3))) await it.reaches(id, 'drafted');
    const id = await it.post(outlet, { message: 'album', media: photos(10) });
    const row = await it.waitsFor(id, 'budget');
    expect(row).toMatchObject({ status: 'approved', tries: 0, error: null });
    const waitMs = Date.parse(row.waiting?.until ?? '') - Date.now();
    expect(waitMs).toBeGreaterThan(58 * 60_000);
    expect(waitMs).toBeLessThanOrEqual(61 * 60_000);
    expect(row.next_run_at?.toISOString()).toBe(row.waiting?.until);
    expect(await it.meta.effects('photo', outlet.page.id)).toEqual([]);
    expect(await budget(outlet)).toEqual({ booked: 3, reserved: 0 });
  });

  test('what is waiting goes out when the hour has passed', async () => {
    const outlet = await it.outlet();
    const ids = await it.posts(outlet, texts(limit + 3));
    await settledOrWaiting(ids);
    expect(await count(ids, 'drafted')).toBe(limit);
    await anHourPasses(outlet);
    for (const id of ids) await it.reaches(id, 'drafted');
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(limit + 3);
  });

  test('two fleets together never make more calls, and a restart forgets none', async () => {
    const outlet = await open();
    const other = await it.another();
    await other.start('scheduler', 'publisher');
    const ids = await it.posts(outlet, texts(40));
    await settledOrWaiting(ids);
    expect(await count(ids, 'drafted')).toBe(limit);
    await Promise.all([it.fleet.stop(), other.stop()]);
    await it.timePasses(outlet);
    const restarted = await it.another();
    await restarted.start('scheduler', 'publisher');
    await settledOrWaiting(ids);
    await restarted.stop();
    await it.fleet.start('scheduler', 'publisher');
    expect(await count(ids, 'drafted')).toBe(limit);
    expect(await it.calls(outlet)).toHaveLength(limit);
  });

  test('albums of several posts are reserved whole: what does not fit starts nothing', async () => {
    const outlet = await open();
    const ids = await it.posts(
      outlet,
      texts(5, 'album').map((post) => ({ ...post, media: photos(4) })),
    );
    await settledOrWaiting(ids);
    expect(await count(ids, 'drafted')).toBe(2);
    expect(await it.calls(outlet)).toHaveLength(10);
    expect(await budget(outlet)).toEqual({ booked: 10, reserved: 0 });
  });

  test('calls that a post did not need come back', async () => {
    const outlet = await open();
    const media = [{ type: 'image', url: it.meta.tornImage }, ...photos(6)];
    const id = await it.post(outlet, { message: 'broken album', media });
    await it.reaches(id, 'failed');
    expect(await budget(outlet)).toEqual({ booked: 1, reserved: 0 });
    const ids = await it.posts(outlet, texts(limit - 1));
    for (const text of ids) await it.reaches(text, 'drafted');
  });

  test('two tenants of one Page share its hour', async () => {
    const outlet = await open();
    const { page } = outlet;
    const second = {
      ...(await anIntegration(it.fleet.db, { accountId: page.id, token: page.token })),
      page,
    };
    const ids = (
      await Promise.all([it.posts(outlet, texts(10, 'one')), it.posts(second, texts(10, 'two'))])
    ).flat();
    await settledOrWaiting(ids);
    expect(await count(ids, 'drafted')).toBe(limit);
    expect(await it.calls(outlet)).toHaveLength(limit);
  });

  test('the nearest due have them first, in whatever order they were written', async () => {
    const outlet = await open({ autoPublish: true });
    await it.fleet.stop();
    const minutesLate = Array.from({ length: 20 }, (_, n) => ((n * 7) % 20) + 1);
    const ids = await it.posts(
      outlet,
      minutesLate.map((minutes) => ({
        message: `${minutes} minutes late`,
        publishMode: 'publish' as const,
        scheduledAt: new Date(Date.now() - minutes * 60_000),
      })),
    );
    await it.fleet.start('scheduler', 'publisher');
    await settledOrWaiting(ids);
    const posts = await it.meta.posts(outlet.page.id);
    expect(new Set(posts.map((post) => post.message))).toEqual(
      // Each is made hidden and then shown.
      new Set(Array.from({ length: limit / 2 }, (_, n) => `${20 - n} minutes late`)),
    );
  });

  test('hand-overs for far days leave room for what must go out within a day', async () => {
    const outlet = await open({ autoPublish: true });
    const near = await it.posts(
      outlet,
      texts(4, 'soon').map((post) => ({
        ...post,
        publishMode: 'publish' as const,
        scheduledAt: new Date(Date.now() + 5 * 3_600_000),
      })),
    );
    for (const id of near) await it.waitsFor(id, 'due_time');
    const far = await it.posts(
      outlet,
      texts(10, 'far').map((post) => ({
        ...post,
        scheduledAt: new Date(Date.now() + 10 * 86_400_000),
      })),
    );
    await settledOrWaiting(far);
    // Two calls each, and one that reads back whether the first got its time.
    expect(await count(far, 'scheduled')).toBe(1);
    for (const id of near) await it.force(id, `scheduled_at = now(), next_run_at = now()`);
    for (const id of near) await it.reaches(id, 'published');
  });

  test('reads wait when the hour is nearly spent', async () => {
    const outlet = await open();
    const ids = await it.posts(outlet, texts(10));
    for (const id of ids) await it.reaches(id, 'drafted');
    const [id = ''] = ids;
    await it.fleet.start('background');
    await it.force(id, `verify_at = now()`);
    await until('it was looked at', async () => (await verifications(id)) === 1);
    await it.fleet.services.queues.ping();
    await until('the background rests', async () => {
      const counts = await it.fleet.services.queues.counts('background');
      return counts.waiting + counts.active === 0;
    });
    expect(await it.calls(outlet)).toHaveLength(10);
    await anHourPasses(outlet);
    await it.force(id, `verify_at = now()`);
    await until('it was read', async () => (await it.calls(outlet)).length === 11);
    expect(await budget(outlet)).toMatchObject({ booked: 11 });
  });

  const verifications = async (id: string) => {
    const [row] = await it.fleet.db.query<{ verifications: number }>({
      text: 'SELECT verifications FROM social_publisher.social_posts WHERE id = $1',
      values: [id],
    });
    return row?.verifications;
  };
});
