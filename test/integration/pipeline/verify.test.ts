import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readBackPost } from '../../../src/jobs/read-back-post.ts';
import { type PersonsAnswer, resolvePost } from '../../../src/reconciliation/resolve.ts';
import { until } from '../../support/fleet.ts';
import { type Outlet, openPipeline, type Pipeline } from '../../support/pipeline.ts';
import { queueBackends } from '../../support/redis.ts';
import type { PostRow, TestPost } from '../../support/rows.ts';

interface HeldRow extends PostRow {
  readonly scheduled_at: Date | null;
  readonly verify_at: Date | null;
  readonly seen_at: Date | null;
  readonly missing_at: Date | null;
}

const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000);
const dayMinutes = 24 * 60;

let it: Pipeline;
beforeAll(async () => {
  it = await openPipeline('postgres', { env: { FACEBOOK_CALLS_PER_HOUR: '10' } });
  await it.fleet.start('scheduler', 'publisher');
});
afterAll(() => it.close());

async function row(id: string): Promise<HeldRow> {
  const [found] = await it.fleet.db.query<HeldRow>({
    text: 'SELECT * FROM social_publisher.social_posts WHERE id = $1',
    values: [id],
  });
  if (found === undefined) throw new Error(`no post ${id}`);
  return found;
}

/** A post at its network, looked at for the first time and made a quarter of an hour ago. */
async function held(status: 'scheduled' | 'drafted', post: TestPost = {}, outlet?: Outlet) {
  const owner = outlet ?? (await it.outlet());
  const scheduledAt = status === 'scheduled' ? inMinutes(120) : null;
  const id = await it.post(owner, { scheduledAt, ...post });
  await it.reaches(id, status);
  await look(id);
  await age(id, 15);
  return { id, outlet: owner, externalId: (await row(id)).external_id ?? '' };
}

/** What the background role does with the job, now. */
async function look(id: string): Promise<HeldRow> {
  const job = { id: 'by-hand', payload: { postId: id }, signal: new AbortController().signal };
  await readBackPost.perform({ ...job, logger: it.fleet.services.log }, it.fleet.services);
  return row(id);
}

/** Moves what was written of it into the past. */
async function age(id: string, minutes: number): Promise<void> {
  await it.fleet.db.query({
    text: `UPDATE social_publisher.publish_attempts SET sent_at = sent_at - $2 * interval '1 minute' WHERE post_id = $1`,
    values: [id, minutes],
  });
  await it.force(id, `missing_at = missing_at - interval '${minutes} minutes'`);
}

/** As if the due time had been so many minutes ago, here and there; the network publishes it `lateMinutes` later. */
async function passes(
  post: { id: string; externalId: string },
  minutes: number,
  lateMinutes = 0,
): Promise<Date> {
  const dueAt = new Date(Math.floor(inMinutes(-minutes).getTime() / 1000) * 1000);
  await it.force(post.id, `scheduled_at = '${dueAt.toISOString()}'`);
  await person(post.externalId, { late_minutes: lateMinutes, scheduled_publish_time: dueAt });
  return dueAt;
}

function person(externalId: string, change: object | 'deletes'): Promise<unknown> {
  return change === 'deletes'
    ? it.meta.control('DELETE', `posts/${externalId}`)
    : it.meta.control('PATCH', `posts/${externalId}`, change);
}

async function events(id: string): Promise<string[]> {
  const rows = await it.fleet.db.query<{ type: string }>({
    text: 'SELECT type FROM social_publisher.events WHERE post_id = $1 ORDER BY id',
    values: [id],
  });
  return rows.map(({ type }) => type);
}

async function updatedAt(id: string): Promise<Date | undefined> {
  const [found] = await it.fleet.db.query<{ updated_at: Date }>({
    text: 'SELECT updated_at FROM social_publisher.social_posts WHERE id = $1',
    values: [id],
  });
  return found?.updated_at;
}

function answer(post: { id: string; outlet: Outlet }, given: PersonsAnswer) {
  const wish = { id: post.id, version: undefined, answer: given };
  return resolvePost(it.fleet.services, post.outlet.tenantId, wish);
}

/** One that the network lost when its time came. */
async function lost() {
  const post = await held('scheduled');
  await person(post.externalId, { vanish: true });
  await passes(post, 20);
  await look(post.id);
  await age(post.id, 5);
  expect((await look(post.id)).attention?.reason).toBe('vanished');
  return post;
}

const minutesFromNow = (at: Date | null) =>
  Math.round(((at?.getTime() ?? 0) - Date.now()) / 60_000);

describe('a scheduled post', () => {
  test('is looked at soon after it was made, then daily, then after its time', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet, { scheduledAt: inMinutes(5 * dayMinutes) });
    await it.reaches(id, 'scheduled');
    expect(minutesFromNow((await row(id)).verify_at)).toBe(1);
    const seen = await look(id);
    expect(seen.publish_url).toContain('/posts/');
    expect(seen.seen_at).not.toBeNull();
    expect(minutesFromNow(seen.verify_at)).toBe(dayMinutes);
    await it.force(id, `scheduled_at = '${inMinutes(60).toISOString()}'`);
    await person(seen.external_id ?? '', { scheduled_publish_time: inMinutes(60) });
    expect(minutesFromNow((await look(id)).verify_at)).toBe(62);
  });

  test('is published once it was seen live, with its lateness', async () => {
    const post = await held('scheduled');
    const dueAt = await passes(post, 5, 3);
    expect(await look(post.id)).toMatchObject({
      status: 'published',
      published_at: new Date(dueAt.getTime() + 180_000),
      lateness_ms: 180_000,
      attention: null,
      verify_at: null,
    });
    expect(await events(post.id)).toContain('post.published');
  });

  test('raises attention 10 minutes after its time, and goes on looking for a day', async () => {
    const post = await held('scheduled');
    await passes(post, 2, 60);
    const early = await look(post.id);
    expect(early).toMatchObject({ status: 'scheduled', attention: null });
    expect(minutesFromNow(early.verify_at)).toBe(8);

    await passes(post, 10, 60);
    const late = await look(post.id);
    expect(late).toMatchObject({
      status: 'scheduled',
      attention: { reason: 'not_live', evidence: [{ external_id: post.externalId }] },
    });
    expect(minutesFromNow(late.verify_at)).toBe(60);
    expect(await events(post.id)).toContain('post.attention');

    await age(post.id, 120);
    const dueAt = await passes(post, 90, 60);
    expect(await look(post.id)).toMatchObject({
      status: 'published',
      published_at: new Date(dueAt.getTime() + 3_600_000),
      lateness_ms: 3_600_000,
      attention: null,
    });
  });

  test('that the network lost raises attention at the second look', async () => {
    const post = await held('scheduled');
    await person(post.externalId, { vanish: true });
    await passes(post, 20);
    const once = await look(post.id);
    expect(once).toMatchObject({ status: 'scheduled', attention: null });
    expect(minutesFromNow(once.verify_at)).toBe(5);
    await age(post.id, 5);
    expect(await look(post.id)).toMatchObject({
      status: 'scheduled',
      attention: { reason: 'vanished', choices: ['resolve_live', 'resolve_absent', 'cancel'] },
    });
  });

  test('takes the time to which a person moved it', async () => {
    const post = await held('scheduled');
    const movedTo = new Date(Math.floor(inMinutes(600).getTime() / 1000) * 1000);
    await person(post.externalId, { scheduled_publish_time: movedTo });
    const seen = await look(post.id);
    expect(seen).toMatchObject({ status: 'scheduled', version: 2, scheduled_at: movedTo });
    expect(minutesFromNow(seen.verify_at)).toBe(602);
    expect(await events(post.id)).toContain('post.rescheduled');
  });

  test('that a person published early is published, and not late', async () => {
    const post = await held('scheduled');
    await person(post.externalId, { publish: true });
    const seen = await look(post.id);
    expect(seen).toMatchObject({ status: 'published', lateness_ms: null, attention: null });
    expect(minutesFromNow(seen.published_at)).toBeCloseTo(0);
  });

  test('that a person deleted before its time is cancelled, and says why', async () => {
    const post = await held('scheduled');
    await person(post.externalId, 'deletes');
    expect(await look(post.id)).toMatchObject({ status: 'scheduled', attention: null });
    await age(post.id, 5);
    expect(await look(post.id)).toMatchObject({
      status: 'cancelled',
      attention: { reason: 'deleted_at_provider' },
      verify_at: null,
    });
  });
});

describe('a draft', () => {
  test('is looked at daily for 30 days, and not asked about any more then', async () => {
    const post = await held('drafted');
    expect(minutesFromNow((await look(post.id)).verify_at)).toBe(dayMinutes);
    await age(post.id, 30 * dayMinutes);
    const before = await it.calls(post.outlet);
    expect(await look(post.id)).toMatchObject({ status: 'drafted', verify_at: null });
    expect(await it.calls(post.outlet)).toEqual(before);
  });

  test('that a person published is published', async () => {
    const post = await held('drafted');
    await person(post.externalId, { publish: true });
    expect(await look(post.id)).toMatchObject({
      status: 'published',
      lateness_ms: null,
      attention: null,
    });
  });

  test('that a person deleted is cancelled', async () => {
    const post = await held('drafted');
    await person(post.externalId, 'deletes');
    await look(post.id);
    await age(post.id, 5);
    expect(await look(post.id)).toMatchObject({ status: 'cancelled', attention: null });
  });

  test('that is public from the start raises attention', async () => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'goes_public' });
    const id = await it.post(outlet);
    await it.reaches(id, 'drafted');
    const seen = await look(id);
    expect(seen).toMatchObject({
      status: 'published',
      attention: { reason: 'visible_unexpectedly', evidence: [{ external_id: seen.external_id }] },
    });
  });
});

describe('a look', () => {
  test('believes nothing of a post that is younger than ten minutes', async () => {
    const outlet = await it.outlet();
    const id = await it.post(outlet);
    await it.reaches(id, 'drafted');
    await it.fault(outlet, 'node', {
      kind: 'error',
      code: 100,
      subcode: 33,
      match: { method: 'GET', page_id: outlet.page.id, edge: 'node' },
    });
    const seen = await look(id);
    expect(seen).toMatchObject({ status: 'drafted', missing_at: null, attention: null });
    expect(minutesFromNow(seen.verify_at)).toBe(5);
  });

  test('that brings no news is none to whoever asks for what was updated', async () => {
    const post = await held('drafted');
    const before = await updatedAt(post.id);
    expect(minutesFromNow((await look(post.id)).verify_at)).toBe(dayMinutes);
    expect(await updatedAt(post.id)).toEqual(before);
    await person(post.externalId, { publish: true });
    await look(post.id);
    expect(await updatedAt(post.id)).not.toEqual(before);
  });

  test('that finds no budget leaves it to publishing, and is not used up', async () => {
    const post = await held('drafted');
    // Eight of ten calls are gone, two are kept for publishing.
    for (const message of ['a', 'b', 'c', 'd', 'e', 'f'])
      await it.reaches(await it.post(post.outlet, { message }), 'drafted');
    await person(post.externalId, { publish: true });
    const before = await it.calls(post.outlet);
    const seen = await look(post.id);
    expect(seen).toMatchObject({ status: 'drafted' });
    expect(minutesFromNow(seen.verify_at)).toBeGreaterThanOrEqual(60);
    expect(await it.calls(post.outlet)).toEqual(before);
    const more = await it.post(post.outlet, { message: 'still goes out' });
    await it.reaches(more, 'drafted');
    await it.fleet.db.query({ text: 'DELETE FROM social_publisher.call_usage' });
    expect(await look(post.id)).toMatchObject({ status: 'published' });
  });

  test('waits while the account does, and the account learns of a dead token', async () => {
    const post = await held('drafted');
    await it.meta.control('PATCH', 'tokens', { page_id: post.outlet.page.id, state: 'revoked' });
    const seen = await look(post.id);
    expect(seen).toMatchObject({ status: 'drafted', attention: null });
    expect(minutesFromNow(seen.verify_at)).toBeGreaterThanOrEqual(10);
    const [integration] = await it.fleet.db.query<{ status: string }>({
      text: 'SELECT status FROM social_publisher.integrations WHERE id = $1',
      values: [post.outlet.integrationId],
    });
    expect(integration?.status).toBe('needs_reconnect');
    const before = await it.calls(post.outlet);
    expect(minutesFromNow((await look(post.id)).verify_at)).toBeGreaterThanOrEqual(20);
    expect(await it.calls(post.outlet)).toEqual(before);
  });

  test('of a post that was published by us brings its permalink, once', async () => {
    const outlet = await it.outlet({ autoPublish: true });
    const id = await it.post(outlet, { publishMode: 'publish' });
    const { published_at } = await it.reaches(id, 'published');
    const seen = await look(id);
    expect(seen).toMatchObject({ verify_at: null, published_at });
    expect(seen.publish_url).toContain('/posts/');
  });
});

describe("a person's answer", () => {
  test('that a lost post is absent lets it be retried, after a look, and go out once', async () => {
    const post = await lost();
    expect(await answer(post, { outcome: 'absent' })).toMatchObject({
      status: 'missed',
      external_id: null,
      attention: null,
    });
    expect(await it.attempts(post.id)).toMatchObject([{ state: 'abandoned' }]);
    expect((await answer(post, { outcome: 'absent' })).status).toBe('missed');
    await it.fleet.db.query({ text: 'DELETE FROM social_publisher.call_usage' });
    await it.fleet.db.query({
      text: `UPDATE social_publisher.social_posts SET status = 'approved', scheduled_at = $2 WHERE id = $1`,
      values: [post.id, inMinutes(60)],
    });
    const again = await it.reaches(post.id, 'scheduled');
    expect(again.external_id).not.toBe(post.externalId);
    expect(await it.meta.posts(post.outlet.page.id)).toHaveLength(2);
    // The lost one was read by its id before anything new was made.
    const calls = (await it.calls(post.outlet)).slice(-3);
    const { externalId } = post;
    expect(calls).toEqual([`GET ${externalId}`, 'POST feed', `POST ${again.external_id}`]);
  });

  test('that a lost post is live ends the question', async () => {
    const post = await lost();
    const { scheduled_at } = await row(post.id);
    expect(await answer(post, { outcome: 'live', externalId: post.externalId })).toMatchObject({
      status: 'published',
      published_at: scheduled_at,
      attention: null,
    });
  });

  test('about another post is refused', async () => {
    const post = await lost();
    const wrong = { outcome: 'live', externalId: '1_2' } as const;
    await expect(answer(post, wrong)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('ends the question why a deleted post was cancelled', async () => {
    const post = await held('scheduled');
    await person(post.externalId, 'deletes');
    await look(post.id);
    await age(post.id, 5);
    await look(post.id);
    expect(await answer(post, { outcome: 'absent' })).toMatchObject({
      status: 'cancelled',
      attention: null,
    });
  });

  test.each([
    ['live', 'published'],
    ['absent', 'cancelled'],
  ] as const)('that a post which went public is %s leaves it %s', async (outcome, status) => {
    const outlet = await it.outlet();
    await it.fault(outlet, 'feed', { kind: 'goes_public' });
    const id = await it.post(outlet);
    await it.reaches(id, 'drafted');
    const externalId = (await look(id)).external_id ?? '';
    const given = outcome === 'live' ? { outcome, externalId } : { outcome };
    expect(await answer({ id, outlet }, given)).toMatchObject({ status, attention: null });
  });
});

describe.each(queueBackends())('looks over %s', (backend) => {
  test('are made by the background role', async () => {
    const other = await openPipeline(backend);
    try {
      await other.fleet.start('scheduler', 'publisher', 'background');
      const outlet = await other.outlet();
      const id = await other.post(outlet, { scheduledAt: inMinutes(60) });
      const { external_id } = await other.reaches(id, 'scheduled');
      await other.force(id, `verify_at = now()`);
      await until(
        'it was seen',
        async () => (await other.row(id)).publish_url?.includes('/posts/') === true,
      );
      await other.meta.control('PATCH', `posts/${external_id}`, { publish: true });
      await other.force(id, `verify_at = now()`);
      const { status } = await other.reaches(id, 'published');
      expect(status).toBe('published');
    } finally {
      await other.close();
    }
  });
});
