import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { publishPost } from '../../../src/jobs/publish-post.ts';
import { changePosts } from '../../../src/posts/store.ts';
import { createPipeline } from '../../../src/publishing/pipeline.ts';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

// Invariant 3: every status change is conditional, and an author who is answered yes has won.
describe.each(queueBackends())('authors against workers over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend);
    await it.fleet.start('scheduler', 'publisher');
  });
  afterAll(() => it.close());

  const photos = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ type: 'image', url: it.meta.image(n) }));
  const write = (id: string, set: string) =>
    it.fleet.db.query({
      text: `UPDATE social_publisher.social_posts SET ${set} WHERE id = $1`,
      values: [id],
    });
  const feeds = async (outlet: Outlet) =>
    (await it.calls(outlet)).filter((call) => call === 'POST feed').length;
  /** A post whose second photo takes so long that the author can do something meanwhile. */
  const staging = async (outlet: Outlet) => {
    await it.fault(outlet, 'photos', { kind: 'delay', delay_ms: 0 });
    await it.fault(outlet, 'photos', { kind: 'delay', delay_ms: 700 });
    const id = await it.post(outlet, { message: 'before', media: photos(3) });
    await until('staging', async () => (await it.calls(outlet)).length === 2);
    return id;
  };
  const staged = (outlet: Outlet) =>
    until(
      'its worker has ended',
      async () => {
        const open = await it.fleet.db.query({
          text: `SELECT 1 FROM social_publisher.publish_attempts
                 WHERE integration_id = $1 AND (state = 'prepared' OR reserved > 0)`,
          values: [outlet.integrationId],
        });
        return open.length === 0;
      },
      5_000,
    );
  const booked = async (outlet: Outlet) => {
    const [row] = await it.fleet.db.query<{ calls: number }>({
      text: `SELECT coalesce(sum(calls), 0)::int AS calls FROM social_publisher.call_usage
             WHERE budget_key LIKE $1`,
      values: [`%:${outlet.page.id}`],
    });
    return row?.calls ?? 0;
  };

  test.each([
    ['goes out with the new text', '', { status: 'drafted', message: 'after' }],
    [
      'waits as its new time says',
      `, scheduled_at = now() + interval '80 days'`,
      { status: 'approved' },
    ],
  ])('a queued post that is edited while its job begins %s', async (_name, more, end) => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { status: 'draft', message: 'before' });
    const leased = `status = 'queued', run = 1, approved_at = now(), lease_until = now() + interval '1 hour'`;
    await it.force(id, leased);
    const pipeline = createPipeline(it.fleet.db, it.fleet.services.config);
    let reads = 0;
    const edited = {
      ...pipeline,
      read: async (postId: string) => {
        const row = await pipeline.read(postId);
        reads += 1;
        if (reads === 1) await write(id, `message = 'after'${more}`);
        return row;
      },
    };
    const { services } = it.fleet;
    const job = { id: '1', payload: { postId: id, run: 1 }, signal: new AbortController().signal };
    await publishPost.perform({ ...job, logger: services.log }, { ...services, pipeline: edited });
    expect(await it.row(id)).toMatchObject(end);
    expect(await feeds(outlet)).toBe(end.status === 'drafted' ? 1 : 0);
  });

  test('an edit while the photos are staged wins: only the new content goes out', async () => {
    const outlet = await it.outlet();
    const id = await staging(outlet);
    await write(id, `message = 'after'`);
    await it.reaches(id, 'drafted');
    await until('the first worker has its answer', async () => {
      const requests = await it.meta.requests(outlet.page.id);
      return requests.every(({ status }) => status !== null);
    });
    await delay(200);
    expect(await it.calls(outlet)).toHaveLength(6);
    expect(await it.meta.posts(outlet.page.id)).toMatchObject([{ message: 'after' }]);
    expect(await feeds(outlet)).toBe(1);
    expect(await it.row(id)).toMatchObject({ version: 2 });
    expect(await booked(outlet)).toBeGreaterThanOrEqual((await it.calls(outlet)).length);
  });

  test.each(['cancelled', 'draft', 'in_review'])(
    '%s while the photos are staged wins: nothing is sent',
    async (status) => {
      const outlet = await it.outlet();
      const id = await staging(outlet);
      await write(id, `status = '${status}'`);
      await staged(outlet);
      expect(await it.row(id)).toMatchObject({ status });
      expect(await it.attempts(id)).toMatchObject([{ state: 'abandoned', reserved: 0 }]);
      await delay(300);
      expect(await feeds(outlet)).toBe(0);
      expect(await it.meta.posts(outlet.page.id)).toEqual([]);
      expect(await booked(outlet)).toBeGreaterThanOrEqual((await it.calls(outlet)).length);
    },
  );

  test.each([`message = 'x'`, `status = 'cancelled'`, `status = 'draft'`, 'scheduled_at = now()'])(
    'from sent on "%s" is refused',
    async (set) => {
      const outlet = await it.outlet();
      await it.fault(outlet, 'feed', { kind: 'delay', delay_ms: 400 });
      const id = await it.post(outlet, { message: 'sent' });
      await until('sent', async () => (await it.attempts(id))[0]?.state === 'sent');
      const refusal = await write(id, set).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: 'SP409' });
      expect(String(refusal)).toContain('publishing');
      expect(await it.reaches(id, 'drafted')).toMatchObject({ version: 1, message: 'sent' });
    },
  );

  test('an author whose transaction holds the row when the worker wants to send wins', async () => {
    const outlet = await it.outlet();
    const id = await staging(outlet);
    const author = new Client({ connectionString: it.databaseUrl });
    await author.connect();
    await author.query('BEGIN');
    await author.query(
      `UPDATE social_publisher.social_posts SET status = 'cancelled' WHERE id = '${id}'`,
    );
    // The worker comes to send, and waits for the row.
    await until('the worker waits', async () => {
      const waiting = await it.fleet.db.query({
        text: `SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
               AND wait_event IN ('transactionid', 'tuple') AND query LIKE '%publish_attempts%'`,
      });
      return waiting.length > 0;
    });
    await author.query('COMMIT');
    await author.end();
    await staged(outlet);
    expect(await it.row(id)).toMatchObject({ status: 'cancelled' });
    expect(await feeds(outlet)).toBe(0);
  });

  test('two hundred edits, cancels and workers at once: what was answered yes holds', async () => {
    const outlet = await it.outlet();
    const ids = await it.posts(
      outlet,
      Array.from({ length: 60 }, (_, n) => ({ message: `old ${n}` })),
    );
    const answers = await Promise.all(
      ids.map(async (id, n) => {
        await delay(n % 12);
        const set = n % 2 === 0 ? `status = 'cancelled'` : `message = 'new ${n}'`;
        return write(id, set).then(
          () => true,
          () => false,
        );
      }),
    );
    await it.restsAll(outlet);
    const posts = await it.meta.posts(outlet.page.id);
    const sent = posts.map((post) => post.message);
    expect(new Set(sent).size).toBe(sent.length);
    const expected = ids.flatMap((_id, n) => {
      if (answers[n] !== true) return [`old ${n}`];
      return n % 2 === 0 ? [] : [`new ${n}`];
    });
    expect(new Set(sent)).toEqual(new Set(expected));
  });

  test('a write that names another version or status changes nothing', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { status: 'draft' });
    const before = await it.row(id);
    const change = { id, to: 'published', set: { tries: 3 } } as const;
    const stale = { ...change, version: 7, from: ['draft'] } as const;
    const wrong = { ...change, version: 1, from: ['queued', 'publishing'] } as const;
    expect(await changePosts(it.fleet.db, [stale, wrong])).toEqual(new Set());
    expect(await it.row(id)).toEqual(before);
  });
});
