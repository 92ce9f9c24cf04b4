import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFence } from '../../../src/fence/fence.ts';
import { startUnfencing } from '../../../src/unfencing/unfence.ts';
import { viewFence } from '../../../src/unfencing/view.ts';
import { backUp } from '../../support/backup.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type Fleet, openFleet, until } from '../../support/fleet.ts';
import { type Meta, startMeta } from '../../support/meta.ts';
import { execute } from '../../support/postgres-server.ts';
import { anIntegration, readPost, somePosts, type TestPost } from '../../support/rows.ts';

const pages = 10;
const perPage = 100;
const ahead = (ms: number) => new Date(Math.ceil((Date.now() + ms) / 1000) * 1000);
const hour = 3_600_000;

const attempt = (id: string | undefined, state: string, sentAt: string) => `
  INSERT INTO social_publisher.publish_attempts (post_id, integration_id, run, version, state, mode, content_hash,
    content, budget_key, reserved, sent_at, owned_until)
  SELECT id, integration_id, 1, version, '${state}', 'publish', id::text,
    jsonb_build_object('message', message, 'link', link, 'media', media), 'facebook::x', 1, ${sentAt}, ${sentAt}
  FROM social_publisher.social_posts WHERE id = '${id}';`;

/** The backup was taken while workers had some of the posts: one queued, one prepared, one just sent. */
const inTheMiddle = (ids: readonly string[]) => {
  const [queued, prepared, sent] = [ids[7], ids[8], ids[9]];
  return `
    UPDATE social_publisher.social_posts SET internal_write = true, run = 1, lease_until = now(),
      status = CASE WHEN id = '${queued}' THEN 'queued' ELSE 'publishing' END
    WHERE id IN ('${queued}', '${prepared}', '${sent}');
    ${attempt(prepared, 'prepared', 'NULL')} ${attempt(sent, 'sent', 'now()')}`;
};

describe('a backup that is restored after its posts went out', () => {
  let meta: Meta;
  let database: TestDatabase;
  let backup: TestDatabase;
  let restored: Fleet;
  let since: Date;
  const ids: string[] = [];
  const future: string[] = [];
  const neverSent: string[] = [];

  /** Every kind, some of them equal on purpose; all of it goes out at once or is handed over at once. */
  const kindsOf = (page: number, count: number): TestPost[] =>
    Array.from({ length: count }, (_, n): TestPost => {
      const message = `Page ${page}, post ${n}`;
      const photo = { type: 'image', url: meta.image(n) };
      switch (n % 10) {
        case 0:
          return { message, publishMode: 'draft' };
        case 1:
          return { message, scheduledAt: ahead(5 * hour + n * 60_000) };
        case 2:
          return { message, publishMode: 'publish', media: [photo] };
        case 3:
          return { message, publishMode: 'publish', media: [photo, photo, photo] };
        case 4:
          return { message: '', publishMode: 'publish', link: `https://example.com/${page}/${n}` };
        case 5:
          return { message: 'The same every week', publishMode: 'publish' };
        case 6:
          return { message: 'The same, by schedule', scheduledAt: ahead((24 + n) * hour) };
        default:
          return { message: `${message}  \r\nwith lines `, publishMode: 'publish' };
      }
    });

  beforeAll(async () => {
    [database, meta] = await Promise.all([createTestDatabase(), startMeta()]);
    const env = { RECONCILE_INTERVAL_MS: '100', FACEBOOK_CALLS_PER_HOUR: '5000' };
    const settings = { backend: 'postgres', metaUrl: meta.url, env } as const;
    const before = await openFleet({ ...settings, databaseUrl: database.url });
    // The installation learns what it is.
    await readFence(before.services);
    for (let page = 0; page < pages; page += 1) {
      const made = await meta.page();
      const owner = await anIntegration(before.db, {
        accountId: made.id,
        token: made.token,
        autoPublish: true,
      });
      ids.push(...(await somePosts(before.db, owner, kindsOf(page, perPage))));
      const [later = '', dropped = ''] = await somePosts(before.db, owner, [
        { message: `later ${page}`, publishMode: 'publish', scheduledAt: ahead(2 * hour) },
        { message: `dropped ${page}`, publishMode: 'publish' },
      ]);
      future.push(later);
      neverSent.push(dropped);
    }
    since = new Date();
    // A database can only be copied while nobody uses it.
    await before.close();
    backup = await backUp(database.url);
    await execute(backup.url, inTheMiddle(ids));
    const old = await openFleet({ ...settings, databaseUrl: database.url });
    // What happens after the backup: some are called off, the others go out.
    await old.db.query({
      text: `UPDATE social_publisher.social_posts SET status = 'cancelled' WHERE id = ANY ($1::uuid[])`,
      values: [neverSent],
    });
    await old.start('scheduler', 'publisher');
    await until('all are out', () => allOut(old), 240_000);
    await old.close();
    restored = await openFleet({ ...settings, databaseUrl: backup.url });
  }, 300_000);

  afterAll(async () => {
    await restored.close();
    await meta.close();
    await backup.drop();
    await database.drop();
  });

  const allOut = async (fleet: Fleet) => {
    const [row] = await fleet.db.query<{ count: number }>({
      text: `SELECT count(*)::int AS count FROM social_publisher.social_posts
             WHERE id = ANY ($1::uuid[]) AND status IN ('published', 'scheduled', 'drafted')`,
      values: [ids],
    });
    return row?.count === ids.length;
  };
  const statuses = (wanted: readonly string[]) =>
    restored.db.query<{ status: string; count: number }>({
      text: `SELECT status, count(*)::int AS count FROM social_publisher.social_posts
             WHERE id = ANY ($1::uuid[]) GROUP BY status ORDER BY status`,
      values: [wanted],
    });

  test('sends nothing and loses nothing while it is fenced, and says why', async () => {
    const sent = (await meta.posts()).length;
    expect(sent).toBe(ids.length);
    await restored.start('scheduler', 'publisher', 'background');
    await until('fenced', async () => (await viewFence(restored.services)).fenced);
    // Long enough for every loop of the scheduler, at its slowest, to have come by.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect((await meta.posts()).length).toBe(sent);
    expect(await statuses([...ids, ...future, ...neverSent])).toEqual([
      { status: 'approved', count: ids.length + 2 * pages - 3 },
      { status: 'publishing', count: 2 },
      { status: 'queued', count: 1 },
    ]);
    expect((await viewFence(restored.services)).reason).toContain('the database');
  });

  test('is unfenced with every post bound to what is there, and sends none again', async () => {
    const before = await meta.posts();
    const { finished } = await startUnfencing(restored.services, { since, by: 'a test' });
    await finished;
    const view = await viewFence(restored.services);
    expect(view.unfencing).toMatchObject({
      state: 'done',
      accounts: pages,
      accounts_done: pages,
      bound: ids.length,
      absent: pages,
      ambiguous: 0,
      unseen: 0,
    });
    expect(view.fenced).toBe(false);
    expect(await allOut(restored)).toBe(true);

    // Only what had been called off after the backup was never there: it goes out, once.
    const isOut = async () =>
      (await statuses([...ids, ...neverSent])).every(
        ({ status }) => status !== 'approved' && status !== 'queued' && status !== 'publishing',
      );
    await until('the rest is out', isOut, 60_000);
    expect(await statuses(neverSent)).toEqual([{ status: 'published', count: pages }]);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const after = await meta.posts();
    expect(after.length).toBe(before.length + pages);
    expect(new Set(after.map((post) => post.id)).size).toBe(after.length);
    expect(await statuses(future)).toEqual([{ status: 'approved', count: pages }]);
  }, 120_000);

  test('binds each post to its own, with its attempt and what was seen as evidence', async () => {
    const rows = await restored.db.query<{ message: string; external_id: string; status: string }>({
      text: `SELECT message, external_id, status FROM social_publisher.social_posts WHERE id = ANY ($1::uuid[])`,
      values: [ids],
    });
    const shown = new Map((await meta.posts()).map((post) => [post.id, post.message ?? '']));
    for (const row of rows) {
      expect(shown.get(row.external_id)?.trim()).toBe(row.message.replaceAll('\r\n', '\n').trim());
    }
    const attempts = await restored.db.query<{ count: number }>({
      text: `SELECT count(*)::int AS count FROM social_publisher.publish_attempts
             WHERE post_id = ANY ($1::uuid[]) AND state = 'confirmed' AND jsonb_array_length(evidence) = 1`,
      values: [ids],
    });
    expect(attempts[0]?.count).toBe(ids.length);
    expect(await readPost(restored.db, ids[0] ?? '')).toMatchObject({ status: 'drafted' });
  });
});
