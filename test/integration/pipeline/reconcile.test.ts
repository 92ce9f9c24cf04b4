import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { reconcilePost } from '../../../src/jobs/reconcile-post.ts';
import { until } from '../../support/fleet.ts';
import { startMeta } from '../../support/meta.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';
import { anIntegration, somePosts } from '../../support/rows.ts';

const looks = ['GET published_posts', 'GET scheduled_posts', 'GET promotable_posts'];
const intervalMs = 300;
const inAnHour = () => new Date(Date.now() + 3_600_000);

// Design 5, "Proven absent" and "Binding": an outcome that nobody knows becomes known, or a person is asked.
// No queue has a part in it.
describe.each(queueBackends().slice(-1))('a lost answer over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend, {
      env: {
        RECONCILE_INTERVAL_MS: String(intervalMs),
        GRAPH_TIMEOUT_MS: '1500',
        RESEND_LIMIT: '2',
      },
    });
    await it.fleet.start('scheduler', 'publisher', 'background');
  });
  afterAll(() => it.close());

  const photos = (...numbers: number[]) =>
    numbers.map((n) => ({ type: 'image', url: it.meta.image(n) }));
  const lose = (outlet: Outlet, when: 'before' | 'after', kind = 'code_2', times = 1) =>
    it.fault(outlet, 'feed', { kind, when, times });
  const onPage = async (outlet: Outlet) =>
    (await it.meta.posts(outlet.page.id)).filter(({ visibility }) =>
      ['published', 'scheduled', 'draft'].includes(visibility),
    );
  const evidence = async (id: string) => {
    const rows = await it.fleet.db.query<{
      evidence: { conclusion?: string; counts?: boolean; looked_at?: string }[];
    }>({
      text: 'SELECT evidence FROM social_publisher.publish_attempts WHERE post_id = $1 ORDER BY run',
      values: [id],
    });
    return rows.map((row) => row.evidence);
  };
  const feeds = async (outlet: Outlet) =>
    (await it.calls(outlet)).filter((call) => call === 'POST feed').length;

  test.each([
    { mode: 'draft', kind: 'code_2', status: 'drafted' },
    { mode: 'schedule', kind: 'reset', status: 'scheduled' },
    { mode: 'publish', kind: 'html_502', status: 'published' },
  ] as const)('after the effect of $mode is found, and bound', async ({ mode, kind, status }) => {
    const outlet = await it.outlet({ autoPublish: true });
    await lose(outlet, 'after', kind);
    const scheduledAt = mode === 'schedule' ? inAnHour() : null;
    const id = await it.post(outlet, { message: `lost ${mode}`, publishMode: mode, scheduledAt });
    const unknown = await it.reaches(id, 'unknown');
    expect(unknown).toMatchObject({ attention: null, waiting: { reason: 'reconcile' } });
    const row = await it.reaches(id, status);
    const [post, ...more] = await onPage(outlet);
    expect(more).toEqual([]);
    expect(row).toMatchObject({
      external_id: post?.id,
      error: null,
      attention: null,
      waiting: null,
    });
    expect(row.publish_url).toContain('facebook.com');
    expect(row.published_at === null).toBe(mode !== 'publish');
    expect(await it.attempts(id)).toMatchObject([
      { state: 'confirmed', external_id: post?.id, error: null, reserved: 0 },
    ]);
    expect((await evidence(id))[0]).toMatchObject([
      { complete: true, conclusion: 'bind', candidates: [{ external_id: post?.id }] },
    ]);
    expect(await feeds(outlet)).toBe(1);
  });

  test('before the effect is proven absent by three looks, and the post is sent again', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'never made' });
    await it.reaches(id, 'drafted');
    expect(await onPage(outlet)).toHaveLength(1);
    expect(await it.calls(outlet)).toEqual([
      'POST feed',
      ...looks,
      ...looks,
      ...looks,
      // The look that comes before every attempt that follows a sent one.
      ...looks,
      'POST feed',
    ]);
    expect(await it.attempts(id)).toMatchObject([{ state: 'abandoned' }, { state: 'confirmed' }]);
    const [first] = await evidence(id);
    expect(first?.map((entry) => entry.conclusion)).toEqual(['count', 'count', 'send_again']);
  });

  test('photos are certain: they are bound whatever a person made of the text, and used again', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'with photos', media: photos(1, 2) });
    await until('made', async () => (await onPage(outlet)).length === 1);
    const [post] = await onPage(outlet);
    await it.meta.control('PATCH', `posts/${post?.id}`, { message: 'edited by hand' });
    await it.reaches(id, 'drafted');
    expect(await it.row(id)).toMatchObject({ external_id: post?.id, attention: null });
    expect(await onPage(outlet)).toHaveLength(1);

    const again = await it.outlet();
    await lose(again, 'before');
    const second = await it.post(again, { message: 'again', media: photos(3, 4) });
    await it.reaches(second, 'drafted');
    const uploads = await it.meta.effects('photo', again.page.id);
    expect(uploads).toHaveLength(2);
    expect((await onPage(again))[0]?.photo_ids).toEqual(uploads.map((photo) => photo.id));
  });

  test('a text that a person edited meanwhile is not sent a second time: a person is asked', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'with a tpyo' });
    await until('made', async () => (await onPage(outlet)).length === 1);
    const [post] = await onPage(outlet);
    // Meta's times are whole seconds.
    await it.meta.control('POST', 'clock', { advance_ms: 1_100 });
    await it.meta.control('PATCH', `posts/${post?.id}`, { message: 'with a typo' });
    await until('asked', async () => (await it.row(id)).attention !== null);
    expect((await it.row(id)).attention).toMatchObject({
      reason: 'ambiguous',
      evidence: [{ external_id: post?.id }],
      choices: ['resolve_live', 'resolve_absent'],
    });
    expect(await feeds(outlet)).toBe(1);
  });

  test('what a person deleted meanwhile is not there: at no moment are there two', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'deleted by hand', media: photos(7) });
    await until('made', async () => (await onPage(outlet)).length === 1);
    const [post] = await onPage(outlet);
    await it.meta.control('DELETE', `posts/${post?.id}`);
    await until('sent again', async () => (await it.row(id)).status === 'drafted', 40_000);
    expect(await onPage(outlet)).toHaveLength(1);
  });

  test('two posts with the same text are a question for a person, who sees both', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await lose(outlet, 'after');
    const byHand = z
      .object({ id: z.string() })
      .parse(await it.meta.control('POST', `pages/${outlet.page.id}/posts`, { message: 'twice' }));
    const id = await it.post(outlet, { message: 'twice', publishMode: 'publish' });
    await until('asked', async () => (await it.row(id)).attention !== null);
    const { attention } = await it.row(id);
    const ours = (await it.meta.posts(outlet.page.id)).find((post) => post.id !== byHand.id);
    expect(attention).toMatchObject({ reason: 'ambiguous' });
    expect(JSON.stringify(attention)).toContain(byHand.id);
    expect(JSON.stringify(attention)).toContain(String(ours?.id));
    expect(await feeds(outlet)).toBe(1);
  });

  test('two posts of one text and different modes in flight bind each its own', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await lose(outlet, 'after', 'reset');
    await lose(outlet, 'before', 'reset');
    const live = await it.post(outlet, { message: 'both ways', publishMode: 'publish' });
    await until('first is made', async () => (await feeds(outlet)) === 1);
    const draft = await it.post(outlet, { message: 'both ways', publishMode: 'draft' });
    await it.reaches(live, 'published');
    await it.reaches(draft, 'drafted');
    const posts = await onPage(outlet);
    expect(posts.map((post) => post.visibility).toSorted()).toEqual(['draft', 'published']);
    expect((await it.row(live)).external_id).toBe(
      posts.find((post) => post.visibility === 'published')?.id,
    );
  });

  test('the same caption every Monday: those that are known are never taken for the lost one', async () => {
    const outlet = await it.outlet();
    const last = await it.post(outlet, { message: 'Monday again' });
    const { external_id: known } = await it.reaches(last, 'drafted');
    await lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'Monday again' });
    const row = await it.reaches(id, 'drafted');
    expect(row.external_id).not.toBe(known);
    expect(await onPage(outlet)).toHaveLength(2);
  });

  test('looks that fail half-way prove nothing and cost nothing', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'before');
    const match = { page_id: outlet.page.id, edge: 'scheduled_posts', method: 'GET' };
    await it.meta.control('POST', 'faults', { match, kind: 'code_2', times: 2 });
    const id = await it.post(outlet, { message: 'half a look' });
    await it.reaches(id, 'drafted');
    const [first] = await evidence(id);
    expect(first?.map((entry) => entry.counts)).toEqual([false, false, true, true, true]);
    expect(await onPage(outlet)).toHaveLength(1);
  });

  test('edges that lag behind are waited for: the late post is bound, not doubled', async () => {
    const outlet = await it.outlet();
    await it.meta.control('PATCH', 'settings', { read_lag_ms: 1_500 });
    await lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'lagging' });
    await it.reaches(id, 'drafted');
    await it.meta.control('PATCH', 'settings', { read_lag_ms: 0 });
    expect(await onPage(outlet)).toHaveLength(1);
    expect(await feeds(outlet)).toBe(1);
  });

  test.each([-3_600_000, 3_600_000])(
    'a clock of Meta that is off by %i ms changes nothing',
    async (offMs) => {
      const other = await startMeta();
      const clock = new Date(Date.now() + offMs).toISOString();
      await other.control('POST', 'clock', { now: clock });
      const fleet = await it.another({ GRAPH_BASE_URL: other.url });
      await it.fleet.stop();
      await fleet.start('scheduler', 'publisher', 'background');
      const page = await other.page({ id: `8800${offMs > 0 ? 1 : 2}` });
      const owner = await anIntegration(it.fleet.db, { accountId: page.id, token: page.token });
      const match = { page_id: page.id, edge: 'feed', method: 'POST' };
      await other.control('POST', 'faults', { match, kind: 'code_2', when: 'after' });
      await other.control('POST', 'faults', { match, kind: 'code_2', when: 'before' });
      const [there = ''] = await somePosts(it.fleet.db, owner, [{ message: 'skewed and there' }]);
      await it.reaches(there, 'drafted');
      const [absent = ''] = await somePosts(it.fleet.db, owner, [{ message: 'skewed and absent' }]);
      await it.reaches(absent, 'drafted');
      const posts = await other.posts(page.id);
      expect(posts.map((post) => post.message)).toEqual(['skewed and there', 'skewed and absent']);
      await fleet.stop();
      await other.close();
      await it.fleet.start('scheduler', 'publisher', 'background');
    },
  );

  test('a dead account keeps the look waiting; it goes on by itself', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'token dies' });
    await until('made', async () => (await onPage(outlet)).length === 1);
    await it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, state: 'revoked' });
    await it.waitsFor(id, 'integration');
    expect(await it.row(id)).toMatchObject({ status: 'unknown', attention: null });
    expect((await evidence(id))[0]).toEqual([]);
    await it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, state: 'valid' });
    await it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET status = 'active', error = NULL WHERE id = $1`,
      values: [outlet.integrationId],
    });
    await it.reaches(id, 'drafted');
    expect(await onPage(outlet)).toHaveLength(1);
  });

  test('each resend needs its own proof, and their number ends', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'before', 'code_2', 3);
    const id = await it.post(outlet, { message: 'again and again' });
    await until('asked', async () => (await it.row(id)).attention !== null, 40_000);
    expect((await it.row(id)).attention).toMatchObject({
      reason: 'resend_limit',
      choices: ['resolve_live', 'resolve_absent', 'retry'],
    });
    expect(await it.attempts(id)).toMatchObject([
      { state: 'abandoned' },
      { state: 'abandoned' },
      { state: 'unknown' },
    ]);
    expect(await feeds(outlet)).toBe(3);
  });

  test('later than its tenant allows it is missed instead of sent again', async () => {
    const outlet = await it.outlet({ autoPublish: true, lateLimitS: 1 });
    await lose(outlet, 'before');
    const id = await it.post(outlet, {
      message: 'too late',
      publishMode: 'publish',
      scheduledAt: new Date(),
    });
    const row = await it.reaches(id, 'missed');
    expect(row).toMatchObject({ attention: { reason: 'missed' }, waiting: null });
    expect(await feeds(outlet)).toBe(1);
    expect(await it.attempts(id)).toMatchObject([{ state: 'abandoned' }]);
  });

  test('a tenant that wants to be asked is asked once the proof is there', async () => {
    const outlet = await it.outlet();
    await it.fleet.db.query({
      text: `UPDATE social_publisher.tenants SET when_unknown = 'ask' WHERE id = $1`,
      values: [outlet.tenantId],
    });
    await lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'ask me' });
    await until('asked', async () => (await it.row(id)).attention !== null);
    expect(await it.row(id)).toMatchObject({
      status: 'unknown',
      attention: { reason: 'proven_absent', choices: ['resolve_live', 'resolve_absent', 'retry'] },
    });
    expect(await it.attempts(id)).toMatchObject([{ state: 'unknown' }]);
    expect(await feeds(outlet)).toBe(1);
  });

  test('a post called off while unknown is cancelled when it is proven absent', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'called off' });
    await it.reaches(id, 'unknown');
    await it.fleet.db.query({
      text: `UPDATE social_publisher.social_posts SET status = 'cancelled' WHERE id = $1`,
      values: [id],
    });
    await it.reaches(id, 'cancelled');
    expect(await feeds(outlet)).toBe(1);
  });

  test('a refusal as duplicate after a lost answer is not a failure: the earlier one is looked for', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'before');
    await it.fault(outlet, 'feed', { kind: 'error', code: 506, http_status: 400 });
    const id = await it.post(outlet, { message: 'an echo' });
    await until('refused as a duplicate', async () => (await it.attempts(id)).length === 2, 20_000);
    await until('unknown again', async () => (await it.attempts(id))[1]?.state === 'unknown');
    const byHand = z
      .object({ id: z.string() })
      .parse(
        await it.meta.control('POST', `pages/${outlet.page.id}/posts`, { message: 'an echo' }),
      );
    const row = await it.reaches(id, 'published', 'failed');
    // It showed on the page after all.
    expect(row).toMatchObject({ status: 'published', external_id: byHand.id });
    expect(await feeds(outlet)).toBe(2);
  });

  test('a refusal as duplicate of what is nowhere to be seen asks a person', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'before');
    await it.fault(outlet, 'feed', { kind: 'error', code: 506, http_status: 400 });
    const id = await it.post(outlet, { message: 'no echo' });
    await until('a person is asked', async () => (await it.row(id)).attention !== null, 20_000);
    expect(await it.row(id)).toMatchObject({
      status: 'unknown',
      error: { class: 'duplicate' },
      attention: { reason: 'said_duplicate' },
    });
    expect(await it.attempts(id)).toMatchObject([{ state: 'abandoned' }, { state: 'unknown' }]);
  });

  test('looks that come in a heap are one look, and a job by hand proves nothing early', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'a heap of jobs' });
    await it.reaches(id, 'unknown');
    for (let heap = 0; heap < 5; heap += 1) {
      const jobs = [1, 2, 3].map((n) => ({ id: `${id}-${heap}-${n}`, payload: { postId: id } }));
      await it.fleet.services.queues.add('background', reconcilePost, jobs);
    }
    await it.reaches(id, 'drafted');
    const counted = (await evidence(id))[0]?.filter((entry) => entry.counts === true) ?? [];
    expect(counted).toHaveLength(3);
    const times = counted.map((entry) => Date.parse(entry.looked_at ?? ''));
    const [attempt] = await it.attempts(id);
    const gaps = times.map((at, n) => at - (times[n - 1] ?? attempt?.sent_at?.getTime() ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(intervalMs * 0.9);
    expect(await onPage(outlet)).toHaveLength(1);
  });

  test('a look that can never be completed asks a person after an hour, and goes on', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'after');
    const match = { page_id: outlet.page.id, edge: 'promotable_posts', method: 'GET' };
    await it.meta.control('POST', 'faults', { match, kind: 'code_2', times: 50 });
    const id = await it.post(outlet, { message: 'never complete' });
    await it.reaches(id, 'unknown');
    await it.fleet.db.query({
      text: `UPDATE social_publisher.publish_attempts SET settled_at = settled_at - interval '61 minutes' WHERE post_id = $1`,
      values: [id],
    });
    await until('asked', async () => (await it.row(id)).attention !== null);
    expect(await it.row(id)).toMatchObject({
      status: 'unknown',
      attention: { reason: 'unknown_outcome', choices: ['resolve_live', 'resolve_absent'] },
      waiting: { reason: 'reconcile' },
    });
    await it.meta.control('DELETE', 'faults');
    expect(await it.reaches(id, 'drafted')).toMatchObject({ attention: null });
  });

  test('looks stay within the calls of the hour', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'before');
    const key = `facebook::${outlet.page.id}`;
    await it.fleet.db.query({
      text: `INSERT INTO social_publisher.call_usage VALUES ($1, date_trunc('minute', clock_timestamp()), 197)`,
      values: [key],
    });
    const id = await it.post(outlet, { message: 'spent' });
    await it.reaches(id, 'unknown');
    await it.waitsFor(id, 'budget');
    expect(await it.calls(outlet)).toEqual(['POST feed']);
    await it.fleet.db.query({
      text: 'DELETE FROM social_publisher.call_usage WHERE budget_key = $1',
      values: [key],
    });
    await it.reaches(id, 'drafted');
    expect(await onPage(outlet)).toHaveLength(1);
  });
});
