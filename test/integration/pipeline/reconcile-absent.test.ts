import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reconcilePost } from '../../../src/jobs/reconcile-post.ts';
import { until } from '../../support/fleet.ts';
import { intervalMs, type LostAnswers, openLostAnswers } from '../../support/lost-answers.ts';
import type { Outlet } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

const looks = ['GET promotable_posts', 'GET published_posts'];

// Design 5, "Looking": sent again only when it is proven absent; what cannot be proven is a question. No queue has a
// part in it.
describe.each(queueBackends().slice(-1))('a lost answer that made nothing, over %s', (backend) => {
  let it: LostAnswers;

  beforeAll(async () => {
    it = await openLostAnswers(backend);
  });
  afterAll(() => it.close());

  const asked = async (id: string) => {
    await until('asked', async () => (await it.row(id)).attention !== null);
    return it.row(id);
  };
  const timesOf = async (id: string) => {
    const [attempt] = await it.attempts(id);
    const [first = []] = await it.evidence(id);
    const made = first.filter((entry) => entry.counts === true || entry.doubt);
    const at = made.map((entry) => Date.parse(entry.looked_at ?? ''));
    return at.map((time, n) => time - (at[n - 1] ?? attempt?.sent_at?.getTime() ?? 0));
  };

  const twoHours = async (outlet: Outlet) => {
    await it.fleet.db.query({
      text: `UPDATE social_publisher.publish_attempts SET recheck_at = clock_timestamp(),
               settled_at = settled_at - interval '110 minutes' WHERE integration_id = $1 AND recheck_at IS NOT NULL`,
      values: [outlet.integrationId],
    });
  };
  const conclusions = async (id: string) =>
    (await it.evidence(id))[0]?.map((entry) => entry.conclusion) ?? [];
  const rechecks = async (outlet: Outlet) => {
    const [row] = await it.fleet.db.query<{ count: number }>({
      text: `SELECT count(*)::int FROM social_publisher.publish_attempts
             WHERE integration_id = $1 AND recheck_at IS NOT NULL`,
      values: [outlet.integrationId],
    });
    return row?.count;
  };
  const sentAgain = async (outlet: Outlet) => {
    await it.lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'a late echo', publishMode: 'publish' });
    await it.reaches(id, 'published');
    return id;
  };

  test('is proven by three looks ever further apart, and the post is sent again', async () => {
    const outlet = await it.outlet();
    await it.lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'never made' });
    await it.reaches(id, 'drafted');
    expect(await it.onPage(outlet)).toHaveLength(1);
    const calls = await it.calls(outlet);
    expect(await it.feeds(outlet)).toBe(2);
    // The look that comes before every attempt that follows a sent one.
    expect(calls.slice(-1 - looks.length)).toEqual([...looks, 'POST feed']);
    expect(await it.attempts(id)).toMatchObject([{ state: 'abandoned' }, { state: 'confirmed' }]);
    const [first = []] = await it.evidence(id);
    const proofs = first.filter((entry) => entry.counts === true);
    expect(proofs.map((entry) => entry.conclusion)).toEqual(['count', 'count', 'send_again']);
    const gaps = await timesOf(id);
    for (const [n, times] of [1, 3, 8].entries()) {
      expect(gaps[n]).toBeGreaterThanOrEqual(intervalMs * times * 0.9);
    }
  });

  test.each([
    { mode: 'draft', why: 'has not shown a post of this kind of ours before' },
    { mode: 'publish', why: 'has not shown a post of this kind of ours before' },
  ] as const)('as a $mode where none was ever shown is a question', async ({ mode, why }) => {
    const outlet = await it.outlet({ proves: false, autoPublish: true });
    await it.lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'who knows', publishMode: mode });
    const row = await asked(id);
    expect(row).toMatchObject({
      status: 'unknown',
      waiting: null,
      attention: { reason: 'unprovable', choices: ['resolve_live', 'resolve_absent'] },
    });
    expect(JSON.stringify(row.attention)).toContain(why);
    expect((await it.evidence(id))[0]).toMatchObject([
      { doubt: 'not_shown_before', counts: false },
      { doubt: 'not_shown_before', counts: false },
      { doubt: 'not_shown_before', counts: false, conclusion: 'ask' },
    ]);
    expect(await it.feeds(outlet)).toBe(1);
  });

  test('and a list that the token may not read is a question, and stops no other post', async () => {
    const outlet = await it.outlet();
    await it.weather(outlet, { edge_scopes: { promotable_posts: 'pages_manage_ads' } });
    await it.lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'behind a door' });
    expect((await asked(id)).attention).toMatchObject({ reason: 'unprovable' });
    const [integration] = await it.fleet.db.query<{ status: string; reads: string }>({
      text: `SELECT status, capabilities -> 'reads_drafts' ->> 'value' AS reads
             FROM social_publisher.integrations WHERE id = $1`,
      values: [outlet.integrationId],
    });
    expect(integration).toEqual({ status: 'active', reads: 'no' });
    await it.reaches(await it.post(outlet, { message: 'goes out' }), 'drafted');
    expect(await it.feeds(outlet)).toBe(2);
  });

  test('and a post that does not show its photos is no proof, but a question with it', async () => {
    const outlet = await it.outlet();
    await it.weather(outlet, { attachments: 'none' });
    const other = await it.byOthers(outlet, { message: 'somebody else', published: false });
    await it.lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'with a photo', media: it.photos(1) });
    expect((await asked(id)).attention).toMatchObject({
      reason: 'unprovable',
      evidence: [{ external_id: other }],
    });
    expect((await it.evidence(id))[0]).toMatchObject([{ doubt: 'unreadable' }, {}, {}]);
    expect(await it.feeds(outlet)).toBe(1);
  });

  test('needs its own proof each time, and their number ends', async () => {
    const outlet = await it.outlet();
    await it.lose(outlet, 'before', 'code_2', 3);
    const id = await it.post(outlet, { message: 'again and again' });
    expect((await asked(id)).attention).toMatchObject({
      reason: 'resend_limit',
      choices: ['resolve_live', 'resolve_absent', 'retry'],
    });
    expect(await it.attempts(id)).toMatchObject([
      { state: 'abandoned' },
      { state: 'abandoned' },
      { state: 'unknown' },
    ]);
    expect(await it.feeds(outlet)).toBe(3);
  });

  test('is missed instead of sent again where it is later than its tenant allows', async () => {
    const outlet = await it.outlet({ autoPublish: true, lateLimitS: 1 });
    await it.lose(outlet, 'before');
    const scheduledAt = new Date();
    const post = { message: 'too late', publishMode: 'publish', scheduledAt } as const;
    const id = await it.post(outlet, post);
    const row = await it.reaches(id, 'missed');
    expect(row).toMatchObject({ attention: { reason: 'missed' }, waiting: null });
    expect(await it.feeds(outlet)).toBe(1);
    expect(await it.attempts(id)).toMatchObject([{ state: 'abandoned' }]);
  });

  test('is a question once the proof is there where the tenant wants to be asked', async () => {
    const outlet = await it.outlet();
    await it.fleet.db.query({
      text: `UPDATE social_publisher.tenants SET when_unknown = 'ask' WHERE id = $1`,
      values: [outlet.tenantId],
    });
    await it.lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'ask me' });
    expect(await asked(id)).toMatchObject({
      status: 'unknown',
      attention: { reason: 'proven_absent', choices: ['resolve_live', 'resolve_absent', 'retry'] },
    });
    expect(await it.attempts(id)).toMatchObject([{ state: 'unknown' }]);
    expect(await it.feeds(outlet)).toBe(1);
  });

  test('is cancelled where it was called off while it was unknown', async () => {
    const outlet = await it.outlet();
    await it.lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'called off' });
    await it.reaches(id, 'unknown');
    await it.fleet.db.query({
      text: `UPDATE social_publisher.social_posts SET status = 'cancelled' WHERE id = $1`,
      values: [id],
    });
    await it.reaches(id, 'cancelled');
    expect(await it.feeds(outlet)).toBe(1);
  });

  test('and then refused as a duplicate asks a person about what is nowhere to be seen', async () => {
    const outlet = await it.outlet();
    await it.lose(outlet, 'before');
    await it.fault(outlet, 'feed', { kind: 'error', code: 506, http_status: 400 });
    const id = await it.post(outlet, { message: 'no echo' });
    expect(await asked(id)).toMatchObject({
      status: 'unknown',
      error: { class: 'duplicate' },
      attention: { reason: 'said_duplicate' },
    });
    expect(await it.attempts(id)).toMatchObject([{ state: 'abandoned' }, { state: 'unknown' }]);
  });

  test('and then refused as a duplicate is found where it shows after all', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await it.lose(outlet, 'before');
    await it.fault(outlet, 'feed', { kind: 'error', code: 506, http_status: 400 });
    const id = await it.post(outlet, { message: 'an echo', publishMode: 'publish' });
    await until('unknown again', async () => (await it.attempts(id))[1]?.state === 'unknown');
    const late = await it.byOthers(outlet, { message: 'an echo', app_id: '4242' });
    expect(await it.reaches(id, 'published')).toMatchObject({ external_id: late });
    expect(await it.feeds(outlet)).toBe(2);
  });

  test('is proven by jobs in a heap, or by hand, no sooner', async () => {
    const outlet = await it.outlet();
    await it.lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'a heap of jobs' });
    await it.reaches(id, 'unknown');
    for (let heap = 0; heap < 5; heap += 1) {
      const jobs = [1, 2, 3].map((n) => ({ id: `${id}-${heap}-${n}`, payload: { postId: id } }));
      await it.fleet.services.queues.add('background', reconcilePost, jobs);
    }
    await it.reaches(id, 'drafted');
    const gaps = await timesOf(id);
    expect(gaps).toHaveLength(3);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(intervalMs * 0.9);
    expect(await it.onPage(outlet)).toHaveLength(1);
  });

  describe('and was sent again', () => {
    test('is looked for twice more, and nobody hears of it', async () => {
      const outlet = await it.outlet({ autoPublish: true });
      const id = await sentAgain(outlet);
      expect(await rechecks(outlet)).toBe(1);
      await twoHours(outlet);
      await until('looked', async () => (await conclusions(id)).includes('no_duplicate'));
      expect(await rechecks(outlet)).toBe(1);
      await twoHours(outlet);
      await until('looked twice', async () => (await rechecks(outlet)) === 0);
      expect(await it.row(id)).toMatchObject({ status: 'published', attention: null });
    });

    test('and came after all: a person is told of both', async () => {
      const outlet = await it.outlet({ autoPublish: true });
      const id = await sentAgain(outlet);
      const late = await it.byOthers(outlet, { message: 'a late echo', app_id: '4242' });
      await twoHours(outlet);
      const { attention, external_id: own } = await asked(id);
      expect(attention).toMatchObject({
        reason: 'duplicate_found',
        evidence: [{ external_id: own }, { external_id: late }],
      });
      expect(await rechecks(outlet)).toBe(0);
    });
  });
});
