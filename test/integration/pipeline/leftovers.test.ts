import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dropLeftovers } from '../../../src/jobs/drop-leftovers.ts';
import { enqueueClaimed } from '../../../src/scheduler/maintenance.ts';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

// Photos that were staged for a post which will not use them are deleted at Meta, as far as their ids were saved.
// No queue has a part in it.
describe.each(queueBackends().slice(-1))('what is left over at Meta, over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend, {
      env: { RECONCILE_INTERVAL_MS: '200', GRAPH_TIMEOUT_MS: '1500', FACEBOOK_STEPS: 'one' },
    });
    await it.fleet.start('scheduler', 'publisher', 'background');
  });
  afterAll(() => it.close());

  const photos = (...numbers: number[]) =>
    numbers.map((n) => ({ type: 'image', url: it.meta.image(n) }));
  const torn = () => ({ type: 'image', url: it.meta.tornImage });
  /** As if everything of the outlet had ended a while ago, and the scheduler came by. */
  const later = async (outlet: Outlet) => {
    await it.fleet.db.query({
      text: `UPDATE social_publisher.publish_attempts SET drop_at = NULL,
               started_at = started_at - interval '1 hour', settled_at = settled_at - interval '1 hour'
             WHERE integration_id = $1`,
      values: [outlet.integrationId],
    });
    await enqueueClaimed(it.fleet.services, dropLeftovers);
  };
  const states = async (outlet: Outlet) =>
    (await it.meta.effects('photo', outlet.page.id)).map((photo) => photo.visibility);
  const deletes = async (outlet: Outlet) =>
    (await it.calls(outlet)).filter((call) => call.startsWith('DELETE')).length;
  const deleted = (outlet: Outlet) =>
    until('all are deleted', async () =>
      (await states(outlet)).every((state) => state === 'deleted'),
    );
  const author = (id: string, set: string) =>
    it.fleet.db.query({
      text: `UPDATE social_publisher.social_posts SET ${set} WHERE id = $1`,
      values: [id],
    });

  test('of a post that failed is deleted, and the attempt says so', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { media: [...photos(1, 2), torn()] });
    await it.reaches(id, 'failed');
    await later(outlet);
    await deleted(outlet);
    expect(await states(outlet)).toHaveLength(2);
    await until('it is written', async () => (await it.attempts(id))[0]?.staged.length === 0);
    await later(outlet);
    expect(await deletes(outlet)).toBe(2);
  });

  test('of a post that was cancelled while it rested is deleted', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'photos', { kind: 'delay', delay_ms: 0 });
    await it.fault(outlet, 'photos', { kind: 'code_2' });
    const id = await it.post(outlet, { media: photos(1, 2) });
    await it.waitsFor(id, 'meta_limit');
    await author(id, `status = 'cancelled'`);
    await later(outlet);
    await deleted(outlet);
    expect(await it.attempts(id)).toMatchObject([{ state: 'abandoned' }]);
  });

  test('of a version that was edited away is deleted, the new one is not touched', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'error', code: 100, http_status: 400 });
    const id = await it.post(outlet, { message: 'first', media: photos(1) });
    await it.reaches(id, 'failed');
    await author(id, `message = 'second', status = 'approved'`);
    await it.reaches(id, 'drafted');
    await later(outlet);
    await until('one is deleted', async () => (await states(outlet)).includes('deleted'));
    expect(await states(outlet)).toEqual(['deleted', 'attached']);
  });

  test('that another attempt goes on with is never touched', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'code_2', when: 'before' });
    const id = await it.post(outlet, { media: photos(3, 4) });
    await it.reaches(id, 'drafted');
    await later(outlet);
    await until('it was looked at', async () => (await it.attempts(id))[0]?.staged.length === 0);
    expect(await states(outlet)).toEqual(['attached', 'attached']);
    expect(await deletes(outlet)).toBe(0);
  });

  test('is gone already: that is as good', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { media: [...photos(5), torn()] });
    await it.reaches(id, 'failed');
    const match = { page_id: outlet.page.id, method: 'DELETE' };
    const gone = { kind: 'error', code: 100, subcode: 33, http_status: 400 };
    await it.meta.control('POST', 'faults', { match, ...gone });
    await later(outlet);
    await until('it is written', async () => (await it.attempts(id))[0]?.staged.length === 0);
    expect(await deletes(outlet)).toBe(1);
  });

  test('cannot be deleted for now: it comes again', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { media: [...photos(6, 7), torn()] });
    await it.reaches(id, 'failed');
    const match = { page_id: outlet.page.id, method: 'DELETE' };
    await it.meta.control('POST', 'faults', { match, kind: 'code_2' });
    await later(outlet);
    await until('it was tried', async () => (await deletes(outlet)) === 1);
    await until('it is written', async () => (await it.attempts(id))[0]?.calls.length === 4);
    expect(await states(outlet)).toEqual(['staged', 'staged']);
    await later(outlet);
    await deleted(outlet);
  });

  test('is part of a post after all: nothing is deleted, and a person is told', async () => {
    const outlet = await it.outlet({ autoPublish: true, lateLimitS: 1 });
    await it.meta.control('PATCH', 'settings', { read_lag_ms: 12_000 });
    // Nor does its photo tell which post it is in.
    const match = { edge: 'node', method: 'GET' };
    const unknown = { kind: 'error', code: 100, subcode: 33, http_status: 400, times: 9 };
    await it.meta.control('POST', 'faults', { match, ...unknown });
    await it.fault(outlet, 'feed', { kind: 'code_2', when: 'after' });
    const id = await it.post(outlet, {
      message: 'shows late',
      media: photos(8),
      publishMode: 'publish',
      scheduledAt: new Date(),
    });
    await it.reaches(id, 'missed');
    await it.meta.control('PATCH', 'settings', { read_lag_ms: 0 });
    await it.meta.control('DELETE', 'faults');
    await later(outlet);
    await until(
      'a person is told',
      async () => (await it.row(id)).attention?.reason === 'found_earlier_attempt',
    );
    expect(await states(outlet)).toEqual(['published']);
    expect(await deletes(outlet)).toBe(0);
  });
});
