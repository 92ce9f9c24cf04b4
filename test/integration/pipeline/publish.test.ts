import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type Fleet, openFleet, until } from '../../support/fleet.ts';
import { type Meta, startMeta } from '../../support/meta.ts';
import { queueBackends } from '../../support/redis.ts';
import { anIntegration, readPost, somePosts, type TestPost } from '../../support/rows.ts';

const settled = new Set(['published', 'scheduled', 'drafted', 'failed', 'missed', 'unknown']);
const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000);

describe.each(queueBackends())('publishing over %s', (backend) => {
  let database: TestDatabase;
  let meta: Meta;
  let fleet: Fleet;

  beforeAll(async () => {
    [database, meta] = await Promise.all([createTestDatabase(), startMeta()]);
    fleet = await openFleet({ backend, databaseUrl: database.url, metaUrl: meta.url });
    await fleet.start('scheduler', 'publisher');
  });
  afterAll(async () => {
    await fleet.close();
    await meta.close();
    await database.drop();
  });

  const publish = async (post: TestPost, options: { autoPublish?: boolean } = {}) => {
    const page = await meta.page();
    const owner = await anIntegration(fleet.db, {
      ...options,
      accountId: page.id,
      token: page.token,
    });
    const [id = ''] = await somePosts(fleet.db, owner, [post]);
    await until(`${id} is settled`, async () => settled.has((await readPost(fleet.db, id)).status));
    return { page, owner, row: await readPost(fleet.db, id), posts: await meta.posts(page.id) };
  };

  test('makes a draft of a post without a time', async () => {
    const { page, row, posts } = await publish({ message: 'a draft' });
    expect(posts).toMatchObject([{ visibility: 'draft', message: 'a draft' }]);
    expect(row).toMatchObject({
      status: 'drafted',
      external_id: posts[0]?.id,
      publish_url: `${meta.url}/${posts[0]?.id}`,
      error: null,
      waiting: null,
      attention: null,
    });
    expect(posts[0]?.id.startsWith(`${page.id}_`)).toBe(true);
  });

  test('hands a post with a time to the scheduler of the network, to the second', async () => {
    const scheduledAt = new Date(Math.ceil(inMinutes(60 * 24 * 10).getTime() / 1000) * 1000);
    const { row, posts } = await publish({ message: 'later', scheduledAt });
    expect(row.status).toBe('scheduled');
    expect(posts).toMatchObject([
      {
        visibility: 'scheduled',
        scheduled_publish_time: scheduledAt.toISOString(),
      },
    ]);
  });

  test('publishes at once for a tenant that opted in, and measures lateness', async () => {
    const scheduledAt = new Date(Date.now() - 1000);
    const { row, posts } = await publish(
      { message: 'now', publishMode: 'publish', scheduledAt },
      { autoPublish: true },
    );
    expect(posts).toMatchObject([{ visibility: 'published', message: 'now' }]);
    expect(row.status).toBe('published');
    expect(row.lateness_ms).toBeGreaterThanOrEqual(1000);
    expect(row.lateness_ms).toBeLessThan(10_000);
  });

  test('publishes at the due time, not before', async () => {
    const latenesses: number[] = [];
    // A busy machine is late for some.
    while (latenesses.length < 4 && !latenesses.some((ms) => ms < 1000)) {
      const scheduledAt = new Date(Date.now() + 1500);
      const { row } = await publish(
        { message: 'in a moment', publishMode: 'publish', scheduledAt },
        { autoPublish: true },
      );
      expect(row.status).toBe('published');
      latenesses.push(row.lateness_ms ?? Number.NaN);
    }
    expect(Math.min(...latenesses)).toBeGreaterThanOrEqual(0);
    expect(Math.min(...latenesses)).toBeLessThan(1000);
  });

  test('refuses to publish for a tenant that did not opt in', async () => {
    const { row, posts } = await publish({ publishMode: 'publish' });
    expect(posts).toEqual([]);
    expect(row).toMatchObject({
      status: 'failed',
      error: { class: 'invalid', key: 'auto_publish_required' },
    });
  });

  test('attaches ten photos in order and keeps the schedule time', async () => {
    const media = Array.from({ length: 10 }, (_, index) => ({
      type: 'image',
      url: meta.image(index),
    }));
    const { page, row, posts } = await publish({ media, scheduledAt: inMinutes(60) });
    expect(row.status).toBe('scheduled');
    const photos = await meta.effects('photo', page.id);
    expect(photos).toHaveLength(10);
    expect(posts).toHaveLength(1);
    expect(posts[0]?.photo_ids).toEqual(photos.map((photo) => photo.id));
    expect(posts[0]?.scheduled_publish_time).not.toBeNull();
  });

  test('refuses the whole post when one of its photos is refused', async () => {
    const media = [meta.image(1), meta.tornImage, meta.image(2)].map((url) => ({
      type: 'image',
      url,
    }));
    const { row, posts } = await publish({ media });
    expect(posts).toEqual([]);
    expect(row.status).toBe('failed');
    expect(row.error).toMatchObject({ class: 'invalid' });
  });

  test('makes a draft with attention of a post asked for nearer than ten minutes', async () => {
    const { row, posts } = await publish({ scheduledAt: inMinutes(5) });
    expect(posts).toMatchObject([{ visibility: 'draft' }]);
    expect(row).toMatchObject({ status: 'drafted', attention: { reason: 'outside_window' } });
  });

  test('says missed of a post whose time is past the limit, and sends nothing', async () => {
    const { row, posts } = await publish({ scheduledAt: inMinutes(-121) });
    expect(posts).toEqual([]);
    expect(row).toMatchObject({ status: 'missed', attention: { reason: 'missed' } });
  });

  test('holds a post beyond the window', async () => {
    const page = await meta.page();
    const owner = await anIntegration(fleet.db, { accountId: page.id, token: page.token });
    const scheduledAt = inMinutes(100 * 24 * 60);
    const [id = ''] = await somePosts(fleet.db, owner, [{ scheduledAt }]);
    await until('planned', async () => (await readPost(fleet.db, id)).next_run_at !== null);
    const row = await readPost(fleet.db, id);
    expect(row).toMatchObject({ status: 'approved', waiting: { reason: 'window' } });
    const windowOpensAt = scheduledAt.getTime() - 75 * 86_400_000;
    expect(row.next_run_at?.getTime()).toBe(windowOpensAt + 60_000);
    expect(await meta.posts(page.id)).toEqual([]);
  });

  test('holds a far post until 29 days when the page takes no more, and asks no sooner', async () => {
    const page = await meta.page({ max_schedule_days: 30 });
    const owner = await anIntegration(fleet.db, { accountId: page.id, token: page.token });
    const scheduledAt = inMinutes(60 * 24 * 60);
    const [id = ''] = await somePosts(fleet.db, owner, [{ scheduledAt }]);
    const isHeld = async (post: string) =>
      Number((await readPost(fleet.db, post)).next_run_at) > Date.now() + 86_400_000;
    await until('held', () => isHeld(id));
    const row = await readPost(fleet.db, id);
    expect(row).toMatchObject({ status: 'approved', waiting: { reason: 'window' } });
    expect(row.next_run_at?.getTime()).toBe(scheduledAt.getTime() - 29 * 86_400_000 + 60_000);
    expect(await meta.posts(page.id)).toEqual([]);
    // A second one is not even offered.
    const before = (await meta.requests(page.id)).length;
    const [other = ''] = await somePosts(fleet.db, owner, [{ message: 'other', scheduledAt }]);
    await until('held', () => isHeld(other));
    expect((await meta.requests(page.id)).length).toBe(before);
  });

  test('asks a person when the answer was lost, and never sends again', async () => {
    const page = await meta.page();
    const owner = await anIntegration(fleet.db, { accountId: page.id, token: page.token });
    await meta.control('POST', 'faults', {
      match: { page_id: page.id, edge: 'feed', method: 'POST' },
      kind: 'reset',
      when: 'after',
    });
    const [id = ''] = await somePosts(fleet.db, owner, [{ message: 'lost answer' }]);
    await until('unknown', async () => (await readPost(fleet.db, id)).status === 'unknown');
    expect(await readPost(fleet.db, id)).toMatchObject({
      attention: null,
      waiting: { reason: 'reconcile' },
      error: { class: 'unknown_outcome' },
    });
    expect(await meta.posts(page.id)).toHaveLength(1);
  });
});
