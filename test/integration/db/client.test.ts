import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/db/client.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { execute } from '../../support/postgres-server.ts';

let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ url: testDatabase.url, maxConnections: 4 });
  await execute(
    testDatabase.url,
    'CREATE TABLE public.numbers (id int PRIMARY KEY, n int NOT NULL)',
  );
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

async function one(text: string, values: readonly unknown[] = []): Promise<unknown> {
  const rows = await database.query<{ value: unknown }>({ text, values });
  return rows[0]?.value;
}

describe('connections', () => {
  it('commit to disk even where the database says otherwise', async () => {
    const name = new URL(testDatabase.url).pathname.slice(1);
    await execute(testDatabase.url, `ALTER DATABASE "${name}" SET synchronous_commit = off`);
    const later = openDatabase({ url: testDatabase.url });
    const shown = "SELECT current_setting('synchronous_commit') AS value";
    const outside = await later.query({ text: shown });
    const inside = await later.transaction((tx) => tx.query({ text: shown }));
    await later.close();
    expect({ outside, inside }).toEqual({ outside: [{ value: 'on' }], inside: [{ value: 'on' }] });
  });

  it('commit to disk inside a transaction even where a pooler handed out another connection', async () => {
    await database.query({ text: "SELECT set_config('synchronous_commit', 'off', false)" });
    const settings = await Promise.all(
      Array.from({ length: 4 }, () =>
        database.transaction((tx) =>
          tx.query({
            text: "SELECT current_setting('synchronous_commit') AS value, pg_sleep(0.02)::text",
          }),
        ),
      ),
    );
    expect(settings.map((rows) => rows[0])).toEqual(
      Array.from({ length: 4 }, () => ({ value: 'on', pg_sleep: '' })),
    );
  });

  it('compile no plans, even where the database says otherwise', async () => {
    const name = new URL(testDatabase.url).pathname.slice(1);
    await execute(testDatabase.url, `ALTER DATABASE "${name}" SET jit = on`);
    const later = openDatabase({ url: testDatabase.url });
    const shown = await later.query({ text: 'SHOW jit' });
    await later.close();
    expect(shown).toEqual([{ jit: 'off' }]);
  });

  it('speak UTC and return numbers and instants', async () => {
    const rows = await database.query({
      text: `SELECT current_setting('TimeZone') AS zone, 9007199254740991::bigint AS count,
        9007199254740993::bigint AS beyond, '2026-11-20T10:00:00+02:00'::timestamptz AS instant,
        '2026-11-20T10:00:00'::timestamp AS wall, '2026-11-20'::date AS day`,
    });
    expect(rows).toEqual([
      {
        zone: 'UTC',
        count: 9007199254740991,
        beyond: 9007199254740993n,
        instant: new Date('2026-11-20T08:00:00Z'),
        wall: new Date('2026-11-20T10:00:00Z'),
        day: '2026-11-20',
      },
    ]);
  });

  it('survive being closed by the server', async () => {
    await Promise.all([1, 2, 3].map(() => one('SELECT pg_sleep(0.02)::text AS value')));
    await execute(
      testDatabase.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    await expect.poll(() => one('SELECT 1 AS value').catch(() => 'lost')).toBe(1);
  });

  it('give Prisma and plain SQL the same rows', async () => {
    expect(await database.prisma.$queryRawUnsafe('SELECT 1 AS value')).toEqual([{ value: 1 }]);
  });

  it('answer a ping only while the database does', async () => {
    await expect(database.ping()).resolves.toBeUndefined();
    const nowhere = openDatabase({ url: 'postgresql://postgres@127.0.0.1:1/none' });
    await expect(nowhere.ping()).rejects.toThrow(/ECONNREFUSED/);
    await nowhere.close();
  });
});

describe('named statements', () => {
  it('go on after a newer version changed their columns', async () => {
    const statement = { name: 'all_numbers', text: 'SELECT * FROM public.numbers WHERE id < 0' };
    await Promise.all([1, 2, 3].map(() => database.query(statement)));
    await execute(testDatabase.url, 'ALTER TABLE public.numbers ADD COLUMN note text');
    expect(await database.query(statement)).toEqual([]);
    await execute(testDatabase.url, 'ALTER TABLE public.numbers DROP COLUMN note');
    expect(await database.transaction((tx) => tx.query(statement))).toEqual([]);
  });
});

describe('a transaction', () => {
  it('keeps nothing of work that throws', async () => {
    const failing = database.transaction(async (tx) => {
      await tx.query({ text: 'INSERT INTO public.numbers VALUES (1, 1)' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await one('SELECT count(*) AS value FROM public.numbers WHERE id = 1')).toBe(0);
  });

  it('does not pass for committed when an error inside it was swallowed', async () => {
    const swallowing = database.transaction(async (tx) => {
      await tx.query({ text: 'INSERT INTO public.numbers VALUES (2, 2)' });
      await tx.query({ text: 'SELECT 1 / 0' }).catch(() => undefined);
    });
    await expect(swallowing).rejects.toThrow(/rolled back/);
    expect(await one('SELECT count(*) AS value FROM public.numbers WHERE id = 2')).toBe(0);
  });

  it('runs again after a deadlock', async () => {
    await database.query({ text: 'INSERT INTO public.numbers VALUES (10, 0), (11, 0)' });
    const bothHoldOne = barrier(2);
    const add = (first: number, second: number) =>
      database.transaction(async (tx) => {
        const text = 'UPDATE public.numbers SET n = n + 1 WHERE id = $1';
        await tx.query({ text, values: [first] });
        await bothHoldOne();
        await tx.query({ text, values: [second] });
      });
    await Promise.all([add(10, 11), add(11, 10)]);
    expect(
      await database.query({ text: 'SELECT n FROM public.numbers WHERE id IN (10, 11)' }),
    ).toEqual([{ n: 2 }, { n: 2 }]);
  });
});

/** Lets the first `size` callers go on together, and every later one at once. */
function barrier(size: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let arrived = 0;
  return () => {
    arrived += 1;
    if (arrived === size) resolve();
    return promise;
  };
}
