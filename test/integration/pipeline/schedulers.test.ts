import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { beginAttempts } from '../../../src/attempts/begin-store.ts';
import { markSent } from '../../../src/attempts/settle-store.ts';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

const texts = (count: number) => Array.from({ length: count }, (_, n) => ({ message: `n ${n}` }));

describe.each(queueBackends())('many at once over %s', (backend) => {
  let it: Pipeline;

  beforeAll(async () => {
    it = await openPipeline(backend, { env: { FACEBOOK_CALLS_PER_HOUR: '10000' } });
  });
  afterAll(() => it.close());

  test('four schedulers and three publishers claim and send each post once', async () => {
    const fleets = await Promise.all([it.another(), it.another(), it.another()]);
    const outlets = await Promise.all(Array.from({ length: 10 }, () => it.outlet()));
    const ids = (await Promise.all(outlets.map((outlet) => it.posts(outlet, texts(40))))).flat();
    await Promise.all([
      it.fleet.start('scheduler'),
      ...fleets.map((fleet) => fleet.start('scheduler', 'publisher')),
    ]);
    for (const id of ids) expect(await it.reaches(id, 'drafted')).toMatchObject({ run: 1 });
    await Promise.all([it.fleet, ...fleets].map((fleet) => fleet.stop()));
    for (const outlet of outlets) expect(await it.meta.posts(outlet.page.id)).toHaveLength(40);
    const [attempts] = await it.fleet.db.query<{ count: number }>({
      text: 'SELECT count(*)::int AS count FROM social_publisher.publish_attempts',
    });
    expect(attempts?.count).toBe(400);
  });

  test('posts of equal content on one Page go out one at a time, and all of them do', async () => {
    await it.fleet.start('scheduler', 'publisher');
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'delay', delay_ms: 150, times: 3 });
    const ids = await it.posts(outlet, [
      { message: 'same' },
      { message: ' same\r\n' },
      { message: 'same' },
    ]);
    await until('all are out', async () => {
      expect(await openAttempts(outlet)).toBeLessThanOrEqual(1);
      await it.timePasses(outlet);
      const rows = await Promise.all(ids.map((id) => it.row(id)));
      return rows.every((row) => row.status === 'drafted');
    });
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(3);
    const rows = await Promise.all(ids.map((id) => it.row(id)));
    expect(new Set(rows.map((row) => row.external_id)).size).toBe(3);
    expect(new Set(rows.map((row) => row.tries))).toEqual(new Set([0]));
  });

  test('while the outcome of one is unknown its equals wait', async () => {
    const [outlet, elsewhere] = [await it.outlet(), await it.outlet()];
    await it.fault(outlet, 'feed', { kind: 'reset', when: 'after' });
    const id = await it.post(outlet, { message: 'Monday' });
    await it.reaches(id, 'unknown');
    const equal = await it.post(outlet, { message: 'Monday' });
    const other = await it.post(outlet, { message: 'Tuesday' });
    const onAnotherPage = await it.post(elsewhere, { message: 'Monday' });
    await it.reaches(other, 'drafted');
    await it.reaches(onAnotherPage, 'drafted');
    expect(await it.waitsFor(equal, 'reconcile')).toMatchObject({ status: 'approved', tries: 0 });
    expect(await it.attempts(equal)).toEqual([]);
  });

  test('what waits for a connection past its limit is missed, drafts are not', async () => {
    const outlet = await it.outlet({ lateLimitS: 60 });
    await it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET status = 'needs_reconnect' WHERE id = $1`,
      values: [outlet.integrationId],
    });
    const dueAt = new Date(Date.now() + 3_600_000);
    const late = await it.post(outlet, { scheduledAt: dueAt });
    const draft = await it.post(outlet, { publishMode: 'draft', scheduledAt: dueAt });
    await it.waitsFor(late, 'integration');
    await it.waitsFor(draft, 'integration');
    for (const id of [late, draft])
      await it.force(id, `scheduled_at = now() - interval '50 seconds'`);
    await it.sweep();
    expect((await it.row(late)).status).toBe('approved');
    for (const id of [late, draft])
      await it.force(id, `scheduled_at = now() - interval '61 seconds'`);
    await it.sweep();
    expect(await it.row(late)).toMatchObject({
      status: 'missed',
      waiting: null,
      attention: { reason: 'missed', choices: ['retry', 'cancel'] },
    });
    expect(await it.row(draft)).toMatchObject({ status: 'approved' });
    expect(await it.calls(outlet)).toEqual([]);
  });

  test('a read-back brings the permalink, and says so when a draft is public', async () => {
    await it.fleet.start('background');
    const outlet = await it.outlet();
    const good = await it.post(outlet, { message: 'stays a draft' });
    await it.reaches(good, 'drafted');
    await it.fault(outlet, 'feed', { kind: 'goes_public' });
    const bad = await it.post(outlet, { message: 'goes public' });
    await it.reaches(bad, 'drafted');
    for (const id of [good, bad]) await it.force(id, 'verify_at = now()');
    await until('both were read', async () => {
      const rows = await it.fleet.db.query({
        text: `SELECT 1 FROM social_publisher.social_posts
               WHERE id = ANY ($1::uuid[]) AND seen_at IS NOT NULL AND verifications = 1`,
        values: [[good, bad]],
      });
      return rows.length === 2;
    });
    expect(await it.row(good)).toMatchObject({ status: 'drafted', attention: null });
    const row = await it.row(bad);
    expect(row).toMatchObject({
      status: 'published',
      attention: { reason: 'visible_unexpectedly', evidence: [{ external_id: row.external_id }] },
    });
    expect(row.publish_url).toMatch(/^https?:/);
    // Nothing is deleted by itself.
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(2);
  });

  const openAttempts = async (outlet: Outlet) => {
    const rows = await it.fleet.db.query({
      text: `SELECT 1 FROM social_publisher.publish_attempts
             WHERE integration_id = $1 AND state IN ('sent', 'unknown')`,
      values: [outlet.integrationId],
    });
    return rows.length;
  };
});

describe('the last line of "never twice"', () => {
  let it: Pipeline;
  let outlet: Outlet;

  beforeAll(async () => {
    it = await openPipeline('postgres');
    outlet = await it.outlet();
  });
  afterAll(() => it.close());

  const insert = (postId: string, run: number, state: string) =>
    it.fleet.db.query({
      text: `INSERT INTO social_publisher.publish_attempts
               (post_id, integration_id, run, version, state, mode, content_hash, content, budget_key, sent_at)
             VALUES ($1, $2, $3, 1, $4, 'draft', gen_random_uuid()::text, '{}', 'k', now())`,
      values: [postId, outlet.integrationId, run, state],
    });

  test.each(['prepared', 'sent', 'unknown', 'confirmed'])(
    'beside a %s attempt the database takes no other',
    async (state) => {
      const id = await it.post(outlet);
      await insert(id, 1, state);
      for (const other of ['prepared', 'sent', 'unknown', 'confirmed']) {
        await expect(insert(id, 2, other)).rejects.toMatchObject({ code: '23505' });
      }
    },
  );

  test.each(['rejected', 'abandoned'])('after a %s one it takes another', async (state) => {
    const id = await it.post(outlet);
    await insert(id, 1, state);
    await insert(id, 2, 'prepared');
    expect(await it.attempts(id)).toHaveLength(2);
  });

  test('an attempt cannot be sent or unknown without the time it was sent', async () => {
    const id = await it.post(outlet);
    await insert(id, 1, 'prepared');
    const unset = it.fleet.db.query({
      text: `UPDATE social_publisher.publish_attempts SET state = 'sent', sent_at = NULL WHERE post_id = $1`,
      values: [id],
    });
    await expect(unset).rejects.toMatchObject({ code: '23514' });
  });

  test.each([
    ['another version', { version: 2 }, `status = 'publishing'`],
    ['another run', { run: 2 }, `status = 'publishing'`],
    ['a post that is not publishing any more', {}, `status = 'approved'`],
  ])('%s is not sent', async (_name, changed, set) => {
    const id = await it.post(outlet);
    await it.force(id, `run = 1, ${set}`);
    await insert(id, 1, 'prepared');
    const [attempt] = await it.attempts(id);
    const wanted = {
      id: attempt?.id ?? '',
      postId: id,
      run: 1,
      version: 1,
      hiddenId: null,
      ...changed,
    };
    expect(await markSent(it.fleet.db, wanted, 1_000)).toBe('gone');
    expect(await it.attempts(id)).toMatchObject([{ state: 'prepared' }]);
  });

  test('an external id belongs to one post', async () => {
    const [one, two] = await it.posts(outlet, [{}, {}]);
    await it.force(one ?? '', `external_id = '1_2'`);
    await expect(it.force(two ?? '', `external_id = '1_2'`)).rejects.toMatchObject({
      code: '23505',
    });
  });

  test('one post twice in a batch of beginnings gets one attempt', async () => {
    const id = await it.post(outlet);
    await it.force(id, `status = 'queued', run = 1`);
    const beginning = {
      postId: id,
      integrationId: outlet.integrationId,
      version: 1,
      mode: 'draft',
      scheduledAt: null,
      dueAt: new Date(),
      content: { message: 'hello', link: null, media: [] },
      contentHash: 'hash',
      staged: [],
      resumes: null,
      replaces: false,
      kept: 0,
      budgetKey: 'facebook::1',
      calls: 1,
      opens: 'sends',
      leavesRoom: false,
    } as const;
    const settings = { callsPerHour: 10, leaseMs: 60_000, timeoutMs: 1_000 };
    const begun = await beginAttempts(it.fleet.db, [beginning, { ...beginning }], settings);
    expect(begun.map(({ kind }) => kind)).toEqual(['begun', 'gone']);
    expect(await it.attempts(id)).toMatchObject([{ state: 'sent', reserved: 1 }]);
  });
});
