import { randomUUID } from 'node:crypto';
import { Client, escapeIdentifier } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { prepareQueueBackend } from '../../../src/queue/queues.ts';
import { Secret } from '../../../src/secret.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { execute } from '../../support/postgres-server.ts';

let database: TestDatabase;
let session: Client;
const role = `nobody ${randomUUID()}`;

beforeAll(async () => {
  database = await createTestDatabase();
  await prepareQueueBackend({ kind: 'postgres', url: new Secret(database.url) });
  await execute(inject('serverUrl'), `CREATE ROLE ${escapeIdentifier(role)}`);
  session = new Client({ connectionString: database.url });
  await session.connect();
});
afterAll(async () => {
  await session.end();
  await database.drop();
  await execute(inject('serverUrl'), `DROP ROLE ${escapeIdentifier(role)}`);
});

const inOurSchemas = `nspname IN ('social_publisher', 'social_publisher_queue')`;

describe('a role that was given nothing', () => {
  it.each([
    [
      'executes no function: a new one needs its REVOKE ALL … FROM PUBLIC',
      'functions',
      `SELECT p.oid::regprocedure::text AS name, has_function_privilege($1, p.oid, 'EXECUTE') AS may
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE ${inOurSchemas}`,
    ],
    [
      'reads and writes no table',
      'tables',
      `SELECT c.oid::regclass::text AS name,
         has_table_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
         OR has_any_column_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES') AS may
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE ${inOurSchemas} AND c.relkind IN ('r', 'v', 'm', 'p')`,
    ],
    [
      'uses no sequence',
      'sequences',
      `SELECT c.oid::regclass::text AS name, has_sequence_privilege($1, c.oid, 'SELECT, UPDATE, USAGE') AS may
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE ${inOurSchemas} AND c.relkind = 'S'`,
    ],
    [
      'does not enter the schemas',
      'schemas',
      `SELECT nspname AS name, has_schema_privilege($1, oid, 'USAGE, CREATE') AS may
       FROM pg_namespace WHERE ${inOurSchemas}`,
    ],
  ])('%s', async (_title, _what, text) => {
    const { rows } = await session.query<{ name: string; may: boolean }>(text, [role]);
    expect(rows.length).toBeGreaterThan(1);
    expect(rows.filter(({ may }) => may).map(({ name }) => name)).toEqual([]);
  });
});

interface OurFunction {
  readonly name: string;
  readonly definer: boolean;
  readonly settings: readonly string[];
  readonly body: string;
}

describe('each function of ours', () => {
  let functions: readonly OurFunction[];
  beforeAll(async () => {
    const { rows } = await session.query<OurFunction>(
      `SELECT p.proname AS name, p.prosecdef AS definer, coalesce(p.proconfig, '{}') AS settings, p.prosrc AS body
       FROM pg_proc p WHERE p.pronamespace = 'social_publisher'::regnamespace ORDER BY 1`,
    );
    functions = rows;
  });

  it('searches the built-in schema and nothing else', () => {
    expect(functions.length).toBeGreaterThan(9);
    const open = functions.filter(
      ({ settings }) => !settings.includes('search_path=pg_catalog, pg_temp'),
    );
    expect(open.map(({ name }) => name)).toEqual([]);
  });

  it('that runs as the owner asks on which table before it touches the row', () => {
    const definers = functions.filter(({ definer }) => definer);
    expect(definers.map(({ name }) => name)).toEqual([
      'guard_post_delete',
      'guard_post_insert',
      'guard_post_update',
      'record_changed_posts',
      'record_created_posts',
    ]);
    const late = definers.filter(({ body }) => {
      const [declared = '', code = ''] = body.replaceAll(/--.*$/gm, '').split(/\bBEGIN\b(.*)/s);
      const asksFirst =
        /^\s*IF TG_RELID <> 'social_publisher\.social_posts'::regclass THEN\s+RAISE/;
      return /:=|\bDEFAULT\b|\b(NEW|OLD)\b/.test(declared) || !asksFirst.test(code);
    });
    expect(late.map(({ name }) => name)).toEqual([]);
  });
});
