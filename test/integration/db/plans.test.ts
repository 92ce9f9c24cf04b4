import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { Database, Sql } from '../../../src/db/client.ts';
import { startRole } from '../../../src/roles.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type Fleet, openFleet, until } from '../../support/fleet.ts';
import { type Meta, startMeta } from '../../support/meta.ts';
import { execute } from '../../support/postgres-server.ts';
import { anIntegration, readPost, somePosts } from '../../support/rows.ts';

/** What runs once or more a post, and what every scheduler runs every second or two. */
const hotStatements = [
  'posts_lock_unplanned',
  'posts_change',
  'posts_agenda',
  'posts_claim_due',
  'posts_read_publish',
  'attempts_lock_queued',
  'budgets_lock',
  'budgets_load',
  'budgets_book',
  'attempts_open',
  'attempts_save_staged',
  'attempts_mark_sent',
  'attempts_close',
  'posts_claim_read_backs',
  'posts_load_held',
  'pauses_read',
  'posts_take_overdue_queued',
  'posts_release_unsent',
  'attempts_abandon_overtaken',
  'attempts_declare_unknown',
  'posts_declare_missed',
  'posts_tell_paused',
  'posts_tell_held',
  'posts_tell_held_looks',
  'attempts_claim_looks',
  'posts_claim_changes',
  'integrations_claim_probes',
  'replays_claim_items',
  'canaries_send',
];
const manyPosts = 10_000;

let database: TestDatabase;
let meta: Meta;
let fleet: Fleet;
let session: Client;
let texts: ReadonlyMap<string, string>;

beforeAll(async () => {
  [database, meta] = await Promise.all([createTestDatabase(), startMeta()]);
  fleet = await openFleet({ backend: 'postgres', databaseUrl: database.url, metaUrl: meta.url });
  await plantPosts(fleet.db);
  session = new Client({ connectionString: database.url });
  await session.connect();
  texts = await recordStatements();
});

afterAll(async () => {
  await session.end();
  await fleet.close();
  await meta.close();
  await database.drop();
});

test('no plan of what runs per post or per second costs so much that PostgreSQL compiles it', async () => {
  expect([...texts.keys()]).toEqual(expect.arrayContaining(hotStatements));
  await session.query(`SET jit = on; SET plan_cache_mode = force_generic_plan`);
  const { rows } = await session.query<{ limit: string }>(
    `SELECT current_setting('jit_above_cost') AS limit`,
  );
  for (const [name, text] of texts) {
    const plan = await explainPrepared(name, text);
    expect(plan, `${name}, as it is kept for a session`).not.toHaveProperty('JIT');
    expect(plan.Plan['Total Cost'], `cost of ${name}`).toBeLessThan(Number(rows[0]?.limit));
  }
});

test('a post whose id is known is found by it, also while statistics say that hardly any has its status', async () => {
  await session.query(`SET plan_cache_mode = force_generic_plan`);
  for (const name of ['attempts_lock_queued', 'attempts_mark_sent', 'posts_change']) {
    const plan = JSON.stringify(await explainPrepared(`${name}_by_id`, texts.get(name) ?? ''));
    expect(plan, name).toContain('social_posts_pkey');
    expect(plan, name).not.toContain('social_posts_in_flight');
  }
});

test('the events of one changed post cost little, and those of ten times as many ten times as much', async () => {
  await session.query('SET jit = on');
  // The first call makes the plan that the session keeps.
  const [, ...one] = [await timeEvents(1), await timeEvents(1), await timeEvents(1)];
  const thousand = [await timeEvents(1_000), await timeEvents(1_000), await timeEvents(1_000)];
  const all = [await timeEvents(manyPosts), await timeEvents(manyPosts)];
  expect(Math.min(...one) * 20).toBeLessThan(Math.min(...all));
  expect(Math.min(...all)).toBeLessThan(Math.min(...thousand) * 30);
});

test('events are written of our own table and of no other', async () => {
  await session.query(
    `CREATE TABLE elsewhere AS SELECT * FROM social_publisher.social_posts LIMIT 1`,
  );
  await session.query(`CREATE TRIGGER forged AFTER UPDATE ON elsewhere
    REFERENCING OLD TABLE AS old_posts NEW TABLE AS new_posts
    FOR EACH STATEMENT EXECUTE FUNCTION social_publisher.record_changed_posts()`);
  await expect(session.query(`UPDATE elsewhere SET status = 'published'`)).rejects.toThrow(
    'record_changed_posts() belongs to social_publisher.social_posts, not to public.elsewhere',
  );
  const { rows } = await session.query(
    `SELECT has_function_privilege('public', 'social_publisher.record_changed_posts()', 'EXECUTE') AS allowed`,
  );
  expect(rows).toEqual([{ allowed: false }]);
});

/** Posts of fifty accounts that are due some day: a table of a size at which a bad plan shows. */
async function plantPosts(db: Database): Promise<void> {
  for (let account = 0; account < 50; account += 1) {
    const { tenantId, integrationId } = await anIntegration(db);
    await db.query({
      text: `INSERT INTO social_publisher.social_posts
               (tenant_id, integration_id, status, message, publish_mode, scheduled_at)
             SELECT $1, $2, 'approved', 'post ' || n, 'schedule', clock_timestamp() + interval '100 days'
             FROM generate_series(1, $3::int) n`,
      values: [tenantId, integrationId, manyPosts / 50],
    });
  }
  await db.query({
    text: `UPDATE social_publisher.social_posts SET internal_write = true, next_run_at = scheduled_at - interval '75 days'`,
  });
  await execute(database.url, 'VACUUM ANALYZE');
}

/** Publishes posts of each kind with all roles, and keeps the text of every named statement. */
async function recordStatements(): Promise<ReadonlyMap<string, string>> {
  const seen = new Map<string, string>();
  const services = { ...fleet.services, db: recording(fleet.db, seen) };
  const roles = await Promise.all(
    (['scheduler', 'publisher', 'background'] as const).map((role) =>
      startRole(role, services, database.url),
    ),
  );
  try {
    const page = await meta.page();
    const owner = { accountId: page.id, token: page.token, autoPublish: true };
    const ids = await somePosts(fleet.db, await anIntegration(fleet.db, owner), [
      { message: 'at once', publishMode: 'publish' },
      { media: [{ type: 'image', url: meta.image(1) }], publishMode: 'publish' },
      { message: 'a draft' },
    ]);
    for (const id of ids) {
      await until(`${id} is at the network`, async () =>
        ['published', 'drafted'].includes((await readPost(fleet.db, id)).status),
      );
    }
    await fleet.db.query({
      text: `UPDATE social_publisher.social_posts SET internal_write = true, verify_at = clock_timestamp()
             WHERE status = 'drafted'`,
    });
    await until('everything due was done', async () =>
      hotStatements.every((name) => seen.has(name)),
    );
  } finally {
    await Promise.all(roles.map((role) => role.close(5_000)));
  }
  return seen;
}

function recording(db: Database, seen: Map<string, string>): Database {
  const noting = (sql: Sql): Sql => ({
    query: (statement) => {
      if (statement.name !== undefined) seen.set(statement.name, statement.text);
      return sql.query(statement);
    },
  });
  return { ...db, ...noting(db), transaction: (work) => db.transaction((tx) => work(noting(tx))) };
}

const plans = z.tuple([
  z.looseObject({
    Plan: z.looseObject({ 'Total Cost': z.number() }),
    Triggers: z.array(z.looseObject({ 'Trigger Name': z.string(), Time: z.number() })).optional(),
  }),
]);

/** The generic plan, which a session keeps: it does not depend on the values. */
async function explainPrepared(name: string, text: string) {
  await session.query(`PREPARE ${name} AS ${text}`);
  const { rows } = await session.query<{ parameters: number }>(
    'SELECT cardinality(parameter_types) AS parameters FROM pg_prepared_statements WHERE name = $1',
    [name],
  );
  const nothing = Array.from({ length: rows[0]?.parameters ?? 0 }, () => 'NULL').join(', ');
  const call = nothing === '' ? name : `${name} (${nothing})`;
  return explain(`EXPLAIN (FORMAT JSON) EXECUTE ${call}`);
}

/** Milliseconds that the trigger took to write the events of so many posts. */
async function timeEvents(posts: number): Promise<number> {
  const plan = await explain(
    `EXPLAIN (ANALYZE, FORMAT JSON) UPDATE social_publisher.social_posts p SET internal_write = true,
       status = CASE p.status WHEN 'in_review' THEN 'draft' ELSE 'in_review' END
     WHERE id = ANY (ARRAY(SELECT id FROM social_publisher.social_posts
       WHERE publish_mode = 'schedule' ORDER BY id LIMIT ${posts}))`,
  );
  const trigger = plan.Triggers?.find((one) => one['Trigger Name'] === 'b_record_changed');
  if (trigger === undefined) throw new Error('the trigger did not run');
  return trigger.Time;
}

async function explain(statement: string) {
  const { rows } = await session.query<{ 'QUERY PLAN': unknown }>(statement);
  return plans.parse(rows[0]?.['QUERY PLAN'])[0];
}
