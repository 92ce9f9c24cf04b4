import { Client } from 'pg';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  draftMigration,
  migrate,
  pendingMigrations,
  readMigrations,
} from '../../../src/db/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { execute } from '../../support/postgres-server.ts';

let database: TestDatabase;
let session: Client;
let names: string[];

beforeAll(async () => {
  names = (await readMigrations()).map(({ name }) => name);
});

beforeEach(async () => {
  database = await createEmptyDatabase();
  session = new Client({ connectionString: database.url });
  await session.connect();
  return async () => {
    await session.end();
    await database.drop();
  };
});

async function history(): Promise<object[]> {
  const { rows } = await session.query<object>(
    `SELECT migration_name, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS rolled_back
     FROM social_publisher._prisma_migrations ORDER BY started_at`,
  );
  return rows;
}

describe('migrate', () => {
  it('applies each migration once', async () => {
    expect(names).toContain('0001_init');
    expect(await pendingMigrations(database.url)).toEqual(names);
    expect(await migrate(database.url)).toEqual({ applied: names });
    expect(await pendingMigrations(database.url)).toEqual([]);
    expect(await migrate(database.url)).toEqual({ applied: [] });
    const tables = await session.query(
      "SELECT 1 FROM pg_tables WHERE schemaname = 'social_publisher' AND tablename = 'social_posts'",
    );
    expect(tables.rowCount).toBe(1);
  });

  it('lets several processes start at once', async () => {
    const results = await Promise.all([1, 2, 3, 4].map(() => migrate(database.url)));
    expect(results.flatMap(({ applied }) => applied)).toEqual(names);
    expect(await history()).toHaveLength(names.length);
  });

  it("stays out of the calendar's schema and its migration history", async () => {
    await execute(
      database.url,
      'CREATE TABLE public._prisma_migrations (id text); CREATE TABLE public.posts (id int)',
    );
    await migrate(database.url);
    const { rows } = await session.query(
      "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    );
    expect(rows).toEqual([{ tablename: '_prisma_migrations' }, { tablename: 'posts' }]);
  });

  it('runs again what a killed process left half-way', async () => {
    await migrate(database.url);
    await execute(
      database.url,
      `CREATE TEMPORARY TABLE kept AS SELECT * FROM social_publisher._prisma_migrations;
       DROP SCHEMA social_publisher CASCADE;
       CREATE SCHEMA social_publisher;
       CREATE TABLE social_publisher._prisma_migrations (LIKE kept);
       ALTER TABLE social_publisher._prisma_migrations ADD PRIMARY KEY (id);
       INSERT INTO social_publisher._prisma_migrations SELECT * FROM kept LIMIT 1;
       UPDATE social_publisher._prisma_migrations
       SET finished_at = NULL, applied_steps_count = 0, started_at = now() - interval '1 minute'`,
    );
    expect(await migrate(database.url)).toEqual({ applied: names });
    expect(await history()).toEqual([
      { migration_name: names[0], finished: false, rolled_back: true },
      ...names.map((name) => ({ migration_name: name, finished: true, rolled_back: false })),
    ]);
  });

  it('refuses a database made with another text of a migration', async () => {
    await migrate(database.url);
    await session.query("UPDATE social_publisher._prisma_migrations SET checksum = 'other'");
    await expect(migrate(database.url)).rejects.toMatchObject({ code: 'migration_edited' });
  });
});

describe('draftMigration', () => {
  it('finds nothing to do, because migrations and schema agree', async () => {
    const before = await shadowDatabases();
    expect(await draftMigration(database.url)).toBe('');
    expect(await shadowDatabases()).toEqual(before);
  });
});

async function shadowDatabases(): Promise<object[]> {
  const { rows } = await session.query<object>(
    "SELECT datname FROM pg_database WHERE datname LIKE 'social_publisher_shadow%' ORDER BY datname",
  );
  return rows;
}
