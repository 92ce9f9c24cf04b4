import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { buildApi } from '../../../src/api/server.ts';
import { addPause, forgetPauses, removePause } from '../../../src/integrations/pause-store.ts';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';

const item = z.looseObject({
  post_id: z.string(),
  verdict: z.string(),
  calls: z.number(),
  due_at: z.string().nullable(),
  run_at: z.string(),
  requests: z.array(z.looseObject({ method: z.string(), path: z.string(), body: z.unknown() })),
  seen: z.looseObject({ kind: z.string(), links: z.array(z.looseObject({ url: z.unknown() })) }),
});
const dryRun = z.looseObject({ posts: z.number(), calls: z.number(), items: z.array(item) });
const replay = z.looseObject({
  id: z.string(),
  state: z.string(),
  created_by: z.string(),
  counts: z.record(z.string(), z.number()),
  items: z.array(
    z.looseObject({ post_id: z.string(), state: z.string(), reason: z.string().nullable() }),
  ),
});

describe('replays', () => {
  let it: Pipeline;
  let app: Awaited<ReturnType<typeof buildApi>>;

  beforeAll(async () => {
    it = await openPipeline('postgres', { env: { RECONCILE_INTERVAL_MS: '300000' } });
    app = await buildApi(it.fleet.services, { checkAnswers: true });
    await it.fleet.start('scheduler', 'publisher');
  });
  afterAll(async () => {
    await app.close();
    await it.close();
  });

  const call = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const answer = await app.inject({
      method,
      url,
      headers: { authorization: 'Bearer an-operator-token-for-tests' },
      ...(payload === undefined ? {} : { payload }),
    });
    return { status: answer.statusCode, body: answer.json<unknown>() };
  };
  const post = async (body: object) => replay.parse((await call('POST', '/v1/replays', body)).body);
  const ask = async (body: object) =>
    dryRun.parse((await call('POST', '/v1/replays', { ...body, dry_run: true })).body);
  const ends = async (id: string) => {
    const read = async () => replay.parse((await call('GET', `/v1/replays/${id}`)).body);
    await until('the replay ends', async () => (await read()).state !== 'running');
    return read();
  };
  /** A failed post that was never sent. */
  const aFailed = async (outlet: Outlet, message: string) => {
    const id = await it.post(outlet, { message, status: 'draft', publishMode: 'publish' });
    await it.force(id, `status = 'failed', error = '{"class":"internal","key":"internal"}'`);
    return id;
  };
  /** What shows it is never answered. */
  const loseReveal = (outlet: Outlet, fault: object) => {
    const match = { page_id: outlet.page.id, method: 'POST', has_param: 'is_published' };
    return it.meta.control('POST', 'faults', { match, kind: 'reset', times: 2, ...fault });
  };
  /** One whose answer was lost after the effect, as somebody who did not know better would have left it. */
  const aFailedButLive = async (outlet: Outlet) => {
    await loseReveal(outlet, { when: 'after' });
    return aFailedAfter(outlet, 'publish');
  };
  const aFailedButDrafted = async (outlet: Outlet) => {
    await it.fault(outlet, 'feed', { kind: 'reset', when: 'after' });
    return aFailedAfter(outlet, 'draft');
  };
  const aFailedAfter = async (outlet: Outlet, publishMode: 'publish' | 'draft') => {
    const id = await it.post(outlet, { message: `it is there: ${publishMode}`, publishMode });
    await it.reaches(id, 'unknown');
    await it.fleet.db.query({
      text: `UPDATE social_publisher.publish_attempts SET state = 'rejected', look_at = NULL WHERE post_id = $1`,
      values: [id],
    });
    await it.force(
      id,
      `status = 'failed', attention = NULL, error = '{"class":"retry","key":"x"}'`,
    );
    return id;
  };

  const pause = async ({ integrationId: target }: Outlet) => {
    const wanted = {
      id: randomUUID(),
      scope: 'integration',
      target,
      createdBy: 'operator',
    } as const;
    await addPause(it.fleet.db, { ...wanted, reason: 'moving house' });
    forgetPauses(it.fleet.db);
    return wanted.id;
  };
  const change = ({ integrationId }: Outlet, set: string) =>
    it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET ${set} WHERE id = $1`,
      values: [integrationId],
    });

  test('a dry run says what would be sent, what it costs and what is live already, and does nothing', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    const failed = await aFailed(outlet, 'say it');
    const live = await aFailedButLive(outlet);
    const broken = await it.post(outlet, { message: '', status: 'draft', publishMode: 'publish' });
    await it.force(broken, `status = 'failed', error = '{"class":"invalid","key":"empty"}'`);
    const before = (await it.meta.posts(outlet.page.id)).length;
    const calls = await it.calls(outlet);

    const answer = await ask({ filter: { tenant_id: outlet.tenantId }, spread_s: 20 });
    expect(answer.posts).toBe(3);
    const of = (id: string) => answer.items.find((one) => one.post_id === id);
    expect(of(failed)).toMatchObject({
      verdict: 'send',
      version: 1,
      calls: 2,
      seen: { kind: 'not_needed', links: [] },
      requests: [
        {
          method: 'POST',
          path: `/${outlet.page.id}/feed`,
          effect: 'stages',
          body: { message: 'say it', published: false },
        },
        { method: 'POST', effect: 'reveals', body: { is_published: true } },
      ],
    });
    const [shown] = await it.meta.posts(outlet.page.id);
    // One read by its id.
    expect(of(live)).toMatchObject({
      verdict: 'live',
      calls: 3,
      seen: { kind: 'bound', links: [{ external_id: shown?.id }] },
    });
    expect((await it.calls(outlet)).slice(calls.length)).toEqual([`GET ${shown?.id}`]);
    expect(of(broken)).toMatchObject({ verdict: 'refused' });
    expect(JSON.stringify(answer)).not.toContain(outlet.page.token);
    expect((await it.row(failed)).status).toBe('failed');
    expect((await it.meta.posts(outlet.page.id)).length).toBe(before);
  });

  test('a dry run searches the account for what was sent in one step', async () => {
    const outlet = await it.outlet();
    const drafted = await aFailedButDrafted(outlet);
    const [told] = (await ask({ filter: { tenant_id: outlet.tenantId } })).items;
    expect(told).toMatchObject({ post_id: drafted, verdict: 'live', seen: { kind: 'bound' } });
    expect(await it.calls(outlet)).toContain('GET promotable_posts');
  });

  test('a dry run says of what is hidden still that nobody sees it', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await loseReveal(outlet, { when: 'before' });
    await aFailedAfter(outlet, 'publish');
    const [told] = (await ask({ filter: { tenant_id: outlet.tenantId } })).items;
    expect(told).toMatchObject({ verdict: 'send', seen: { kind: 'absent', links: [] } });
  });

  test.each([
    ['is paused', `paused: 'moving house'`, 'moving house'],
    ['is held by a limit', `held_until = now() + interval '10 minutes'`, 'no more calls'],
    ['waits for a person', `status = 'needs_reconnect'`, 'person'],
  ])('a dry run reads nothing of an account that %s, and says so', async (_name, set, reason) => {
    const outlet = await it.outlet({ autoPublish: true });
    const live = await aFailedButLive(outlet);
    const paused = set.startsWith('paused') ? await pause(outlet) : null;
    if (paused === null) await change(outlet, set);
    const calls = await it.calls(outlet);
    const answer = await ask({ filter: { tenant_id: outlet.tenantId } });
    const [seen] = answer.items.filter((one) => one.post_id === live).map((one) => one.seen);
    expect(seen?.kind).toBe('not_looked');
    expect(JSON.stringify(seen)).toContain(reason);
    expect(await it.calls(outlet)).toEqual(calls);
    if (paused !== null) await removePause(it.fleet.db, paused);
  });

  test('what a dry run learns of an account is kept: its token is dead', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await aFailedButLive(outlet);
    await it.meta.control('PATCH', 'tokens', { page_id: outlet.page.id, state: 'revoked' });
    const answer = await ask({ filter: { tenant_id: outlet.tenantId } });
    expect(answer.items).toMatchObject([{ seen: { kind: 'not_looked' } }]);
    const rows = await it.fleet.db.query({
      text: 'SELECT status FROM social_publisher.integrations WHERE id = $1',
      values: [outlet.integrationId],
    });
    expect(rows).toEqual([{ status: 'needs_reconnect' }]);
  });

  test('retries by the same way as one retry: what is live is not sent again', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    const failed = await aFailed(outlet, 'once more');
    const live = await aFailedButLive(outlet);
    const begun = await post({ filter: { tenant_id: outlet.tenantId }, requested_by: 'Ada' });
    expect(begun.created_by).toMatch(/^Ada \(token [0-9a-f]{8}\)$/);
    expect((await ends(begun.id)).counts).toEqual({ pending: 0, done: 2, skipped: 0, stopped: 0 });
    await it.reaches(failed, 'published');
    await it.reaches(live, 'published', 'unknown');
    const messages = (await it.meta.posts(outlet.page.id)).map((one) => one.message);
    expect(messages).toHaveLength(2);
    expect(new Set(messages)).toEqual(new Set(['it is there: publish', 'once more']));
  });

  test('skips what its author changed since, and never forces an unknown one', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    const changed = await aFailed(outlet, 'as it was');
    await loseReveal(outlet, { when: 'after' });
    const unknown = await it.post(outlet, { message: 'who knows', publishMode: 'publish' });
    await it.reaches(unknown, 'unknown');
    const filter = { tenant_id: outlet.tenantId };
    const begun = await post({ filter, spread_s: 2 });
    await it.fleet.db.query({
      text: `UPDATE social_publisher.social_posts SET message = 'as it is' WHERE id = $1`,
      values: [changed],
    });
    const ended = await ends(begun.id);
    expect(ended.items.find((one) => one.post_id === unknown)).toMatchObject({ state: 'skipped' });
    expect((await it.row(unknown)).status).toBe('unknown');
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(1);
  });

  test('keeps the pace, and stops', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    for (let n = 0; n < 5; n += 1) await aFailed(outlet, `paced ${n}`);
    const begun = await post({ filter: { tenant_id: outlet.tenantId }, spread_s: 400 });
    const moments = begun.items.map((one) => Date.parse(String(one['run_at'])));
    const gaps = moments.slice(1).map((at, index) => at - (moments[index] ?? 0));
    expect(gaps).toEqual([100_000, 100_000, 100_000, 100_000]);
    await until('the first went', async () => (await it.meta.posts(outlet.page.id)).length === 1);
    const { status } = await call('POST', `/v1/replays/${begun.id}/stop`);
    expect(status).toBe(200);
    const ended = await ends(begun.id);
    expect(ended).toMatchObject({ state: 'stopped', counts: { done: 1, stopped: 4, pending: 0 } });
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(1);
  });

  test('chooses by class, status and due time, and gives a new time', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    const [early = '', late = '', other = ''] = await it.posts(
      outlet,
      ['2026-01-01T10:00:00Z', '2026-01-01T12:00:00Z', '2026-01-01T10:30:00Z'].map((at) => ({
        message: at,
        status: 'draft',
        publishMode: 'publish',
        scheduledAt: new Date(at),
      })),
    );
    for (const id of [early, late])
      await it.force(id, `status = 'failed', error = '{"class":"retry"}'`);
    await it.force(other, `status = 'failed', error = '{"class":"invalid"}'`);
    const filter = {
      tenant_id: outlet.tenantId,
      class: 'retry',
      status: ['failed'],
      from: '2026-01-01T10:00:00+00:00',
      to: '2026-01-01T11:00:00+00:00',
    };
    const answer = await ask({ filter, scheduled_at: '2030-05-01T09:00:00+02:00' });
    expect(answer.items).toMatchObject([{ post_id: early, due_at: '2030-05-01T07:00:00.000Z' }]);
    const begun = await post({ filter, scheduled_at: '2030-05-01T09:00:00+02:00' });
    await ends(begun.id);
    expect(await it.row(early)).toMatchObject({
      status: 'approved',
      scheduled_at: new Date('2030-05-01T07:00:00Z'),
    });
    expect((await it.row(late)).status).toBe('failed');
  });

  test('is for the operator, and refuses what it cannot mean', async () => {
    const bad = await call('POST', '/v1/replays', { filter: { status: 'published' } });
    expect(bad.status).toBe(422);
    expect((await call('POST', '/v1/replays', {})).status).toBe(400);
    expect((await call('GET', `/v1/replays/${crypto.randomUUID()}`)).status).toBe(404);
    const listed = await call('GET', '/v1/replays?limit=2');
    expect(listed.body).toMatchObject({ data: [{}, {}] });
    const stranger = await app.inject({ method: 'GET', url: '/v1/replays' });
    expect(stranger.statusCode).toBe(401);
  });
});
