import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Database } from '../../src/db/client.ts';
import { migrate, pendingMigrations } from '../../src/db/migrate.ts';
import { type ContainerServices, startContainers } from '../support/containers.ts';
import { images } from '../support/docker.ts';
import { type Fleet, openFleet, until } from '../support/fleet.ts';
import { type Meta, startMeta } from '../support/meta.ts';
import { anIntegration, readPost, somePosts, type TestPost } from '../support/rows.ts';

const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);

describe.skipIf(inject('containerObstacle') !== undefined)('with services in containers', () => {
  let containers: ContainerServices;
  let meta: Meta;
  beforeAll(async () => {
    [containers, meta] = await Promise.all([startContainers(), startMeta()]);
  }, 120_000);
  afterAll(async () => {
    await meta?.close();
    await containers?.stop();
  });

  describe.each(['redis', 'postgres'] as const)('over the %s queue', (backend) => {
    let databaseUrl: string;
    let fleet: Fleet;
    beforeAll(async () => {
      databaseUrl = await containers.createDatabase();
      await migrate(databaseUrl);
      const { redisUrl } = containers;
      fleet = await openFleet({ backend, databaseUrl, metaUrl: meta.url, redisUrl });
      await fleet.start('api', 'scheduler', 'publisher', 'background');
    });
    afterAll(() => fleet?.close());

    it('has a database of PostgreSQL 15 or newer that every migration was applied to', async () => {
      const version = await versionOf(fleet.db);
      process.stdout.write(`${images.postgres} holds PostgreSQL ${version.text}\n`);
      expect(version.number).toBeGreaterThanOrEqual(150_000);
      expect(await pendingMigrations(databaseUrl)).toEqual([]);
    });

    it('puts a post of each mode and kind where it belongs, once', async () => {
      const page = await meta.page();
      const account = { accountId: page.id, token: page.token, autoPublish: true };
      const owner = await anIntegration(fleet.db, account);
      const ids = await somePosts(fleet.db, owner, postsOfEachMode(meta));
      await until(
        'all posts rest',
        async () => {
          const rows = await Promise.all(ids.map((id) => readPost(fleet.db, id)));
          return rows.every(({ status }) => resting.has(status));
        },
        30_000,
      );
      const rows = await Promise.all(ids.map((id) => readPost(fleet.db, id)));
      expect(rows.map(({ status, error }) => [status, error])).toEqual([
        ['drafted', null],
        ['drafted', null],
        ['scheduled', null],
        ['scheduled', null],
        ['published', null],
        ['published', null],
      ]);
      const made = await meta.posts(page.id);
      const seen = made.map(({ message, visibility, link, photo_ids }) => ({
        message,
        visibility,
        link,
        photos: photo_ids.length,
      }));
      expect(seen.toSorted((a, b) => String(a.message).localeCompare(String(b.message)))).toEqual([
        { message: '1 draft', visibility: 'draft', link: null, photos: 0 },
        { message: '2 draft of photos', visibility: 'draft', link: null, photos: 3 },
        { message: '3 schedule', visibility: 'scheduled', link: null, photos: 0 },
        { message: '4 schedule a photo', visibility: 'scheduled', link: null, photos: 1 },
        {
          message: '5 publish a link',
          visibility: 'published',
          link: 'https://example.com/menu',
          photos: 0,
        },
        { message: '6 publish photos', visibility: 'published', link: null, photos: 2 },
      ]);
      expect(new Set(rows.map((row) => row.external_id))).toEqual(
        new Set(made.map(({ id }) => id)),
      );
    });
  });
});

const resting = new Set(['drafted', 'scheduled', 'published', 'failed', 'missed', 'unknown']);

function postsOfEachMode(meta: Meta): TestPost[] {
  const photos = (...numbers: readonly number[]) =>
    numbers.map((number) => ({ type: 'image', url: meta.image(number) }));
  const later = { publishMode: 'schedule', scheduledAt: inDays(10) } as const;
  return [
    { message: '1 draft' },
    { message: '2 draft of photos', publishMode: 'draft', media: photos(1, 2, 3) },
    { message: '3 schedule', ...later },
    { message: '4 schedule a photo', ...later, media: photos(4) },
    { message: '5 publish a link', publishMode: 'publish', link: 'https://example.com/menu' },
    { message: '6 publish photos', publishMode: 'publish', media: photos(5, 6) },
  ];
}

async function versionOf(db: Database): Promise<{ number: number; text: string }> {
  const [row] = await db.query<{ number: number; text: string }>({
    text: `SELECT current_setting('server_version_num')::int AS number,
                  current_setting('server_version') AS text`,
  });
  if (row === undefined) throw new Error('The database named no version.');
  return row;
}
