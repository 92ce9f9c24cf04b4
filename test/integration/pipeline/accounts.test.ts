import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { saveIntegration } from '../../../src/connecting/save-store.ts';
import { explainRecovery } from '../../../src/integrations/health-store.ts';
import { adviceFor, type Integration } from '../../../src/integrations/integration.ts';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';
import { aProvenAccount } from '../../support/rows.ts';

type Row = Pick<Integration, 'status' | 'error'> & { readonly probe_ms: number | null };

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);

// What a person must put right stops one account; its posts wait for it and go on by themselves.
describe.each(queueBackends())('dead and blocked accounts over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend);
    await it.fleet.start('scheduler', 'publisher', 'background');
  });
  afterAll(() => it.close());

  const integration = async (outlet: Outlet): Promise<Row> => {
    const [row] = await it.fleet.db.query<Row>({
      text: `SELECT status, error,
               (extract(epoch FROM probe_at - clock_timestamp()) * 1000)::float8 AS probe_ms
             FROM social_publisher.integrations WHERE id = $1`,
      values: [outlet.integrationId],
    });
    if (row === undefined) throw new Error('no such integration');
    return row;
  };
  const becomes = (outlet: Outlet, status: string) =>
    until(`the account is ${status}`, async () => (await integration(outlet)).status === status);
  const tokenBecomes = (outlet: Outlet, state: string) =>
    it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, state });
  /** As if the hour until the next probe had passed; resolves when it was made. */
  const probe = async (outlet: Outlet) => {
    const before = (await it.calls(outlet)).length;
    await it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET probe_at = clock_timestamp() WHERE id = $1`,
      values: [outlet.integrationId],
    });
    await until('it was probed', async () => (await it.calls(outlet)).length > before);
    await until('the probe has ended', async () => {
      const { waiting, active } = await it.fleet.services.queues.counts('background');
      return waiting + active === 0;
    });
  };

  test('one post finds the token dead, and the others say so at once and are not sent', async () => {
    const outlet = await it.outlet();
    const far = await it.post(outlet, { message: 'next quarter', scheduledAt: inDays(90) });
    await it.waitsFor(far, 'window');
    await tokenBecomes(outlet, 'revoked');
    const first = await it.post(outlet, { message: 'first' });
    await becomes(outlet, 'needs_reconnect');
    const row = await integration(outlet);
    expect(row).toMatchObject({ error: { class: 'reauth', key: 'app_removed' }, probe_ms: null });
    const text = adviceFor(row);
    await it.waitsFor(first, 'integration');
    expect(await it.row(far)).toMatchObject({
      status: 'approved',
      waiting: { reason: 'integration', until: null, text },
    });
    const later = await it.posts(outlet, [{ message: 'later' }, { scheduledAt: inDays(95) }]);
    for (const id of later) {
      const { waiting } = await it.waitsFor(id, 'integration');
      expect(waiting).toMatchObject({ text });
    }
    expect(await it.calls(outlet)).toEqual(['POST feed']);
    expect(await it.row(first)).toMatchObject({ status: 'approved', tries: 0 });

    await tokenBecomes(outlet, 'valid');
    await saveIntegration(it.fleet.db, aProvenAccount({ ...outlet, ...outlet.page }));
    await it.reaches(first, 'drafted');
    await it.reaches(later[0] ?? '', 'drafted');
    await it.waitsFor(far, 'window');
  });

  test('what heals at Facebook is tried again, and its posts go on by themselves', async () => {
    const outlet = await it.outlet();
    await tokenBecomes(outlet, 'checkpoint');
    const ids = await it.posts(outlet, [{ message: 'one' }, { message: 'two' }]);
    for (const id of ids) await it.waitsFor(id, 'integration');
    const { error, status, probe_ms: probeMs } = await integration(outlet);
    expect({ status, error }).toMatchObject({
      status: 'needs_permission',
      error: { key: 'account_checkpoint' },
    });
    expect(probeMs).toBeGreaterThan(59 * 60_000);
    expect(probeMs).toBeLessThanOrEqual(60 * 60_000);

    await probe(outlet);
    const again = await integration(outlet);
    expect(again).toMatchObject({ status: 'needs_permission', error });
    expect(again.probe_ms).toBeGreaterThan(59 * 60_000);
    await tokenBecomes(outlet, 'valid');
    await probe(outlet);
    for (const id of ids) await it.reaches(id, 'drafted');
    expect(await integration(outlet)).toEqual({ status: 'active', error: null, probe_ms: null });
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(2);
  });

  test('the longer it is out, the less often it is asked', async () => {
    const outlet = await it.outlet();
    await tokenBecomes(outlet, 'checkpoint');
    await it.waitsFor(await it.post(outlet), 'integration');
    const outFor = async (hours: number) => {
      await it.fleet.db.query({
        text: `UPDATE social_publisher.integrations
               SET error = jsonb_set(error, '{at}', to_jsonb(now() - $2 * interval '1 hour')) WHERE id = $1`,
        values: [outlet.integrationId, hours],
      });
      await probe(outlet);
      return ((await integration(outlet)).probe_ms ?? 0) / 3_600_000;
    };
    expect(await outFor(3)).toBeCloseTo(3, 1);
    expect(await outFor(30)).toBeCloseTo(6, 1);
  });

  test('a blocked account says what to do, and goes on when the block is over', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'error', code: 368 });
    const id = await it.post(outlet, { message: 'blocked' });
    const { waiting } = await it.waitsFor(id, 'integration');
    const row = await integration(outlet);
    expect(row).toMatchObject({ status: 'blocked', error: { class: 'blocked' } });
    expect(adviceFor(row)).toContain('support inbox');
    expect(waiting).toMatchObject({ text: adviceFor(row) });
    expect(row.probe_ms).toBeLessThanOrEqual(3_600_000);
    await it.fault(outlet, 'feed', { kind: 'error', code: 368 });
    await probe(outlet);
    // It looked well, and was not: the next question has time.
    await until('it is blocked again', async () => {
      const again = await integration(outlet);
      return again.status === 'blocked' && again.error?.at !== row.error?.at;
    });
    expect((await integration(outlet)).probe_ms).toBeGreaterThan(5.9 * 3_600_000);
    await probe(outlet);
    await it.reaches(id, 'drafted');
  });

  test('an account whose proof shows nothing of what it lacks is not healed every hour', async () => {
    const outlet = await it.outlet();
    const tasksAre = (tasks: readonly string[]) =>
      it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, tasks });
    await tasksAre(['ANALYZE']);
    const id = await it.post(outlet, { message: 'role lost' });
    await it.waitsFor(id, 'integration');
    const row = await integration(outlet);
    expect(row).toMatchObject({ status: 'needs_permission' });
    await probe(outlet);
    await until('it is refused again', async () => {
      const again = await integration(outlet);
      return again.status === 'needs_permission' && again.error?.at !== row.error?.at;
    });
    expect((await integration(outlet)).probe_ms).toBeGreaterThan(5.9 * 3_600_000);
    await tasksAre(['CREATE_CONTENT']);
    await probe(outlet);
    await it.reaches(id, 'drafted');
  });

  test('a post that was being planned when its account died is told too', async () => {
    const outlet = await it.outlet();
    await tokenBecomes(outlet, 'revoked');
    const id = await it.post(outlet);
    const { waiting } = await it.waitsFor(id, 'integration');
    await it.force(id, 'waiting = NULL');
    await explainRecovery(it.fleet.db);
    expect((await it.row(id)).waiting).toEqual(waiting);
  });

  test('a probe that finds a dead token says so, and asks no more', async () => {
    const outlet = await it.outlet();
    await tokenBecomes(outlet, 'checkpoint');
    const id = await it.post(outlet, { message: 'worse' });
    await it.waitsFor(id, 'integration');
    await tokenBecomes(outlet, 'revoked');
    await probe(outlet);
    await becomes(outlet, 'needs_reconnect');
    const row = await integration(outlet);
    expect(row).toMatchObject({ error: { key: 'app_removed' }, probe_ms: null });
    await until('the post says it', async () => {
      const { waiting } = await it.row(id);
      return JSON.stringify(waiting).includes(adviceFor(row) ?? '-');
    });
  });

  test.each([{ kind: 'code_2' }, { kind: 'html_502' }, { kind: 'reset' }])(
    'an outage ($kind) changes no account, healthy or not',
    async (fault) => {
      const [healthy, out] = [await it.outlet(), await it.outlet()];
      await it.fault(healthy, 'photos', { ...fault, times: 1 });
      const media = [{ type: 'image', url: it.meta.image(1) }];
      await it.post(healthy, { message: 'a photo', media });
      await until('it failed once', async () => (await it.calls(healthy)).length > 0);
      expect(await integration(healthy)).toMatchObject({ status: 'active', error: null });

      await tokenBecomes(out, 'checkpoint');
      await it.waitsFor(await it.post(out), 'integration');
      const before = await integration(out);
      await tokenBecomes(out, 'valid');
      const token = out.page.token;
      await it.meta.control('POST', 'faults', { match: { token, method: 'GET' }, ...fault });
      await probe(out);
      const { status, error } = await integration(out);
      expect({ status, error }).toEqual({ status: before.status, error: before.error });
    },
  );
});
