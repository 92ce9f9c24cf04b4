import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { PauseScope } from '../../../src/integrations/pause.ts';
import { addPause, removePause } from '../../../src/integrations/pause-store.ts';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

/** Longer than workers believe what they last read of the pauses. */
const honouredAfterMs = 1_200;

const isHonoured = () => new Promise((resolve) => setTimeout(resolve, honouredAfterMs));

describe.each(queueBackends())('pauses over %s', (backend) => {
  let it: Pipeline;
  const open: string[] = [];

  beforeAll(async () => {
    it = await openPipeline(backend);
    await it.fleet.start('scheduler', 'publisher', 'background');
  });
  afterAll(() => it.close());
  afterEach(async () => {
    for (const id of open.splice(0)) await lift(id);
  });

  const pause = async (scope: PauseScope, target = '', reason: string | null = null) => {
    const wanted = { id: randomUUID(), scope, target, reason, createdBy: 'operator' };
    const { pause: made } = await addPause(it.fleet.db, wanted);
    open.push(made.id);
    return made.id;
  };
  const lift = async (id: string) => {
    if (open.includes(id)) open.splice(open.indexOf(id), 1);
    await removePause(it.fleet.db, id);
  };

  test.each([
    { scope: 'all', targetOf: () => '', stopsOthers: true },
    { scope: 'provider', targetOf: () => 'facebook', stopsOthers: true },
    { scope: 'tenant', targetOf: ({ tenantId }: Outlet) => tenantId, stopsOthers: false },
    { scope: 'integration', targetOf: (one: Outlet) => one.integrationId, stopsOthers: false },
  ] as const)(
    'of $scope: its posts wait and say so, and go when it is lifted',
    async ({ scope, targetOf, stopsOthers }) => {
      const [paused, other] = [await it.outlet(), await it.outlet()];
      const id = await pause(scope, targetOf(paused), 'a reason');
      const post = await it.post(paused, { message: 'held' });
      const elsewhere = await it.post(other, { message: 'other' });
      const row = await it.waitsFor(post, 'paused');
      expect(row).toMatchObject({ status: 'approved', tries: 0, run: 0 });
      expect(row.waiting?.until).toBeNull();
      expect(JSON.stringify(row.waiting)).toContain('a reason');
      if (stopsOthers) await it.waitsFor(elsewhere, 'paused');
      else await it.reaches(elsewhere, 'drafted');
      expect(await it.calls(paused)).toEqual([]);
      await lift(id);
      await it.reaches(post, 'drafted');
      await it.reaches(elsewhere, 'drafted');
      expect(await it.row(post)).toMatchObject({ waiting: null, error: null });
    },
  );

  test('two pauses of one post: it goes when both are lifted', async () => {
    const outlet = await it.outlet();
    const [mine, all] = [await pause('integration', outlet.integrationId), await pause('all')];
    const id = await it.post(outlet);
    await it.waitsFor(id, 'paused');
    await lift(all);
    await isHonoured();
    expect(await it.row(id)).toMatchObject({ status: 'approved', waiting: { reason: 'paused' } });
    await lift(mine);
    await it.reaches(id, 'drafted');
  });

  test('posts that are queued already are not sent', async () => {
    const outlet = await it.outlet();
    await it.fleet.stop();
    await it.fleet.start('scheduler');
    const ids = await it.posts(outlet, [{ message: 'one' }, { message: 'two' }]);
    for (const id of ids) await it.reaches(id, 'queued');
    const paused = await pause('tenant', outlet.tenantId);
    await isHonoured();
    await it.fleet.start('publisher', 'background');
    for (const id of ids) await it.waitsFor(id, 'paused');
    expect(await it.calls(outlet)).toEqual([]);
    await lift(paused);
    for (const id of ids) await it.reaches(id, 'drafted');
  });

  test('a pause that comes while photos are staged stops the post, and keeps them', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'photos', { kind: 'delay', delay_ms: 2_000, times: 1 });
    const media = [1, 2].map((n) => ({ type: 'image', url: it.meta.image(n) }));
    const id = await it.post(outlet, { message: 'album', media });
    await it.reaches(id, 'publishing');
    const paused = await pause('integration', outlet.integrationId);
    const row = await it.waitsFor(id, 'paused');
    expect(row).toMatchObject({ status: 'approved', tries: 0 });
    expect(await it.calls(outlet)).toEqual(['POST photos', 'POST photos']);
    await lift(paused);
    await it.reaches(id, 'drafted');
    expect(await it.calls(outlet)).toEqual(['POST photos', 'POST photos', 'POST feed']);
  });

  test('nothing is read back either', async () => {
    const [outlet, other] = [await it.outlet(), await it.outlet()];
    const [id, elsewhere] = [await it.post(outlet), await it.post(other)];
    for (const one of [id, elsewhere]) await it.reaches(one, 'drafted');
    const paused = await pause('integration', outlet.integrationId);
    for (const one of [id, elsewhere]) await it.force(one, 'verify_at = now()');
    await until('the other is read', async () => (await it.calls(other)).length === 2);
    expect(await it.calls(outlet)).toEqual(['POST feed']);
    await lift(paused);
    await it.force(id, 'verify_at = now()');
    await until('it is read', async () => (await it.calls(outlet)).length === 2);
  });

  test('a dead account is not asked whether it works again', async () => {
    const outlet = await it.outlet();
    await it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, state: 'checkpoint' });
    const id = await it.post(outlet);
    await it.waitsFor(id, 'integration');
    const paused = await pause('integration', outlet.integrationId);
    await it.fleet.db.query({
      text: 'UPDATE social_publisher.integrations SET probe_at = now() WHERE id = $1',
      values: [outlet.integrationId],
    });
    const calls = (await it.calls(outlet)).length;
    await isHonoured();
    await isHonoured();
    expect(await it.calls(outlet)).toHaveLength(calls);
    expect(await it.row(id)).toMatchObject({ waiting: { reason: 'integration' } });
    await it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, state: 'valid' });
    await lift(paused);
    await it.reaches(id, 'drafted');
  });

  test('lateness counts on', async () => {
    const outlet = await it.outlet({ autoPublish: true, lateLimitS: 1 });
    await pause('tenant', outlet.tenantId);
    const id = await it.post(outlet, {
      publishMode: 'publish',
      scheduledAt: new Date(Date.now() + 300),
    });
    const row = await it.reaches(id, 'missed');
    expect(row).toMatchObject({ attention: { reason: 'missed' } });
    expect(await it.calls(outlet)).toEqual([]);
  });
});
