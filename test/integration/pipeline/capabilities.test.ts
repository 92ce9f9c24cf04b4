import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/fleet.ts';
import { type LostAnswers, openLostAnswers } from '../../support/lost-answers.ts';
import type { Outlet } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';
import type { TestPost } from '../../support/rows.ts';

// What is believed of the network becomes known by the posts that were confirmed. No queue has a part in it.
describe.each(queueBackends().slice(-1))('what a confirmed post teaches, over %s', (backend) => {
  let it: LostAnswers;

  beforeAll(async () => {
    it = await openLostAnswers(backend);
  });
  afterAll(() => it.close());

  const known = async (outlet: Outlet) => {
    const [row] = await it.fleet.db.query<{ known: Record<string, string> | null }>({
      text: `SELECT (SELECT jsonb_object_agg(c.key, c.value ->> 'value') FROM jsonb_each(i.capabilities) c) AS known
             FROM social_publisher.integrations i WHERE i.id = $1`,
      values: [outlet.integrationId],
    });
    return row?.known ?? {};
  };
  const readBack = async (outlet: Outlet, post: TestPost, status: string) => {
    const id = await it.post(outlet, post);
    await it.reaches(id, status);
    await it.force(id, 'verify_at = clock_timestamp()');
    await until('read back', async () => {
      const rows = await it.fleet.db.query({
        text: 'SELECT 1 FROM social_publisher.social_posts WHERE id = $1 AND seen_at IS NOT NULL',
        values: [id],
      });
      return rows.length === 1;
    });
  };

  test('the list of its kind: from then on it can prove that a post is absent', async () => {
    const outlet = await it.outlet({ proves: false, autoPublish: true });
    await readBack(outlet, { message: 'a first draft' }, 'drafted');
    expect(await known(outlet)).toEqual({
      lists_drafts: 'yes',
      reads_drafts: 'yes',
      text_as_sent: 'yes',
    });
    await it.lose(outlet, 'before');
    await it.reaches(await it.post(outlet, { message: 'a second draft' }), 'drafted');
    expect(await it.onPage(outlet)).toHaveLength(2);

    await readBack(outlet, { message: 'live', publishMode: 'publish' }, 'published');
    const scheduledAt = new Date(Date.now() + 3_600_000);
    await readBack(outlet, { message: 'later', publishMode: 'schedule', scheduledAt }, 'scheduled');
    expect(await known(outlet)).toMatchObject({ lists_published: 'yes', lists_scheduled: 'yes' });
  });

  test('its list is read once, and counted', async () => {
    const outlet = await it.outlet({ proves: false });
    await readBack(outlet, { message: 'one' }, 'drafted');
    await readBack(outlet, { message: 'two' }, 'drafted');
    const lists = (await it.calls(outlet)).filter((call) => call === 'GET promotable_posts');
    expect(lists).toHaveLength(1);
    const [booked] = await it.fleet.db.query<{ calls: number }>({
      text: 'SELECT sum(calls)::int AS calls FROM social_publisher.call_usage WHERE budget_key = $1',
      values: [`facebook::${outlet.page.id}`],
    });
    expect(booked?.calls).toBe((await it.calls(outlet)).length);
  });

  test('that drafts are not listed, where they are not', async () => {
    const outlet = await it.outlet({ proves: false });
    await it.weather(outlet, { drafts_listed: false });
    await readBack(outlet, { message: 'unseen' }, 'drafted');
    expect(await known(outlet)).toMatchObject({ lists_drafts: 'no' });
  });

  test('that the token may not read its list', async () => {
    const outlet = await it.outlet({ proves: false });
    await it.weather(outlet, { edge_scopes: { promotable_posts: 'pages_manage_ads' } });
    await readBack(outlet, { message: 'behind a door' }, 'drafted');
    expect(await known(outlet)).toMatchObject({ reads_drafts: 'no' });
    expect(await known(outlet)).not.toHaveProperty('lists_drafts');
  });

  test('that its text is kept otherwise, and one that is kept says nothing against that', async () => {
    const outlet = await it.outlet();
    await it.weather(outlet, { rewrite_message: ['mentions', 'blank_lines'] });
    await readBack(outlet, { message: 'one\n\n\n\ntwo' }, 'drafted');
    await readBack(outlet, { message: 'as it is' }, 'drafted');
    await readBack(outlet, { message: 'By @[42]' }, 'drafted');
    expect(await known(outlet)).toMatchObject({ text_as_sent: 'no', mentions_as_sent: 'no' });
  });
});
