import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import { type LostAnswers, openLostAnswers, ourApp } from '../../support/lost-answers.ts';
import { startMeta } from '../../support/meta.ts';
import { queueBackends } from '../../support/redis.ts';
import { anIntegration, somePosts } from '../../support/rows.ts';

// Looks under bad conditions: they wait, and neither lose a post nor make two. No queue has a part in it.
describe.each(queueBackends().slice(-1))('looks in trouble, over %s', (backend) => {
  let it: LostAnswers;

  beforeAll(async () => {
    it = await openLostAnswers(backend);
  });
  afterAll(() => it.close());

  test('prove nothing and cost nothing where they fail half-way', async () => {
    const outlet = await it.outlet();
    await it.lose(outlet, 'before');
    const match = { page_id: outlet.page.id, edge: 'published_posts', method: 'GET' };
    await it.meta.control('POST', 'faults', { match, kind: 'code_2', times: 2 });
    const id = await it.post(outlet, { message: 'half a look' });
    await it.reaches(id, 'drafted');
    const [first] = await it.evidence(id);
    expect(first?.map((entry) => entry.counts)).toEqual([false, false, true, true, true]);
    expect(await it.onPage(outlet)).toHaveLength(1);
  });

  test('wait for edges that lag behind: the late post is bound, not doubled', async () => {
    const outlet = await it.outlet();
    await it.meta.control('PATCH', 'settings', { read_lag_ms: 700 });
    await it.lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'lagging' });
    await it.reaches(id, 'drafted');
    await it.meta.control('PATCH', 'settings', { read_lag_ms: 0 });
    expect(await it.onPage(outlet)).toHaveLength(1);
    expect(await it.feeds(outlet)).toBe(1);
  });

  test('ask for smaller pages where Meta finds one too large, each call booked', async () => {
    const outlet = await it.outlet();
    await it.weather(outlet, { reduce_data_above_limit: 10 });
    await it.lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'too much' });
    await it.reaches(id, 'drafted');
    const [booked] = await it.fleet.db.query<{ calls: number }>({
      text: 'SELECT sum(calls)::int AS calls FROM social_publisher.call_usage WHERE budget_key = $1',
      values: [`facebook::${outlet.page.id}`],
    });
    expect(booked?.calls).toBe((await it.calls(outlet)).length);
    expect(await it.feeds(outlet)).toBe(1);
  });

  test.each(['oldest', 'ranked'])('find a post in a list that comes %s first', async (order) => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.weather(outlet, { edge_order: order });
    for (const n of [1, 2, 3]) await it.byOthers(outlet, { message: `other ${n}`, app_id: '4242' });
    await it.fleet.db.query({
      text: `UPDATE social_publisher.tenants SET when_unknown = 'ask' WHERE id = $1`,
      values: [outlet.tenantId],
    });
    await it.lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'in a heap', publishMode: 'publish' });
    expect(await it.reaches(id, 'published')).toMatchObject({ attention: null });
  });

  test.each([-3_600_000, 3_600_000])('hold where the clock of Meta is off by %i ms', async (ms) => {
    const other = await startMeta();
    await other.control('POST', 'apps', ourApp);
    const clock = new Date(Date.now() + ms).toISOString();
    await other.control('POST', 'clock', { now: clock });
    const fleet = await it.another({ GRAPH_BASE_URL: other.url });
    await it.fleet.stop();
    await fleet.start('scheduler', 'publisher', 'background');
    const page = await other.page({ id: `8800${ms > 0 ? 1 : 2}`, app_id: ourApp.id });
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
  });

  test('wait for a dead account, and go on by themselves', async () => {
    const outlet = await it.outlet();
    await it.lose(outlet, 'after');
    const id = await it.post(outlet, { message: 'token dies' });
    await until('made', async () => (await it.onPage(outlet)).length === 1);
    await it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, state: 'revoked' });
    await it.waitsFor(id, 'integration');
    expect(await it.row(id)).toMatchObject({ status: 'unknown', attention: null });
    expect((await it.evidence(id))[0]).toEqual([]);
    await it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, state: 'valid' });
    await it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET status = 'active', error = NULL WHERE id = $1`,
      values: [outlet.integrationId],
    });
    await it.reaches(id, 'drafted');
    expect(await it.onPage(outlet)).toHaveLength(1);
  });

  test('that can never be completed ask a person after an hour, and go on for a day', async () => {
    const outlet = await it.outlet();
    await it.lose(outlet, 'after');
    const match = { page_id: outlet.page.id, edge: 'promotable_posts', method: 'GET' };
    await it.meta.control('POST', 'faults', { match, kind: 'code_2', times: 50 });
    const id = await it.post(outlet, { message: 'never complete' });
    await it.reaches(id, 'unknown');
    const age = (by: string) =>
      it.fleet.db.query({
        text: `UPDATE social_publisher.publish_attempts SET settled_at = settled_at - $2::interval WHERE post_id = $1`,
        values: [id, by],
      });
    await age('61 minutes');
    await until('asked', async () => (await it.row(id)).attention !== null);
    expect(await it.row(id)).toMatchObject({
      status: 'unknown',
      attention: { reason: 'unknown_outcome', choices: ['resolve_live', 'resolve_absent'] },
      waiting: { reason: 'reconcile' },
    });
    await age('24 hours');
    await until('given up', async () => (await it.row(id)).waiting === null);
    expect(await it.row(id)).toMatchObject({ attention: { reason: 'unknown_outcome' } });
    await it.meta.control('DELETE', 'faults');
  });

  test('stay within the calls of the hour', async () => {
    const outlet = await it.outlet();
    await it.lose(outlet, 'before');
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
    expect(await it.onPage(outlet)).toHaveLength(1);
  });
});
