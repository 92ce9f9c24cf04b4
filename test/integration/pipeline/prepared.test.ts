import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { disconnectIntegration } from '../../../src/connecting/save-store.ts';
import type { PauseScope } from '../../../src/integrations/pause.ts';
import { addPause, forgetPauses, removePause } from '../../../src/integrations/pause-store.ts';
import { until } from '../../support/fleet.ts';
import type { Outlet } from '../../support/pipeline.ts';
import { openTwoSteps, type TwoSteps } from '../../support/two-steps.ts';

// What meets a post between its two steps: nothing is seen that should not be, and nothing that should be stays away.
// No queue has a part in it.
describe('a prepared post', () => {
  let it: TwoSteps;
  const open: string[] = [];

  beforeAll(async () => {
    it = await openTwoSteps();
    await it.fleet.start('scheduler', 'publisher', 'background');
  });
  afterAll(() => it.close());
  afterEach(async () => {
    for (const id of open.splice(0)) await lift(id);
  });

  const photos = (...numbers: number[]) =>
    numbers.map((n) => ({ type: 'image', url: it.meta.image(n) }));
  const author = (id: string, set: string) =>
    it.sql(`UPDATE social_publisher.social_posts SET ${set} WHERE id = $1`, id);
  const tenant = ({ tenantId }: Outlet, set: string) =>
    it.sql(`UPDATE social_publisher.tenants SET ${set} WHERE id = $1`, tenantId);
  const pause = async (scope: PauseScope, target: string) => {
    const wanted = { id: randomUUID(), scope, target, reason: null, createdBy: 'operator' };
    const { pause: made } = await addPause(it.fleet.db, wanted);
    forgetPauses(it.fleet.db);
    open.push(made.id);
    return made.id;
  };
  const lift = async (id: string) => {
    if (open.includes(id)) open.splice(open.indexOf(id), 1);
    await removePause(it.fleet.db, id);
    forgetPauses(it.fleet.db);
  };
  const reserved = async ({ page }: Outlet) => {
    const [row] = await it.fleet.db.query<{ calls: number }>({
      text: `SELECT coalesce(sum(reserved), 0)::int AS calls FROM social_publisher.publish_attempts
             WHERE budget_key LIKE $1`,
      values: [`%:${page.id}`],
    });
    return row?.calls;
  };

  describe('is edited', () => {
    test('what was hidden is never seen, and the new words are prepared at once', async () => {
      const outlet = await it.outlet();
      const id = await it.prepared(outlet, { message: 'first words', media: photos(1) });
      await author(id, `message = 'better words'`);
      await until('prepared anew', async () => (await it.attempts(id)).length === 2);
      await until('it rests', async () => (await it.row(id)).prepared_at !== null);
      expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 2 });
      expect(await it.attempts(id)).toMatchObject([
        { state: 'abandoned', reserved: 0 },
        { state: 'prepared', reserved: 1 },
      ]);
      await it.falls(id);
      await it.reaches(id, 'published');
      await it.isCleaned(outlet);
      expect(await it.there(outlet, 'better words')).toMatchObject({ public: 1 });
      expect(await it.there(outlet, 'first words')).toMatchObject({ public: 0, gone: 1 });
    });

    test('to a later day: it is prepared again before that', async () => {
      const outlet = await it.outlet();
      const id = await it.prepared(outlet);
      await author(id, `scheduled_at = now() + interval '5 hours'`);
      const row = await it.waitsFor(id, 'due_time');
      expect(row).toMatchObject({ status: 'approved', prepared_at: null });
      expect(await reserved(outlet)).toBe(0);
      await it.isCleaned(outlet);
      await it.force(id, `scheduled_at = now() + interval '1 minute', next_run_at = now()`);
      await until('prepared', async () => (await it.row(id)).prepared_at !== null);
      expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 1, gone: 1 });
    });

    test('while its reveal is under way: too late, and it is refused', async () => {
      const outlet = await it.outlet();
      const id = await it.prepared(outlet);
      await it.revealFault(outlet, { kind: 'delay', delay_ms: 1_000, when: 'after' });
      await it.falls(id);
      await until('it is sent', async () => (await it.attempts(id))[0]?.state === 'sent');
      await expect(author(id, `message = 'too late'`)).rejects.toThrow('publishing');
      await it.reaches(id, 'published');
      expect(await it.isAlone(outlet)).toBe(true);
    });

    test('to go out as a draft: what was hidden goes', async () => {
      const outlet = await it.outlet();
      const id = await it.prepared(outlet);
      await author(id, `publish_mode = 'draft'`);
      await it.reaches(id, 'drafted');
      const hidden = (await it.attempts(id))[0]?.hidden_id ?? '';
      await until('it is gone', async () => {
        await it.later(outlet);
        return (await it.meta.effects('delete', outlet.page.id)).some(
          ({ id: one }) => one === hidden,
        );
      });
      expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 1, gone: 1 });
    });
  });

  test.each(['withdraw', 'cancel'])('%s: it is never seen, and deleted', async (action) => {
    const outlet = await it.outlet();
    const id = await it.prepared(outlet, { media: photos(2, 3) });
    expect((await it.act(outlet, id, action)).status).toBe(200);
    expect(await it.row(id)).toMatchObject({ prepared_at: null });
    expect(await reserved(outlet)).toBe(0);
    await it.isCleaned(outlet);
    expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 0, gone: 1 });
    await until('its photos are gone', async () => {
      await it.later(outlet);
      const all = await it.meta.effects('photo', outlet.page.id);
      return all.every(({ visibility }) => visibility === 'deleted');
    });
  });

  test('is withdrawn and approved again: it goes out once', async () => {
    const outlet = await it.outlet();
    const id = await it.prepared(outlet);
    await it.act(outlet, id, 'withdraw');
    await it.act(outlet, id, 'approve');
    await until('prepared anew', async () => (await it.row(id)).prepared_at !== null);
    await it.falls(id);
    await it.reaches(id, 'published');
    await it.isCleaned(outlet);
    expect(await it.isAlone(outlet)).toBe(true);
  });

  test.each([
    { scope: 'tenant', targetOf: ({ tenantId }: Outlet) => tenantId },
    { scope: 'integration', targetOf: ({ integrationId }: Outlet) => integrationId },
    { scope: 'all', targetOf: () => '' },
  ] as const)('$scope paused: shown when that is over', async ({ scope, targetOf }) => {
    const outlet = await it.outlet();
    const id = await it.prepared(outlet);
    const paused = await pause(scope, targetOf(outlet));
    await it.falls(id);
    await it.waitsFor(id, 'paused');
    expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 1 });
    await lift(paused);
    await it.timePasses(outlet);
    await it.reaches(id, 'published');
    expect(await it.isAlone(outlet)).toBe(true);
    expect(await it.attempts(id)).toMatchObject([{ state: 'confirmed' }]);
  });

  test('paused for too long: it is missed, and deleted', async () => {
    const outlet = await it.outlet({ lateLimitS: 60 });
    const id = await it.prepared(outlet);
    const paused = await pause('integration', outlet.integrationId);
    await it.force(id, `scheduled_at = now() - interval '2 minutes', next_run_at = now()`);
    await it.sweep();
    expect(await it.reaches(id, 'missed')).toMatchObject({ prepared_at: null });
    await lift(paused);
    await it.isCleaned(outlet);
    expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 0, gone: 1 });
    expect(await reserved(outlet)).toBe(0);
  });

  test('missed, and retried with a new time: it goes out once', async () => {
    const outlet = await it.outlet({ lateLimitS: 60 });
    const id = await it.prepared(outlet);
    const paused = await pause('integration', outlet.integrationId);
    await it.force(id, `scheduled_at = now() - interval '2 minutes', next_run_at = now()`);
    await it.sweep();
    await it.reaches(id, 'missed');
    await lift(paused);
    await author(id, `status = 'approved', scheduled_at = now()`);
    await it.reaches(id, 'published');
    await it.isCleaned(outlet);
    expect(await it.isAlone(outlet)).toBe(true);
  });

  test('and the token is dead: it waits, and is shown with a new one', async () => {
    const outlet = await it.outlet();
    const id = await it.prepared(outlet);
    await it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, state: 'revoked' });
    await it.falls(id);
    await it.waitsFor(id, 'integration');
    expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 1 });
    expect(await it.row(id)).toMatchObject({ status: 'approved', tries: 0 });
    await it.connects(outlet);
    await it.timePasses(outlet);
    await it.reaches(id, 'published');
    expect(await it.isAlone(outlet)).toBe(true);
    expect(await it.attempts(id)).toHaveLength(1);
  });

  test.each([
    { code: 4, http_status: 400 },
    { code: 32, http_status: 400 },
    { code: 80001, http_status: 400 },
    { code: 368, subcode: 1390008, http_status: 400 },
  ])('and Meta allows no calls (code $code): it is shown later', async (limit) => {
    const outlet = await it.outlet();
    const id = await it.prepared(outlet);
    await it.revealFault(outlet, { kind: 'error', ...limit });
    await it.falls(id);
    await until('it waits', async () => (await it.row(id)).error !== null);
    expect(await it.row(id)).toMatchObject({ status: 'approved', tries: 0 });
    expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 1 });
    await it.sql(
      `UPDATE social_publisher.integrations SET status = 'active', error = NULL WHERE id = $1`,
      outlet.integrationId,
    );
    // The limit of an app holds all of its accounts.
    await it.sql('UPDATE social_publisher.integrations SET held_until = NULL');
    await it.timePasses(outlet);
    await it.reaches(id, 'published');
    expect(await it.isAlone(outlet)).toBe(true);
    expect(await it.attempts(id)).toMatchObject([{ state: 'confirmed', reserved: 0 }]);
  });

  test('and its tenant publishes no more by itself: it is never seen, and deleted', async () => {
    const outlet = await it.outlet();
    const id = await it.prepared(outlet);
    await tenant(outlet, 'auto_publish = false');
    await it.falls(id);
    await it.reaches(id, 'failed');
    expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 1 });
    await it.isCleaned(outlet);
    expect(await it.there(outlet)).toMatchObject({ public: 0, gone: 1 });
  });

  test('and its tenant publishes no more by itself while the reveal has no answer', async () => {
    const outlet = await it.outlet();
    const id = await it.prepared(outlet);
    await it.revealFault(outlet, { kind: 'code_2', when: 'before', times: 2 });
    await it.falls(id);
    await it.reaches(id, 'unknown');
    await tenant(outlet, 'auto_publish = false');
    await it.reaches(id, 'failed', 'published');
    const { status } = await it.row(id);
    const isOut = status === 'published';
    await it.isCleaned(outlet);
    expect(await it.there(outlet)).toMatchObject({ public: isOut ? 1 : 0, hidden: 0 });
  });

  test('and the integration is disconnected, then connected again: it goes out once', async () => {
    const outlet = await it.outlet();
    const id = await it.prepared(outlet);
    await disconnectIntegration(it.fleet.db, outlet.tenantId, outlet.integrationId);
    await it.falls(id);
    await it.waitsFor(id, 'integration');
    expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 1 });
    await it.connects(outlet);
    await it.timePasses(outlet);
    await it.reaches(id, 'published');
    expect(await it.isAlone(outlet)).toBe(true);
  });

  test('is moved to another account: it goes out there, and is deleted where it was', async () => {
    const [outlet, other] = [await it.outlet(), await it.outlet()];
    await it.connects({ ...other, tenantId: outlet.tenantId });
    const id = await it.prepared(outlet);
    await author(id, `integration_id = '${other.integrationId}'`);
    await until('prepared there', async () => (await it.there(other)).hidden === 1);
    await it.falls(id);
    await it.reaches(id, 'published');
    expect(await it.there(other)).toMatchObject({ public: 1, hidden: 0 });
    await it.isCleaned(outlet);
    expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 0, gone: 1 });
  });

  test('of many equal ones: each is its own, and each is seen once', async () => {
    const outlet = await it.outlet();
    const ids = await Promise.all([1, 2, 3].map(() => it.prepared(outlet, { message: 'same' })));
    await it.revealFault(outlet, { kind: 'code_1', when: 'after', times: 3 });
    for (const id of ids) await it.falls(id);
    for (const id of ids) await it.reaches(id, 'published');
    expect(await it.there(outlet, 'same')).toMatchObject({ public: 3, hidden: 0 });
    const rows = await Promise.all(ids.map((id) => it.row(id)));
    expect(new Set(rows.map((row) => row.external_id)).size).toBe(3);
  });

  describe('and one step is what its operator wants from then on', () => {
    test('exactly one is public, by one visible call', async () => {
      const outlet = await it.outlet();
      const id = await it.prepared(outlet, { media: photos(4) });
      await it.fleet.stop();
      const other = await it.another({ FACEBOOK_STEPS: 'one' });
      await other.start('scheduler', 'publisher', 'background');
      try {
        await it.falls(id);
        await it.reaches(id, 'published');
        expect(await it.there(outlet)).toMatchObject({ public: 1 });
        await it.isCleaned(outlet);
        expect(await it.isAlone(outlet)).toBe(true);
        const calls = async () =>
          (await it.writes(outlet)).filter((call) => call.startsWith('POST'));
        const made = (await calls()).length;
        const next = await it.post(outlet, { message: 'next', publishMode: 'publish' });
        await it.reaches(next, 'published');
        expect((await calls()).slice(made)).toEqual(['POST feed']);
        const handed = await it.post(outlet, { scheduledAt: new Date(Date.now() + 3_600_000) });
        await it.reaches(handed, 'scheduled');
        expect((await calls()).slice(made)).toEqual(['POST feed', 'POST feed']);
      } finally {
        await other.stop();
        await it.fleet.start('scheduler', 'publisher', 'background');
      }
    });

    test('one whose reveal had no answer is settled by its id all the same', async () => {
      const outlet = await it.outlet();
      const id = await it.prepared(outlet);
      await it.revealFault(outlet, { kind: 'code_2', when: 'before', times: 2 });
      await it.fleet.stop();
      await it.fleet.start('scheduler', 'publisher');
      await it.falls(id);
      await it.reaches(id, 'unknown');
      await it.fleet.stop();
      const other = await it.another({ FACEBOOK_STEPS: 'one' });
      await other.start('scheduler', 'publisher', 'background');
      try {
        await it.reaches(id, 'published');
        await it.isCleaned(outlet);
        expect(await it.isAlone(outlet)).toBe(true);
      } finally {
        await other.stop();
        await it.fleet.start('scheduler', 'publisher', 'background');
      }
    });
  });
});
