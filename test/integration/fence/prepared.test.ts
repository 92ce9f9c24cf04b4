import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFence } from '../../../src/fence/fence.ts';
import { dropLeftovers } from '../../../src/jobs/drop-leftovers.ts';
import { enqueueClaimed } from '../../../src/scheduler/maintenance.ts';
import { startUnfencing } from '../../../src/unfencing/unfence.ts';
import { viewFence } from '../../../src/unfencing/view.ts';
import { backUp } from '../../support/backup.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type Fleet, openFleet, until } from '../../support/fleet.ts';
import { type Meta, type MetaPage, startMeta } from '../../support/meta.ts';
import { anIntegration, readPost, somePosts, type TestIntegration } from '../../support/rows.ts';

const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000);

const hiddenOf = async ({ db }: Fleet, id: string) => {
  const [row] = await db.query<{ hidden_id: string | null; resting: boolean }>({
    text: `SELECT hidden_id, resting FROM social_publisher.publish_attempts WHERE post_id = $1`,
    values: [id],
  });
  return row?.resting === true ? row.hidden_id : null;
};
const isDue = async ({ db }: Fleet, ...due: string[]) => {
  await db.query({
    text: `UPDATE social_publisher.social_posts SET internal_write = true, scheduled_at = now(), next_run_at = now()
           WHERE id = ANY ($1::uuid[]) AND status = 'approved'`,
    values: [due],
  });
};
const allow = async ({ db }: Fleet) => {
  await db.query({ text: 'UPDATE social_publisher.integrations SET held_until = NULL' });
  await db.query({
    text: `UPDATE social_publisher.social_posts SET internal_write = true, next_run_at = now()
           WHERE status = 'approved' AND waiting ->> 'reason' = 'meta_limit'`,
  });
};
const statusOf = async (fleet: Fleet, id: string) => (await readPost(fleet.db, id)).status;

// A hidden post that the restored rows know, or do not know, never makes a second one that is seen.
describe('a backup of when posts were prepared', () => {
  let meta: Meta;
  let page: MetaPage;
  let owner: TestIntegration;
  let database: TestDatabase;
  let backup: TestDatabase;
  let restored: Fleet;
  let since: Date;
  let ids: Record<'shown' | 'album' | 'handed' | 'waiting' | 'resting' | 'soon' | 'later', string>;

  beforeAll(async () => {
    [database, meta] = await Promise.all([createTestDatabase(), startMeta()]);
    const env = { RECONCILE_INTERVAL_MS: '100' };
    const settings = { backend: 'postgres', metaUrl: meta.url, env } as const;
    const before = await openFleet({ ...settings, databaseUrl: database.url });
    await readFence(before.services);
    page = await meta.page();
    owner = await anIntegration(before.db, {
      accountId: page.id,
      token: page.token,
      autoPublish: true,
    });
    const publishMode = 'publish' as const;
    const scheduledAt = inSeconds(90);
    const media = [1, 2].map((n) => ({ type: 'image', url: meta.image(n) }));
    const wanted = [
      { message: 'shown', publishMode, scheduledAt },
      { message: 'album', publishMode, scheduledAt, media },
      { message: 'waiting', publishMode, scheduledAt },
      { message: 'resting', publishMode, scheduledAt, media: media.slice(1) },
      { message: 'soon', publishMode, scheduledAt: inSeconds(300) },
      { message: 'later', publishMode, scheduledAt: inSeconds(3_600) },
    ];
    const made = await somePosts(before.db, owner, wanted);
    const [shown = '', album = '', waiting = '', resting = '', soon = '', later = ''] = made;
    await before.start('scheduler', 'publisher');
    for (const id of [shown, album, waiting, resting]) {
      await until('it is prepared', async () => (await hiddenOf(before, id)) !== null);
    }
    // Hidden, and then refused its time for now: it rests.
    const match = { page_id: page.id, has_param: 'scheduled_publish_time' };
    await meta.control('POST', 'faults', { match, kind: 'error', code: 80001 });
    const [handed = ''] = await somePosts(before.db, owner, [
      { message: 'handed', scheduledAt: inSeconds(7_200) },
    ]);
    await until('it rests', async () => (await hiddenOf(before, handed)) !== null);
    ids = { shown, album, handed, waiting, resting, soon, later };
    since = new Date();
    await before.close();
    backup = await backUp(database.url);

    const old = await openFleet({ ...settings, databaseUrl: database.url });
    await allow(old);
    await old.start('scheduler', 'publisher');
    await isDue(old, shown, album);
    for (const id of [shown, album]) {
      await until('it is out', async () => (await statusOf(old, id)) === 'published');
    }
    await until('it is handed over', async () => (await statusOf(old, handed)) === 'scheduled');
    // Prepared after the backup: its rows know nothing of what is hidden.
    await old.db.query({
      text: `UPDATE social_publisher.social_posts SET internal_write = true,
               scheduled_at = now() + interval '1 minute', next_run_at = now() WHERE id = ANY ($1::uuid[])`,
      values: [[soon, later]],
    });
    for (const id of [soon, later]) {
      await until('it is prepared', async () => (await hiddenOf(old, id)) !== null);
    }
    await old.close();
    restored = await openFleet({ ...settings, databaseUrl: backup.url });
  }, 120_000);

  afterAll(async () => {
    await restored.close();
    await meta.close();
    await backup.drop();
    await database.drop();
  });

  const seen = async () =>
    (await meta.posts(page.id)).map(({ message, visibility }) => `${message} ${visibility}`);

  test('shows each of them once, and deletes nothing that is seen', async () => {
    expect((await seen()).toSorted()).toEqual([
      'album published',
      'handed scheduled',
      'shown published',
    ]);
    await restored.start('scheduler', 'publisher', 'background');
    await until('fenced', async () => (await viewFence(restored.services)).fenced);
    await allow(restored);
    const { finished } = await startUnfencing(restored.services, { since, by: 'a test' });
    await finished;
    await isDue(restored, ...Object.values(ids));
    const { handed, ...others } = ids;
    for (const id of Object.values(others)) {
      await until('it is out', async () => (await statusOf(restored, id)) === 'published');
    }
    await until('it is there', async () => (await statusOf(restored, handed)) === 'scheduled');
    const once = [
      'album published',
      'handed scheduled',
      'later published',
      'resting published',
      'shown published',
      'soon published',
      'waiting published',
    ];
    expect((await seen()).toSorted()).toEqual(once);

    await restored.db.query({
      text: `UPDATE social_publisher.publish_attempts SET drop_at = NULL, settled_at = settled_at - interval '1 hour',
               started_at = started_at - interval '1 hour'`,
    });
    await enqueueClaimed(restored.services, dropLeftovers);
    await until('nothing is left', async () => {
      const [row] = await restored.db.query<{ count: number }>({
        text: `SELECT count(*)::int AS count FROM social_publisher.publish_attempts
               WHERE state IN ('abandoned', 'rejected') AND hidden_at IS NOT NULL`,
      });
      return row?.count === 0;
    });
    expect((await seen()).toSorted()).toEqual(once);
    expect(await meta.effects('delete', page.id)).toEqual([]);
    for (const id of Object.values(ids)) {
      expect(await readPost(restored.db, id)).toMatchObject({ attention: null });
    }
  });
});
