import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import { startMeta } from '../../support/meta.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';
import { anIntegration, somePosts } from '../../support/rows.ts';
import { openProxy } from '../queue/outage-proxy.ts';

// Invariants 4 and 5: all or nothing, and waiting costs no try.
describe.each(queueBackends())('waiting over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend);
    await it.fleet.start('scheduler', 'publisher');
  });
  afterAll(() => it.close());

  const integration = async (outlet: Outlet) => {
    const [row] = await it.fleet.db.query<{ status: string; held_ms: number }>({
      text: `SELECT status, (extract(epoch FROM held_until - now()) * 1000)::float8 AS held_ms
             FROM social_publisher.integrations WHERE id = $1`,
      values: [outlet.integrationId],
    });
    return row;
  };
  const photos = (...numbers: number[]) =>
    numbers.map((n) => ({ type: 'image', url: it.meta.image(n) }));

  test('a rate limit holds its own account for as long as Meta says, and no other', async () => {
    const [limited, other] = [await it.outlet(), await it.outlet()];
    const usage = {
      [limited.page.id]: [{ type: 'pages', call_count: 101, estimated_time_to_regain_access: 7 }],
    };
    await it.fault(limited, 'feed', {
      kind: 'error',
      code: 80001,
      headers: { 'x-business-use-case-usage': JSON.stringify(usage) },
    });
    const id = await it.post(limited, { message: 'too many' });
    const row = await it.waitsFor(id, 'meta_limit');
    expect(row).toMatchObject({ status: 'approved', tries: 0, error: { class: 'rate_limited' } });
    const waitMs = Date.parse(row.waiting?.until ?? '') - Date.now();
    expect(waitMs).toBeGreaterThan(6.5 * 60_000);
    expect(waitMs).toBeLessThan(9 * 60_000);
    const held = await integration(limited);
    expect(held?.status).toBe('active');
    expect(held?.held_ms).toBeGreaterThan(6.5 * 60_000);

    const behind = await it.post(limited, { message: 'behind it' });
    const elsewhere = await it.post(other, { message: 'elsewhere' });
    await it.reaches(elsewhere, 'drafted');
    expect(await it.row(behind)).toMatchObject({ status: 'approved', run: 0, tries: 0 });
    expect(await it.calls(limited)).toEqual(['POST feed']);
    await it.timePasses(limited);
    await it.reaches(id, 'drafted');
    await it.reaches(behind, 'drafted');
  });

  test('posts that were queued when the limit came do not run into it one by one', async () => {
    const outlet = await it.outlet({ page: { calls_per_hour: 3 } });
    const slow = await it.another({ CONCURRENCY: '1' });
    await it.fleet.stop();
    await it.fleet.start('scheduler');
    const ids = await it.posts(
      outlet,
      Array.from({ length: 12 }, (_, n) => ({ message: `limited ${n}` })),
    );
    for (const id of ids) await it.reaches(id, 'queued');
    await slow.start('publisher');
    await until('the rest waits', async () => {
      const rows = await Promise.all(ids.map((id) => it.row(id)));
      return rows.every(({ status }) => status === 'drafted' || status === 'approved');
    });
    await slow.stop();
    const rows = await Promise.all(ids.map((id) => it.row(id)));
    expect(rows.filter((row) => row.status === 'drafted')).toHaveLength(3);
    const waiting = rows.filter((row) => row.status === 'approved');
    expect(new Set(waiting.map((row) => row.waiting?.reason))).toEqual(new Set(['meta_limit']));
    expect(new Set(waiting.map((row) => row.tries))).toEqual(new Set([0]));
    // The third answer said that the Page is full: no call was refused.
    expect(await it.calls(outlet)).toHaveLength(3);
    await it.fleet.stop();
    await it.fleet.start('scheduler', 'publisher');
  });

  test('while Meta cannot be reached posts wait without a try, and go out when it is back', async () => {
    const meta = await startMeta();
    const proxy = await openProxy(meta.url);
    const other = await it.another({ GRAPH_BASE_URL: proxy.url.replace(/\/$/, '') });
    await proxy.cut();
    await it.fleet.stop();
    await it.fleet.start('scheduler');
    await other.start('publisher');
    const page = await meta.page();
    const owner = await anIntegration(it.fleet.db, { accountId: page.id, token: page.token });
    const ids = await somePosts(it.fleet.db, owner, [
      { message: 'text' },
      { message: 'a photo', media: photos(1) },
    ]);
    for (const id of ids) {
      const row = await it.waitsFor(id, 'meta_limit');
      expect(row).toMatchObject({ status: 'approved', tries: 0, attention: null });
      expect(row.error).toMatchObject({ key: 'provider_unreachable', who: 'nobody' });
    }
    await proxy.restore();
    await it.timePasses({ ...owner, page });
    for (const id of ids) await it.reaches(id, 'drafted');
    expect(await meta.posts(page.id)).toHaveLength(2);
    await other.stop();
    await proxy.cut();
    await meta.close();
    await it.fleet.stop();
    await it.fleet.start('scheduler', 'publisher');
  });

  test('a refusal that Meta does not document is tried again further and further apart, and given up in the end', async () => {
    const outlet = await it.outlet();
    const match = { page_id: outlet.page.id, edge: 'photos' };
    await it.meta.control('POST', 'faults', { match, kind: 'error', code: 77777, times: 5 });
    const id = await it.post(outlet, { media: photos(1) });
    const backoffs = [10_000, 30_000, 120_000, 600_000];
    for (const [tries, backoffMs] of backoffs.entries()) {
      await until(`try ${tries + 1}`, async () => {
        const row = await it.row(id);
        return row.tries === tries + 1 && row.status === 'approved';
      });
      const waitMs = ((await it.row(id)).next_run_at?.getTime() ?? 0) - Date.now();
      expect(waitMs).toBeGreaterThan(backoffMs - 5_000);
      expect(waitMs).toBeLessThan(backoffMs * 1.5 + 5_000);
      if (tries === backoffs.length - 1) await it.force(id, 'tries = 11');
      await it.timePasses(outlet);
    }
    const row = await it.reaches(id, 'failed');
    expect(row).toMatchObject({ tries: 12, error: { class: 'retry' }, waiting: null });
    expect(await it.meta.posts(outlet.page.id)).toEqual([]);
  });

  test('what was staged is used again: no photo is uploaded twice, and their order holds', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'photos', { kind: 'delay', delay_ms: 0, times: 2 });
    await it.fault(outlet, 'photos', { kind: 'code_2' });
    const id = await it.post(outlet, { media: photos(1, 2, 3, 4) });
    await it.waitsFor(id, 'meta_limit');
    const [first] = await it.attempts(id);
    expect(first?.staged.map((medium) => medium.index)).toEqual([0, 1]);
    await it.timePasses(outlet);
    await it.reaches(id, 'drafted');
    const uploads = await it.meta.effects('photo', outlet.page.id);
    expect(uploads).toHaveLength(4);
    const [post] = await it.meta.posts(outlet.page.id);
    expect(post?.photo_ids).toEqual(uploads.map((photo) => photo.id));
  });

  test('a refused photo refuses the post, however many were taken before it', async () => {
    const outlet = await it.outlet();
    const media = [...photos(1, 2), { type: 'image', url: it.meta.tornImage }, ...photos(3)];
    const id = await it.post(outlet, { media });
    const row = await it.reaches(id, 'failed');
    expect(row.error).toMatchObject({ class: 'invalid', who: 'author' });
    expect(await it.meta.posts(outlet.page.id)).toEqual([]);
    expect(await it.meta.effects('photo', outlet.page.id)).toHaveLength(2);
  });
});
