import { afterEach, describe, expect, test } from 'vitest';
import { readStatus } from '../../../src/api/status.ts';
import { until } from '../../support/fleet.ts';
import { openPipeline, type Pipeline } from '../../support/pipeline.ts';

// What is not a post's fault does not cost it a try, whoever's fault it is.
describe('trouble that is not the post’s', () => {
  let it: Pipeline;
  const open = async (env: Record<string, string>) => {
    it = await openPipeline('postgres', { env });
    await it.fleet.start('scheduler', 'publisher', 'background');
  };
  afterEach(() => it.close());

  const query = (text: string) => it.fleet.db.query({ text });
  /** As if a minute had gone by: what was to be tried again is due. */
  const aMinutePasses = async () => {
    await query(
      `UPDATE social_publisher.app_troubles SET probe_at = now() WHERE healed_at IS NULL`,
    );
    await query(`UPDATE social_publisher.integrations SET held_until = now(),
                   ailing_since = ailing_since - interval '1 minute'
                 WHERE held_for ->> 'scope' = 'provider' AND held_until > now()`);
    await query(`UPDATE social_publisher.social_posts SET internal_write = true, next_run_at = now()
                 WHERE status = 'approved' AND next_run_at > now() AND next_run_at < now() + interval '5 minutes'`);
    await query(`SELECT pg_notify('social_publisher_posts', '')`);
  };
  const rowsOf = (ids: readonly string[]) => Promise.all(ids.map((id) => it.row(id)));
  const all = (
    ids: readonly string[],
    holds: (row: Awaited<ReturnType<typeof it.row>>) => boolean,
  ) => until('all of them are there', async () => (await rowsOf(ids)).every(holds));
  const photo = (number: number) => [{ type: 'image', url: it.meta.image(number) }];

  test('a rotated app secret: one message, no failure, and everything goes out once it is put right', async () => {
    await open(appWith('a-secret-that-was-rotated'));
    await it.meta.control('POST', 'apps', { ...sandboxApp, require_appsecret_proof: true });
    const page = { app_id: sandboxApp.id };
    const outlets = await Promise.all([1, 2, 3, 4].map(() => it.outlet({ page })));
    const posts = await Promise.all(
      outlets.map((outlet) =>
        it.posts(
          outlet,
          Array.from({ length: 10 }, (_, n) => ({
            message: `n ${n}`,
            media: n < 3 ? photo(n) : [],
          })),
        ),
      ),
    );
    const ids = posts.flat();
    await all(
      ids,
      ({ status, waiting }) => status === 'approved' && waiting?.reason === 'integration',
    );
    const atFirst = (await it.meta.requests()).length;
    for (let minute = 0; minute < 3; minute += 1) {
      const before = (await it.meta.requests()).length;
      await aMinutePasses();
      await until('it was tried', async () => (await it.meta.requests()).length > before);
    }
    const rows = await rowsOf(ids);
    expect(rows.filter(({ tries }) => tries > 0)).toEqual([]);
    expect(JSON.stringify(rows.map(({ waiting }) => waiting))).toContain('app secret');
    const { apps } = await readStatus(it.fleet.services);
    expect(apps).toMatchObject([{ provider: 'facebook', app_id: '', code: 'app_secret_wrong' }]);
    expect(it.fleet.errors.filter((line) => line.includes('app_secret_wrong'))).toHaveLength(1);
    expect((await it.meta.requests()).length - atFirst).toBeLessThanOrEqual(6);

    await it.fleet.stop();
    const mended = await it.another(appWith(sandboxApp.secret));
    await mended.start('scheduler', 'publisher', 'background');
    await aMinutePasses();
    await all(ids, ({ status }) => status === 'drafted');
    expect((await readStatus(mended.services)).apps).toEqual([]);
    await mended.stop();
  });

  test('an app that is refused for one account only holds that account only', async () => {
    await open({});
    const [odd, other] = [await it.outlet(), await it.outlet()];
    await query(`INSERT INTO social_publisher.app_troubles (provider, app_id, error, probe_at, healed_at)
                 VALUES ('facebook', '', '{"key":"path_unknown"}', now(), now())
                 ON CONFLICT (provider, login, app_id, tenant_id) DO UPDATE SET error = EXCLUDED.error, healed_at = now()`);
    await it.fault(odd, 'feed', { kind: 'error', code: 2500, http_status: 400, times: 100 });
    const id = await it.post(odd, { message: 'odd' });
    await it.waitsFor(id, 'integration');
    const [fine] = await it.posts(other, [{ message: 'fine' }]);
    await it.reaches(fine ?? '', 'drafted');
    expect(await it.row(id)).toMatchObject({ status: 'approved', tries: 0 });
  });

  test('a Page out of sight: its posts wait, it is asked for again soon, and they go on', async () => {
    await open({});
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'error', code: 100, subcode: 33, http_status: 400 });
    const id = await it.post(outlet);
    expect(await it.waitsFor(id, 'integration')).toMatchObject({ status: 'approved', tries: 0 });
    const due = `id = '${outlet.integrationId}' AND status = 'needs_reconnect'
      AND probe_at < now() + interval '61 seconds'`;
    await until('its probe is due', async () => {
      const rows = await query(
        `UPDATE social_publisher.integrations SET probe_at = now() WHERE ${due} RETURNING id`,
      );
      return rows.length > 0;
    });
    await it.reaches(id, 'drafted');
  });

  test('a photo that Meta cannot fetch is tried three times, and then its author hears of it', async () => {
    await open({});
    const outlet = await it.outlet();
    const media = photo(1);
    const refusal = { kind: 'error', code: 324, subcode: 2069019, http_status: 400 };
    await it.fault(outlet, 'photos', { ...refusal, times: 2 });
    const heals = await it.post(outlet, { message: 'heals', media });
    for (const tries of [1, 2]) {
      await until('it was tried', async () => (await it.row(heals)).tries === tries);
      await it.timePasses(outlet);
    }
    await it.reaches(heals, 'drafted');
    await it.fault(outlet, 'photos', { ...refusal, times: 3 });
    const stays = await it.post(outlet, { message: 'stays', media });
    for (const tries of [1, 2]) {
      await until('it was tried', async () => (await it.row(stays)).tries === tries);
      await it.timePasses(outlet);
    }
    const { error } = await it.reaches(stays, 'failed');
    expect(error).toMatchObject({ key: 'file_invalid', who: 'author' });
  });

  describe('an outage of Meta', () => {
    test('that hits a post here and there makes it wait no longer each time, as long as its photos go up', async () => {
      await open({});
      const outlet = await it.outlet();
      const down = { kind: 'error', code: 2, http_status: 500 };
      await it.fault(outlet, 'photos', down);
      const id = await it.post(outlet, { media: [1, 2, 3].flatMap(photo) });
      const waits = () => it.waitsFor(id, 'meta_limit');
      await waits();
      const failedAgain = async (photosUp: number) => {
        if (photosUp > 0) {
          await it.fault(outlet, 'photos', { kind: 'delay', times: photosUp });
        }
        await it.fault(outlet, 'photos', down);
        await it.force(
          id,
          `error = error || jsonb_build_object('at', now() - interval '20 seconds')`,
        );
        await it.timePasses(outlet);
        await until('it failed again', async () => {
          const [row] = await it.fleet.db.query<{ fresh: boolean }>({
            text: `SELECT (error ->> 'at')::timestamptz > now() - interval '10 seconds' AS fresh
                   FROM social_publisher.social_posts WHERE id = $1 AND status = 'approved'`,
            values: [id],
          });
          return row?.fresh === true;
        });
        return ((await waits()).next_run_at?.getTime() ?? 0) - Date.now();
      };
      expect(await failedAgain(0)).toBeGreaterThan(30_000);
      expect(await failedAgain(1)).toBeLessThan(5_000);
    });

    test.each([
      ['errors of its own', { kind: 'error', code: 2, http_status: 500 }],
      ['pages in HTML', { kind: 'html_502' }],
      ['connections cut', { kind: 'reset' }],
    ])(
      'with %s: photos and texts wait, the Page’s calls are spared, and all goes out',
      async (_case, fault) => {
        await open({ CONCURRENCY: '10' });
        const outlet = await it.outlet({ autoPublish: true });
        const match = { page_id: outlet.page.id };
        const always = { match, when: 'before', times: 10_000 };
        await it.meta.control('POST', 'faults', { ...always, ...fault });
        const ids = await it.posts(
          outlet,
          Array.from({ length: 30 }, (_, n) => ({
            message: `n ${n}`,
            media: n % 3 === 0 ? [] : photo(n),
            publishMode: n % 3 === 1 ? 'draft' : 'publish',
          })),
        );
        await all(
          ids,
          ({ status, waiting }) => status === 'approved' && waiting?.reason === 'meta_limit',
        );
        const atFirst = (await it.calls(outlet)).length;
        for (let minute = 1; minute <= 10; minute += 1) {
          const before = (await it.calls(outlet)).length;
          await aMinutePasses();
          await until('it was tried', async () => (await it.calls(outlet)).length > before);
          await all(ids, ({ status }) => status === 'approved');
        }
        const spent = (await it.calls(outlet)).length;
        expect(spent - atFirst).toBeLessThanOrEqual(20);
        expect(atFirst).toBeLessThanOrEqual(15);
        expect((await rowsOf(ids)).filter(({ tries }) => tries > 0)).toEqual([]);

        await it.meta.control('DELETE', 'faults');
        await aMinutePasses();
        await all(ids, ({ status }) => ['drafted', 'published'].includes(status));
        expect(await it.meta.posts(outlet.page.id)).toHaveLength(30);
      },
    );
  });
});

const sandboxApp = { id: '4242', secret: 'the-secret-as-it-is-at-meta' };

function appWith(secret: string): Record<string, string> {
  return { META_APP_ID: sandboxApp.id, META_APP_SECRET: secret };
}
