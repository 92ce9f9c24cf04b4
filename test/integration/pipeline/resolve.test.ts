import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { buildApi } from '../../../src/api/server.ts';
import { addPause, forgetPauses } from '../../../src/integrations/pause-store.ts';
import { until } from '../../support/fleet.ts';
import { type LostAnswers, openLostAnswers, ourApp } from '../../support/lost-answers.ts';
import type { Outlet } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';

// Design 7: a person's answer to `attention`, and what else an author can wish of an unknown post.
// No queue has a part in it.
describe.each(queueBackends().slice(-1))('an author of an unknown post over %s', (backend) => {
  let it: LostAnswers;
  let api: Awaited<ReturnType<typeof buildApi>>;

  beforeAll(async () => {
    it = await openLostAnswers(backend, { RECONCILE_INTERVAL_MS: '100', RESEND_LIMIT: '5' });
    api = await buildApi(it.fleet.services, { checkAnswers: true });
  });
  afterAll(async () => {
    await api.close();
    await it.close();
  });

  const answerShape = z.looseObject({ code: z.string().optional(), status: z.unknown() });
  const call = async (
    outlet: Outlet,
    id: string,
    action: string,
    body: object = {},
    headers: object = {},
  ) => {
    const answer = await api.inject({
      method: 'POST',
      url: `/v1/posts/${id}/${action}`,
      headers: {
        authorization: 'Bearer an-operator-token-for-tests',
        'tenant-id': outlet.tenantId,
        ...headers,
      },
      payload: body,
    });
    return { status: answer.statusCode, body: answerShape.parse(answer.json()) };
  };
  const lose = (outlet: Outlet, when: 'before' | 'after', times = 1) =>
    it.fault(outlet, 'feed', { kind: 'code_2', when, times });
  const asking = async (outlet: Outlet) => {
    await it.fleet.db.query({
      text: `UPDATE social_publisher.tenants SET when_unknown = 'ask' WHERE id = $1`,
      values: [outlet.tenantId],
    });
  };
  const asked = async (id: string) => {
    await until('asked', async () => (await it.row(id)).attention !== null);
    return it.row(id);
  };
  const byHand = async (outlet: Outlet, message: string) =>
    z
      .object({ id: z.string() })
      .parse(await it.meta.control('POST', `pages/${outlet.page.id}/posts`, { message })).id;
  const proven = async (message: string, options: object = {}) => {
    const outlet = await it.outlet(options);
    await asking(outlet);
    await lose(outlet, 'before');
    const id = await it.post(outlet, { message });
    await asked(id);
    return { outlet, id };
  };
  const feeds = async (outlet: Outlet) =>
    (await it.calls(outlet)).filter((made) => made === 'POST feed').length;

  test('says where it is: the row is bound to it, as it is there', async () => {
    const { outlet, id } = await proven('there under another text');
    const live = await byHand(outlet, 'quite another text');
    const answer = { outcome: 'live', external_id: live };
    const done = await call(outlet, id, 'resolve', answer);
    expect(done).toMatchObject({
      status: 200,
      body: { status: 'published', external_id: live, error: null },
    });
    expect((await it.attempts(id))[0]).toMatchObject({ state: 'confirmed', external_id: live });
    expect(await call(outlet, id, 'resolve', answer)).toMatchObject({ status: 200 });
    expect(await call(outlet, id, 'resolve', { outcome: 'absent' })).toMatchObject({ status: 409 });
    expect(await feeds(outlet)).toBe(1);
  });

  test('cannot bind what is not there, of another Page, or of another post', async () => {
    const { outlet, id } = await proven('wrong answers');
    const live = (external: string) =>
      call(outlet, id, 'resolve', { outcome: 'live', external_id: external });
    expect(await live(`${outlet.page.id}_99`)).toMatchObject({
      status: 422,
      body: { errors: [{ rule: 'external_id_exists' }] },
    });
    for (const other of ['1_1', 'https://facebook.com/1', outlet.page.id]) {
      expect(await live(other)).toMatchObject({
        status: 422,
        body: { errors: [{ rule: 'external_id_of_account' }] },
      });
    }
    const another = await it.post(outlet, { message: 'has its own' });
    const { external_id: taken } = await it.reaches(another, 'drafted');
    expect(await live(String(taken))).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await it.row(id)).toMatchObject({ status: 'unknown' });
  });

  test('is believed where the account cannot be asked', async () => {
    const { outlet, id } = await proven('account is dead');
    await it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET status = 'needs_reconnect' WHERE id = $1`,
      values: [outlet.integrationId],
    });
    const external = `${outlet.page.id}_123`;
    expect(
      await call(outlet, id, 'resolve', { outcome: 'live', external_id: external }),
    ).toMatchObject({ status: 200, body: { status: 'drafted', external_id: external } });
  });

  test('is believed while the account is paused, and nothing is read there', async () => {
    const { outlet, id } = await proven('account is paused');
    const pause = { scope: 'integration', target: outlet.integrationId } as const;
    await addPause(it.fleet.db, {
      ...pause,
      id: randomUUID(),
      reason: null,
      createdBy: 'operator',
    });
    forgetPauses(it.fleet.db);
    const calls = await it.calls(outlet);
    const external = `${outlet.page.id}_123`;
    expect(
      await call(outlet, id, 'resolve', { outcome: 'live', external_id: external }),
    ).toMatchObject({ status: 200, body: { status: 'drafted', external_id: external } });
    expect(await it.calls(outlet)).toEqual(calls);
  });

  test('waits while a limit of the network holds the account', async () => {
    const { outlet, id } = await proven('account is held');
    await it.fleet.db.query({
      text: `UPDATE social_publisher.integrations SET held_until = now() + interval '10 minutes' WHERE id = $1`,
      values: [outlet.integrationId],
    });
    const calls = await it.calls(outlet);
    const answer = { outcome: 'live', external_id: `${outlet.page.id}_123` };
    expect(await call(outlet, id, 'resolve', answer)).toMatchObject({ status: 503 });
    expect(await it.calls(outlet)).toEqual(calls);
    expect(await it.row(id)).toMatchObject({ status: 'unknown' });
  });

  test('says that it is nowhere: it is sent again, once', async () => {
    const { outlet, id } = await proven('nowhere');
    expect(await call(outlet, id, 'resolve', { outcome: 'absent' })).toMatchObject({
      status: 200,
      body: { attention: null, error: null },
    });
    await it.reaches(id, 'drafted');
    expect(await call(outlet, id, 'resolve', { outcome: 'absent' })).toMatchObject({ status: 200 });
    expect(await feeds(outlet)).toBe(2);
    expect(await it.attempts(id)).toMatchObject([{ state: 'abandoned' }, { state: 'confirmed' }]);
  });

  test('says that none of those found is it: they do not count any more', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    await lose(outlet, 'before');
    await byHand(outlet, 'not ours');
    await byHand(outlet, 'not ours');
    const id = await it.post(outlet, { message: 'not ours', publishMode: 'publish' });
    expect((await asked(id)).attention).toMatchObject({ reason: 'ambiguous' });
    await call(outlet, id, 'resolve', { outcome: 'absent' });
    await it.reaches(id, 'published');
    expect(await feeds(outlet)).toBe(2);
  });

  test('decided on a version that is the present one, or is refused', async () => {
    const { outlet, id } = await proven('versions');
    const answer = { outcome: 'absent', version: 7 };
    expect(await call(outlet, id, 'resolve', answer)).toMatchObject({ status: 412 });
    const header = { 'if-match': '"9"' };
    expect(await call(outlet, id, 'resolve', { outcome: 'absent' }, header)).toMatchObject({
      status: 412,
    });
    expect(await it.row(id)).toMatchObject({ status: 'unknown' });
  });

  test('cannot resolve what is not unknown', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { status: 'draft' });
    for (const answer of [{ outcome: 'absent' }, { outcome: 'live', external_id: '1_1' }]) {
      expect(await call(outlet, id, 'resolve', answer)).toMatchObject({
        status: 409,
        body: { code: 'conflict' },
      });
    }
  });

  test('cancels: nothing is sent again, and what is found is bound all the same', async () => {
    const outlet = await it.outlet();
    await lose(outlet, 'before');
    const id = await it.post(outlet, { message: 'cancelled and absent' });
    await it.reaches(id, 'unknown');
    for (const times of [1, 2]) {
      const answer = await call(outlet, id, 'cancel');
      expect(answer.status, `time ${times}`).toBe(200);
    }
    await it.reaches(id, 'cancelled');
    expect(await feeds(outlet)).toBe(1);

    const other = await it.outlet();
    await lose(other, 'after');
    const made = await it.post(other, { message: 'cancelled and there' });
    await it.reaches(made, 'unknown');
    await call(other, made, 'cancel');
    await it.reaches(made, 'drafted');
  });

  test('cancels where a question was open: the question is gone, and nothing is sent', async () => {
    const { outlet, id } = await proven('asked, then cancelled');
    expect(await call(outlet, id, 'cancel')).toMatchObject({ status: 200 });
    expect(await it.reaches(id, 'cancelled')).toMatchObject({ attention: null });
    expect(await feeds(outlet)).toBe(1);
  });

  test('retries: it is looked for first, and sent again when it is absent, whatever the tenant says', async () => {
    const { outlet, id } = await proven('retried');
    expect(await call(outlet, id, 'retry')).toMatchObject({
      status: 200,
      body: { status: 'unknown', attention: null, waiting: { reason: 'reconcile' } },
    });
    await it.reaches(id, 'drafted');
    expect(await feeds(outlet)).toBe(2);
    expect(await it.meta.posts(outlet.page.id)).toHaveLength(1);
  });

  test('retries what is there after all: it is bound, and nothing is sent', async () => {
    const { outlet, id } = await proven('found on retry');
    const shown = { message: 'found on retry', published: false, app_id: ourApp.id };
    const late = await it.byOthers(outlet, shown);
    await call(outlet, id, 'retry');
    expect(await it.reaches(id, 'drafted')).toMatchObject({ external_id: late });
    expect(await feeds(outlet)).toBe(1);
  });
});
