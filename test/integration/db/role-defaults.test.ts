import { Client } from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/db/client.ts';
import { turnJitOff } from '../../../src/db/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { execute } from '../../support/postgres-server.ts';

let testDatabase: TestDatabase;
let name: string;
let database: Database;
let told: string[];

const logger = {
  info: (_fields: object, message: string) => void told.push(`info: ${message}`),
  warn: (_fields: object, message: string) => void told.push(`warn: ${message}`),
};

beforeEach(async () => {
  told = [];
  testDatabase = await createEmptyDatabase();
  name = new URL(testDatabase.url).pathname.slice(1);
  await execute(testDatabase.url, `ALTER DATABASE "${name}" SET jit = on`);
  database = openDatabase({ url: testDatabase.url });
});

afterEach(async () => {
  await database.close();
  await testDatabase.drop();
});

/** As a pooler gives it to us: with nothing set by the program. */
async function jitOfNewConnection(): Promise<unknown> {
  const client = new Client({ connectionString: testDatabase.url });
  await client.connect();
  const { rows } = await client.query<{ jit: string }>('SHOW jit');
  await client.end();
  return rows[0]?.jit;
}

it('gives the role connections that compile no plans, whoever opens them', async () => {
  expect(await jitOfNewConnection()).toBe('on');
  await turnJitOff(database, logger);
  expect(await jitOfNewConnection()).toBe('off');
  expect(told).toEqual(['info: JIT compilation turned off for new connections of the pooler']);
});

it('changes nothing where it is off already', async () => {
  await execute(testDatabase.url, `ALTER DATABASE "${name}" SET jit = off`);
  await turnJitOff(database, logger);
  expect(told).toEqual([]);
});

it('lets several processes start at once', async () => {
  await Promise.all([1, 2, 3, 4].map(() => turnJitOff(database, logger)));
  expect(await jitOfNewConnection()).toBe('off');
  expect(told.filter((line) => line.startsWith('warn'))).toEqual([]);
});

it('tells the operator what to do where the role may not be altered', async () => {
  await execute(
    testDatabase.url,
    `ALTER DATABASE "${name}" SET default_transaction_read_only = on`,
  );
  await turnJitOff(database, logger);
  expect(await jitOfNewConnection()).toBe('on');
  expect(told).toEqual([
    'warn: JIT compilation is on behind the pooler and slows every post down: run this statement as an administrator',
  ]);
});
