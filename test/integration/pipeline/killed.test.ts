import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';
import type { RoleProcess } from '../../support/role-process.ts';

// Invariant 2, when a worker dies: here a process of its own, killed with SIGKILL.
describe.each(queueBackends())('a killed publisher over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend);
    await it.fleet.start('scheduler');
  });
  afterAll(() => it.close());
  afterEach(async () => {
    await it.fleet.stop();
    await it.fleet.start('scheduler');
  });

  const twoPhotos = () => [1, 2].map((n) => ({ type: 'image', url: it.meta.image(n) }));
  const calls = async (outlet: Outlet, wanted: string) =>
    (await it.calls(outlet)).filter((call) => call === wanted).length;
  const leaseEnds = (id: string) => it.force(id, `lease_until = now() - interval '1 second'`);
  const ownershipEnds = (id: string) =>
    it.fleet.db.query({
      text: `UPDATE social_publisher.publish_attempts SET owned_until = now() - interval '1 millisecond'
             WHERE post_id = $1`,
      values: [id],
    });
  /** A publisher of its own that has taken the post when the sandbox sees this call. */
  const killAtCall = async (outlet: Outlet, call: string, count: number): Promise<void> => {
    const publisher: RoleProcess = await it.spawn('publisher');
    await until(`${call} was made`, async () => (await calls(outlet, call)) >= count);
    await publisher.kill();
  };

  test('before anything was sent: another goes on, with the photos that were staged', async () => {
    const outlet = await it.outlet();
    // The second upload hangs; the first one is saved by then.
    const match = { page_id: outlet.page.id, edge: 'photos' };
    await it.meta.control('POST', 'faults', { match, kind: 'delay', delay_ms: 0 });
    await it.meta.control('POST', 'faults', { match, kind: 'timeout', hold_ms: 20_000 });
    const id = await it.post(outlet, { media: twoPhotos() });
    await killAtCall(outlet, 'POST photos', 2);
    const [stopped] = await it.attempts(id);
    expect(stopped).toMatchObject({ state: 'prepared', reserved: 3, staged: [{ index: 0 }] });
    expect(await it.row(id)).toMatchObject({ status: 'publishing' });

    await leaseEnds(id);
    await it.sweep();
    await it.fleet.start('publisher');
    await it.reaches(id, 'drafted');
    const [post, ...more] = await it.meta.posts(outlet.page.id);
    expect(more).toEqual([]);
    expect(post?.photo_ids[0]).toBe(stopped?.staged[0]?.id);
    expect(await it.calls(outlet)).toEqual([
      'POST photos',
      'POST photos',
      'POST photos',
      'POST feed',
    ]);
    expect(await it.attempts(id)).toMatchObject([{ id: stopped?.id, run: 2, state: 'confirmed' }]);
    expect(await bookedCalls(outlet)).toBe(4);
  });

  test('before anything was sent, and the post cancelled meanwhile: its calls come back', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'photos', { kind: 'timeout', hold_ms: 20_000 });
    const id = await it.post(outlet, { media: twoPhotos() });
    await killAtCall(outlet, 'POST photos', 1);
    await it.fleet.db.query({
      text: `UPDATE social_publisher.social_posts SET status = 'cancelled' WHERE id = $1`,
      values: [id],
    });
    await it.sweep();
    expect(await it.attempts(id)).toMatchObject([{ state: 'abandoned', reserved: 0 }]);
    expect(await bookedCalls(outlet)).toBe(1);
  });

  test('between sent and the call: nobody calls, and it is looked for once its time is over', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { media: twoPhotos().slice(1), message: 'slow commit' });
    await slowDownSent();
    const publisher = await it.spawn('publisher');
    // The statement is with the server, which will commit it although nobody waits for the answer any more.
    await until('the commit is under way', async () => (await sleepingSessions()) === 1);
    await publisher.kill();
    await until('it is sent', async () => (await it.attempts(id))[0]?.state === 'sent');

    await it.fleet.start('publisher');
    await leaseEnds(id);
    await it.addJob(id);
    await it.sweep();
    expect(await it.row(id)).toMatchObject({ status: 'publishing', attention: null });
    await ownershipEnds(id);
    await it.sweep();
    const row = await it.reaches(id, 'unknown');
    expect(row).toMatchObject({ attention: null, waiting: { reason: 'reconcile' } });
    expect(row.error).toMatchObject({ class: 'unknown_outcome' });
    expect(await it.attempts(id)).toMatchObject([
      { state: 'unknown', reserved: 0, error: row.error },
    ]);
    expect(await calls(outlet, 'POST feed')).toBe(0);
    expect(await bookedCalls(outlet)).toBe(2);
  });

  test('after the effect, before it could write so: one post, which is looked for', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'timeout', when: 'after', hold_ms: 20_000 });
    const id = await it.post(outlet, { message: 'killed in the call' });
    await killAtCall(outlet, 'POST feed', 1);
    await it.fleet.start('publisher');
    await leaseEnds(id);
    await it.sweep();
    expect(await it.row(id)).toMatchObject({ status: 'publishing' });
    await ownershipEnds(id);
    await it.sweep();
    await it.reaches(id, 'unknown');
    await it.addJob(id);
    await it.sweep();
    expect(await calls(outlet, 'POST feed')).toBe(1);
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(1);
  });

  test('SIGTERM lets the call that is under way end, and claims nothing more', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'delay', delay_ms: 1_000 });
    const id = await it.post(outlet, { message: 'stopped in the call' });
    const publisher = await it.spawn('publisher');
    await until('the call is under way', async () => (await calls(outlet, 'POST feed')) === 1);
    const stopped = publisher.stop();
    await delay(100);
    const later = await it.post(outlet, { message: 'not any more' });
    expect(await stopped).toBe(0);
    expect(await it.row(id)).toMatchObject({ status: 'drafted' });
    expect(await it.row(later)).toMatchObject({ status: 'queued' });
    expect(await calls(outlet, 'POST feed')).toBe(1);
  });

  const bookedCalls = async (outlet: Outlet) => {
    const [row] = await it.fleet.db.query<{ calls: number }>({
      text: `SELECT sum(calls)::int AS calls FROM social_publisher.call_usage WHERE budget_key LIKE $1`,
      values: [`%:${outlet.page.id}`],
    });
    return row?.calls;
  };

  /** Commits of `sent` take a while for posts with this text. */
  const slowDownSent = async () => {
    await it.fleet.db.query({
      text: `CREATE OR REPLACE FUNCTION public.slow_sent() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
               IF NEW.state = 'sent' AND NEW.content ->> 'message' = 'slow commit' THEN PERFORM pg_sleep(1.5); END IF;
               RETURN NEW;
             END $$`,
    });
    await it.fleet.db.query({
      text: `CREATE OR REPLACE TRIGGER slow_sent BEFORE UPDATE ON social_publisher.publish_attempts
             FOR EACH ROW EXECUTE FUNCTION public.slow_sent()`,
    });
  };
  const sleepingSessions = async () => {
    const [row] = await it.fleet.db.query<{ count: number }>({
      text: `SELECT count(*)::int AS count FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event = 'PgSleep'`,
    });
    return row?.count;
  };
});
