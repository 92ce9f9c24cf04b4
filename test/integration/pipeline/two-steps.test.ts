import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import type { Outlet } from '../../support/pipeline.ts';
import { openTwoSteps, type TwoSteps } from '../../support/two-steps.ts';

const inAnHour = () => new Date(Date.now() + 3_600_000);

// Invariant 2: hidden first, and then revealed by its id, however often that takes. No queue has a part in it.
describe('a post in two steps', () => {
  let it: TwoSteps;

  beforeAll(async () => {
    it = await openTwoSteps({ RECONCILE_INTERVAL_MS: '1500' });
    await it.fleet.start('scheduler', 'publisher', 'background');
  });
  afterAll(() => it.close());

  const photos = (...numbers: number[]) =>
    numbers.map((n) => ({ type: 'image', url: it.meta.image(n) }));
  const capability = async ({ integrationId }: Outlet, name: string) => {
    const [row] = await it.fleet.db.query<{ value: string | null }>({
      text: `SELECT capabilities -> $2 ->> 'value' AS value FROM social_publisher.integrations WHERE id = $1`,
      values: [integrationId, name],
    });
    return row?.value;
  };

  const missing = async (message: string) => {
    const outlet = await it.outlet();
    const id = await it.prepared(outlet, { message });
    await it.meta.control('DELETE', `posts/${await it.hiddenIdOf(id)}`);
    await it.falls(id);
    await until('a person is asked', async () => (await it.row(id)).attention !== null);
    expect(await it.row(id)).toMatchObject({
      status: 'unknown',
      attention: { reason: 'hidden_post_missing' },
    });
    expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 0, gone: 1 });
    return { outlet, id };
  };

  test('that the Page shows although it was to be hidden is said, and the next ones go out in one step', async () => {
    const outlet = await it.outlet({ proves: false });
    await it.weather(outlet, { hidden_shown: true });
    const scheduledAt = new Date(Date.now() + 60_000);
    const id = await it.post(outlet, { message: 'too early', publishMode: 'publish', scheduledAt });
    const row = await it.reaches(id, 'published');
    expect(row).toMatchObject({ attention: { reason: 'visible_unexpectedly' } });
    expect(await capability(outlet, 'hidden_text')).toBe('no');

    const next = await it.post(outlet, { message: 'in time', publishMode: 'publish', scheduledAt });
    expect(await it.waitsFor(next, 'due_time')).toMatchObject({ prepared_at: null });
    await it.falls(next);
    expect(await it.reaches(next, 'published')).toMatchObject({ attention: null });
    expect(await it.there(outlet)).toMatchObject({ public: 2, hidden: 0, gone: 0 });
  });

  describe('prepared ahead', () => {
    test('is hidden before its time, with its last call set aside, and public by that one call', async () => {
      const outlet = await it.outlet();
      const id = await it.prepared(outlet, { message: 'ahead', media: photos(1, 2) });
      const row = await it.row(id);
      expect(row).toMatchObject({
        status: 'approved',
        waiting: { reason: 'due_time' },
        external_id: null,
        effective_mode: 'publish',
      });
      expect(row.prepared_at).not.toBeNull();
      expect(await it.there(outlet, 'ahead')).toMatchObject({ public: 0, hidden: 1 });
      expect(await it.attempts(id)).toMatchObject([{ state: 'prepared', reserved: 1 }]);
      expect(await it.writes(outlet)).toEqual(['POST photos', 'POST photos', 'POST feed']);

      await it.falls(id);
      const published = await it.reaches(id, 'published');
      expect(published.external_id).toBe(await it.hiddenIdOf(id));
      expect(await it.there(outlet, 'ahead')).toMatchObject({ public: 1, hidden: 0 });
      expect(await it.attempts(id)).toMatchObject([{ state: 'confirmed', reserved: 0 }]);
      expect((await it.writes(outlet)).slice(3)).toEqual(['POST post']);
    });

    test('by itself at its time', async () => {
      const outlet = await it.outlet();
      const id = await it.prepared(outlet);
      await it.falls(id, 2_500);
      const { scheduled_at: scheduledAt } = await it.row(id);
      expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 1 });
      const row = await it.reaches(id, 'published');
      expect(row.published_at?.getTime()).toBeGreaterThanOrEqual(scheduledAt?.getTime() ?? 0);
      expect(row.lateness_ms).toBeLessThan(5_000);
    });

    test('what its network refuses is known before its time, and a retry prepares it again', async () => {
      const outlet = await it.outlet();
      await it.fault(outlet, 'feed', { kind: 'error', code: 368, subcode: 1390008 });
      await it.fault(outlet, 'feed', { kind: 'error', code: 368, subcode: 1346003 });
      const scheduledAt = new Date(Date.now() + 60_000);
      const id = await it.post(outlet, { publishMode: 'publish', scheduledAt });
      await until('it was refused', async () => (await it.row(id)).error !== null);
      expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 0 });
      await it.sql(
        `UPDATE social_publisher.integrations SET status = 'active', error = NULL, held_until = NULL WHERE id = $1`,
        outlet.integrationId,
      );
      await it.timePasses(outlet);
      await it.reaches(id, 'failed');
      expect(await it.act(outlet, id, 'retry')).toMatchObject({ status: 200 });
      await until('prepared', async () => (await it.row(id)).prepared_at !== null);
      expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 1 });
    });
  });

  describe('a reveal', () => {
    test.each([
      { kind: 'code_2', when: 'before', times: 1 },
      { kind: 'code_2', when: 'after', times: 1 },
      { kind: 'code_1', when: 'before', times: 2 },
      { kind: 'code_1', when: 'after', times: 1 },
      { kind: 'timeout', when: 'before', times: 1 },
      { kind: 'timeout', when: 'after', times: 1 },
      { kind: 'reset', when: 'before', times: 3 },
      { kind: 'reset', when: 'after', times: 1 },
      { kind: 'html_502', when: 'after', times: 1 },
      { kind: 'truncated', when: 'after', times: 1 },
      { kind: 'code_2', when: 'before', times: 6 },
    ] as const)('answered by $kind $when the effect, $times times', async (fault) => {
      const outlet = await it.outlet();
      const id = await it.prepared(outlet, { media: photos(1) });
      await it.revealFault(outlet, fault);
      await it.falls(id);
      const row = await it.reaches(id, 'published');
      expect(row).toMatchObject({ external_id: await it.hiddenIdOf(id), error: null });
      expect(row.lateness_ms).toBeGreaterThanOrEqual(0);
      expect(await it.isAlone(outlet)).toBe(true);
      expect(await it.attempts(id)).toMatchObject([{ state: 'confirmed', error: null }]);
      const told = (await it.attempts(id))[0]?.calls.filter(({ effect }) => effect === 'reveals');
      expect(told?.length).toBeGreaterThanOrEqual(1);
      expect((await it.writes(outlet)).filter((call) => call === 'POST feed')).toHaveLength(1);
    });

    test.each([1, 2])('is refused as done already, after %i answers were lost', async (times) => {
      const outlet = await it.outlet();
      await it.weather(outlet, { reveal_again: 'refuse' });
      const id = await it.prepared(outlet);
      await it.revealFault(outlet, { kind: 'code_2', when: 'after' });
      if (times === 2) await it.revealFault(outlet, { kind: 'code_2', when: 'before' });
      await it.falls(id);
      expect(await it.reaches(id, 'published')).toMatchObject({ error: null, attention: null });
      expect(await it.isAlone(outlet)).toBe(true);
      expect(await it.attempts(id)).toMatchObject([{ state: 'confirmed' }]);
    });

    test('of a post that somebody published by hand before is a success', async () => {
      const outlet = await it.outlet();
      await it.weather(outlet, { reveal_again: 'refuse' });
      const id = await it.prepared(outlet);
      await it.meta.control('PATCH', `posts/${await it.hiddenIdOf(id)}`, { publish: true });
      await it.falls(id);
      await it.reaches(id, 'published');
      expect(await it.isAlone(outlet)).toBe(true);
    });

    test('is refused for what the post says: it failed, and what is hidden goes', async () => {
      const outlet = await it.outlet();
      const id = await it.prepared(outlet);
      await it.revealFault(outlet, { kind: 'error', code: 368, subcode: 1346003 });
      await it.falls(id);
      await it.reaches(id, 'failed');
      expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 1 });
      await it.isCleaned(outlet);
      // Nothing was ever public: no list is asked.
      await it.act(outlet, id, 'retry');
      await it.reaches(id, 'published');
      expect(await it.isAlone(outlet)).toBe(true);
      expect((await it.calls(outlet)).filter((call) => call.includes('_posts'))).toEqual([]);
    });

    test('reaches a post that is too young to be seen by its id: nobody is asked', async () => {
      const outlet = await it.outlet();
      await it.weather(outlet, { node_lag_ms: 3_000 });
      const id = await it.post(outlet, { publishMode: 'publish', media: photos(1) });
      expect(await it.reaches(id, 'published')).toMatchObject({ attention: null });
      expect(await it.isAlone(outlet)).toBe(true);
      expect((await it.writes(outlet)).filter((call) => call === 'POST feed')).toHaveLength(1);
    });
  });

  describe('that a person deleted before it was revealed', () => {
    test('and a person says that it was never there: it is made anew, once', async () => {
      const { outlet, id } = await missing('never there');
      const answer = await it.act(outlet, id, 'resolve', { outcome: 'absent' });
      expect(answer.status).toBe(200);
      expect(await it.reaches(id, 'published')).toMatchObject({ attention: null });
      expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 0, gone: 1 });
      expect(await it.attempts(id)).toMatchObject([{ state: 'abandoned' }, { state: 'confirmed' }]);
      await it.later(outlet);
      expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 0, gone: 1 });
    });

    test('and a person knows where it is', async () => {
      const { outlet, id } = await missing('moved by hand');
      const live = await it.byHand(outlet, { message: 'moved by hand' });
      const answer = { outcome: 'live', external_id: live };
      expect((await it.act(outlet, id, 'resolve', answer)).status).toBe(200);
      expect(await it.row(id)).toMatchObject({ status: 'published', external_id: live });
      expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 0 });
    });

    test('and a person wants it out all the same', async () => {
      const { outlet, id } = await missing('once more');
      expect((await it.act(outlet, id, 'retry')).status).toBeLessThan(300);
      await it.reaches(id, 'published');
      expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 0, gone: 1 });
    });

    test('and its author cancels it', async () => {
      const { outlet, id } = await missing('not any more');
      expect((await it.act(outlet, id, 'cancel')).status).toBeLessThan(300);
      await it.reaches(id, 'cancelled');
      expect(await it.there(outlet)).toMatchObject({ public: 0, hidden: 0 });
    });
  });

  describe('for the network’s scheduler', () => {
    test('is hidden, and then given its time', async () => {
      const outlet = await it.outlet();
      const scheduledAt = inAnHour();
      const id = await it.post(outlet, { scheduledAt, media: photos(1) });
      const row = await it.reaches(id, 'scheduled');
      expect(row.external_id).toBe(await it.hiddenIdOf(id));
      expect(await it.there(outlet)).toMatchObject({ public: 0, scheduled: 1, hidden: 0 });
      expect(await it.writes(outlet)).toEqual(['POST photos', 'POST feed', 'POST post']);
      expect(await capability(outlet, 'schedule_hidden')).toBe('yes');
    });

    test.each([
      { answer: 'refuse', proves: true },
      { answer: 'refuse', proves: false },
      { answer: 'ignore', proves: true },
      { answer: 'ignore', proves: false },
    ])('of a Page that would $answer that: in one step, then and ever after', async (weather) => {
      const outlet = await it.outlet({ proves: weather.proves });
      await it.weather(outlet, { schedule_hidden: weather.answer });
      const id = await it.post(outlet, { scheduledAt: inAnHour(), media: photos(1) });
      const row = await it.reaches(id, 'scheduled');
      expect(await capability(outlet, 'schedule_hidden')).toBe('no');
      expect(await it.there(outlet)).toMatchObject({ scheduled: 1, hidden: 0, gone: 1 });
      expect(row).toMatchObject({ attention: null, error: null });
      expect(await it.attempts(id)).toMatchObject([{ state: 'rejected' }, { state: 'confirmed' }]);
      // What it was by its id is known: no list is asked.
      expect((await it.calls(outlet)).filter((call) => /GET \w+_posts/.test(call))).toEqual([]);

      const made = (await it.writes(outlet)).length;
      const next = await it.post(outlet, { message: 'next', scheduledAt: inAnHour() });
      await it.reaches(next, 'scheduled');
      expect((await it.writes(outlet)).slice(made)).toEqual(['POST feed']);
      expect(await it.there(outlet)).toMatchObject({ scheduled: 2, hidden: 0 });
    });

    test.each(['refuse', 'ignore'])(
      'of a Page that would %s that, and the first answer is lost',
      async (schedule_hidden) => {
        const outlet = await it.outlet();
        await it.weather(outlet, { schedule_hidden });
        const match = {
          page_id: outlet.page.id,
          edge: 'node',
          has_param: 'scheduled_publish_time',
        };
        await it.meta.control('POST', 'faults', { match, kind: 'timeout', times: 2 });
        const id = await it.post(outlet, { scheduledAt: inAnHour() });
        await it.reaches(id, 'scheduled');
        expect(await capability(outlet, 'schedule_hidden')).toBe('no');
        await it.isCleaned(outlet);
        expect(await it.there(outlet)).toMatchObject({ scheduled: 1, hidden: 0 });
        expect(await it.row(id)).toMatchObject({ status: 'scheduled', attention: null });
      },
    );

    test('a quarter of an hour ahead, of a Page that refuses that: in one step', async () => {
      const outlet = await it.outlet({ autoPublish: false });
      await it.weather(outlet, { schedule_hidden: 'refuse' });
      const id = await it.post(outlet, { scheduledAt: new Date(Date.now() + 15 * 60_000) });
      await it.reaches(id, 'scheduled');
      expect(await it.there(outlet)).toMatchObject({ scheduled: 1, hidden: 0 });
    });

    test.each(['before', 'after'])('the answer is lost %s its effect', async (when) => {
      const outlet = await it.outlet();
      const match = { page_id: outlet.page.id, edge: 'node', has_param: 'scheduled_publish_time' };
      await it.meta.control('POST', 'faults', { match, kind: 'code_2', when, times: 2 });
      const id = await it.post(outlet, { scheduledAt: inAnHour() });
      const row = await it.reaches(id, 'scheduled');
      expect(row).toMatchObject({ external_id: await it.hiddenIdOf(id), attention: null });
      expect(await it.there(outlet)).toMatchObject({ public: 0, scheduled: 1, hidden: 0 });
      expect(await it.attempts(id)).toHaveLength(1);
    });
  });

  test.each([
    { what: 'the first reveal', faults: [{}] },
    { what: 'the one after a lost answer', faults: [{ kind: 'reset', times: 2 }, {}] },
  ])(
    'that is too young to be found by $what, and old enough for the read after it: it goes out',
    async ({ faults }) => {
      const outlet = await it.outlet();
      for (const fault of faults) {
        const tooYoung = { kind: 'error', code: 100, subcode: 33, http_status: 400 };
        await it.revealFault(outlet, { ...tooYoung, times: 1, ...fault });
      }
      const id = await it.post(outlet, { message: 'young', publishMode: 'publish' });
      await it.reaches(id, 'published');
      expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 0, gone: 0 });
      expect(await it.row(id)).toMatchObject({ attention: null, tries: 0 });
    },
  );

  describe('of a Page that refuses to reveal', () => {
    test.each([true, false])(
      'goes out in one step, exactly once (lists prove: %s)',
      async (proves) => {
        const outlet = await it.outlet({ proves });
        await it.revealFault(outlet, { kind: 'error', code: 100, http_status: 400, times: 5 });
        const id = await it.post(outlet, { publishMode: 'publish', media: photos(1) });
        expect(await it.reaches(id, 'published')).toMatchObject({ attention: null, error: null });
        expect(await capability(outlet, 'two_steps')).toBe('no');
        expect(await it.there(outlet)).toMatchObject({ public: 1, hidden: 0, gone: 1 });
        const made = (await it.writes(outlet)).length;
        const next = await it.post(outlet, { message: 'next', publishMode: 'publish' });
        await it.reaches(next, 'published');
        expect((await it.writes(outlet)).slice(made)).toEqual(['POST feed']);
      },
    );

    test('and cannot delete it at that moment: exactly one is public, nothing stays', async () => {
      const outlet = await it.outlet();
      await it.revealFault(outlet, { kind: 'error', code: 100, http_status: 400, times: 5 });
      const match = { page_id: outlet.page.id, method: 'DELETE' };
      await it.meta.control('POST', 'faults', { match, kind: 'code_2' });
      const id = await it.post(outlet, { publishMode: 'publish' });
      await it.reaches(id, 'published');
      await it.isCleaned(outlet);
      expect(await it.isAlone(outlet)).toBe(true);
    });
  });
});
