import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

const minuteMs = 60_000;
/** Of the operator; with its secret it is proven whose tokens are of it. */
const app = { id: '1010101010101010', secret: 'the-secret-of-the-shared-app' };

const pages = (outlet: Outlet, percent: number, minutes = 0, ...others: string[]) => {
  const told = [{ type: 'pages', call_count: percent, estimated_time_to_regain_access: minutes }];
  const said = [outlet.page.id, ...others].map((id) => [id, told]);
  return { 'x-business-use-case-usage': JSON.stringify(Object.fromEntries(said)) };
};

interface Integration {
  readonly status: string;
  readonly held_ms: number | null;
  readonly usage_percent: number | null;
}

// Meta's own limits: slow down before them, wait as told, that account only.
describe.each(queueBackends())('limits of Meta over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend, {
      env: { META_APP_ID: app.id, META_APP_SECRET: app.secret },
    });
    await it.meta.control('PATCH', `apps/${app.id}`, { secret: app.secret });
    await it.fleet.start('scheduler', 'publisher', 'background');
  });
  afterAll(() => it.close());

  const integration = async (outlet: Outlet): Promise<Integration> => {
    const [row] = await it.fleet.db.query<Integration>({
      text: `SELECT status, usage_percent,
               (extract(epoch FROM held_until - clock_timestamp()) * 1000)::float8 AS held_ms
             FROM social_publisher.integrations WHERE id = $1`,
      values: [outlet.integrationId],
    });
    if (row === undefined) throw new Error('no such integration');
    return row;
  };
  const set = (outlet: Outlet, what: string) =>
    it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET ${what} WHERE id = $1`,
      values: [outlet.integrationId],
    });
  /** The next post goes out, and its answer says so. */
  const answerSays = (outlet: Outlet, headers: Record<string, string>) =>
    it.fault(outlet, 'feed', { kind: 'delay', headers });
  const published = async (outlet: Outlet, message: string) => {
    const id = await it.post(outlet, { message });
    await it.reaches(id, 'drafted');
    return id;
  };

  test('nine tenths full, the account rests for seconds, and nobody else does', async () => {
    const [busy, other] = [await it.outlet(), await it.outlet()];
    await answerSays(busy, pages(busy, 90));
    await published(busy, 'first');
    await until('it rests', async () => (await integration(busy)).held_ms !== null);
    const { held_ms: heldMs, ...row } = await integration(busy);
    expect(row).toMatchObject({ status: 'active', usage_percent: 90 });
    expect(heldMs).toBeGreaterThan(3_000);
    expect(heldMs).toBeLessThanOrEqual(8_000);
    const behind = await it.posts(busy, [{ message: 'second' }, { message: 'third' }]);
    await published(other, 'elsewhere');
    expect(await it.calls(busy)).toEqual(['POST feed']);
    await it.timePasses(busy);
    for (const id of behind) await it.reaches(id, 'drafted');
    expect(await it.row(behind[1] ?? '')).toMatchObject({ tries: 0, error: null });
  });

  test('half full changes nothing, and an answer that says nothing is not an empty budget', async () => {
    const outlet = await it.outlet();
    await answerSays(outlet, pages(outlet, 52));
    await published(outlet, 'half full');
    await until('it is known', async () => (await integration(outlet)).usage_percent === 52);
    await published(outlet, 'no header');
    expect(await integration(outlet)).toMatchObject({ usage_percent: 52, held_ms: null });
  });

  // Alone it could be the business that the Page belongs to.
  test('what is said of other objects is not said of this Page', async () => {
    const [outlet, other] = [await it.outlet(), await it.outlet()];
    await answerSays(outlet, pages(other, 150, 60, '4711'));
    await published(outlet, 'not about me');
    await published(outlet, 'nor now');
    expect(await integration(outlet)).toMatchObject({ usage_percent: null, held_ms: null });
    expect(await integration(other)).toMatchObject({ usage_percent: null, held_ms: null });
  });

  test('full, the account waits for the minutes it was told, though nothing was refused', async () => {
    const outlet = await it.outlet();
    await answerSays(outlet, pages(outlet, 104, 7));
    await published(outlet, 'the last one');
    const id = await it.post(outlet, { message: 'not yet' });
    await until('it rests', async () => (await integration(outlet)).held_ms !== null);
    const { held_ms: heldMs } = await integration(outlet);
    expect(heldMs).toBeGreaterThan(6.8 * minuteMs);
    expect(heldMs).toBeLessThanOrEqual(7 * minuteMs);
    expect(await it.row(id)).toMatchObject({ status: 'approved', tries: 0 });
    expect(await it.calls(outlet)).toEqual(['POST feed']);
  });

  test('from nine tenths on nothing is read that nobody waits for', async () => {
    const outlet = await it.outlet();
    const id = await published(outlet, 'to be read back');
    await set(outlet, 'usage_percent = 90, usage_at = now()');
    await it.force(id, 'verify_at = now()');
    const [other] = [await it.outlet()];
    const elsewhere = await published(other, 'read back elsewhere');
    await it.force(elsewhere, 'verify_at = now()');
    await until('the other is read', async () => (await it.calls(other)).length === 2);
    expect(await it.calls(outlet)).toEqual(['POST feed']);
    // What was said a quarter of an hour ago does not count any more.
    await set(outlet, `usage_at = now() - interval '16 minutes'`);
    await it.force(id, 'verify_at = now()');
    await until('it is read', async () => (await it.calls(outlet)).length === 2);
  });

  test.each([
    { code: 17, minutes: 5 },
    { code: 32, minutes: 5 },
    { code: 613, minutes: 5 },
    { code: 80001, minutes: 5 },
    { code: 368, subcode: 1390008, minutes: 120 },
  ])(
    'code $code $subcode without a hint holds its account for $minutes minutes, and costs no try',
    async ({ minutes, ...numbers }) => {
      const [limited, other] = [await it.outlet(), await it.outlet()];
      await it.fault(limited, 'feed', { kind: 'error', ...numbers });
      const id = await it.post(limited, { message: 'too many' });
      const row = await it.waitsFor(id, 'meta_limit');
      expect(row).toMatchObject({ status: 'approved', tries: 0, error: { class: 'rate_limited' } });
      const { held_ms: heldMs, status } = await integration(limited);
      expect(status).toBe('active');
      expect(heldMs).toBeGreaterThan((minutes - 0.2) * minuteMs);
      expect(heldMs).toBeLessThanOrEqual(minutes * minuteMs);
      await published(other, 'elsewhere');
      expect(await integration(other)).toMatchObject({ held_ms: null });
    },
  );

  test('an ad account says seconds', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', {
      kind: 'error',
      code: 80004,
      headers: {
        'x-ad-account-usage': JSON.stringify({ acc_id_util_pct: 100, reset_time_duration: 90 }),
      },
    });
    const id = await it.post(outlet, { message: 'seconds' });
    await it.waitsFor(id, 'meta_limit');
    const { held_ms: heldMs } = await integration(outlet);
    expect(heldMs).toBeGreaterThan(80_000);
    expect(heldMs).toBeLessThanOrEqual(90_000);
  });

  test.each([
    { code: 4, minutes: 5 },
    { code: 341, minutes: 60 },
  ])('code $code stops every account of that app, and no other app', async ({ code, minutes }) => {
    const [limited, same, another] = [await it.outlet(), await it.outlet(), await it.outlet()];
    await set(another, `app_id = '777'`);
    await it.fault(limited, 'feed', { kind: 'error', code, http_status: 403 });
    const id = await it.post(limited, { message: 'the app is full' });
    await it.waitsFor(id, 'meta_limit');
    const behind = await it.post(same, { message: 'same app' });
    await published(another, 'another app');
    const told = await it.waitsFor(behind, 'meta_limit');
    expect(told).toMatchObject({ status: 'approved', run: 0, tries: 0 });
    expect(Date.parse(told.waiting?.until ?? '')).toBeGreaterThan(
      Date.now() + (minutes - 0.5) * minuteMs,
    );
    expect(await it.calls(same)).toEqual([]);
    expect((await integration(same)).held_ms).toBeGreaterThan((minutes - 0.5) * minuteMs);
    expect(await integration(another)).toMatchObject({ held_ms: null });
    for (const outlet of [limited, same]) await it.timePasses(outlet);
    await it.reaches(id, 'drafted');
    await it.reaches(behind, 'drafted');
    await it.fleet.db.query({ text: 'UPDATE social_publisher.integrations SET held_until = NULL' });
  });

  test('the call after the last one that a Page allows is not made', async () => {
    const outlet = await it.outlet({ page: { calls_per_hour: 4 } });
    for (const n of [1, 2, 3, 4]) {
      await it.timePasses(outlet);
      await published(outlet, `call ${n}`);
    }
    await until('it is full', async () => ((await integration(outlet)).held_ms ?? 0) > 200_000);
    const id = await it.post(outlet, { message: 'call 5' });
    await published(await it.outlet(), 'elsewhere');
    expect(await it.row(id)).toMatchObject({ status: 'approved', tries: 0, error: null });
    expect(await it.calls(outlet)).toHaveLength(4);
  });
});
