import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/db/client.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { anIntegration, readPost, somePosts, type TestIntegration } from '../../support/rows.ts';
import { openTerminal, type Terminal } from './terminal.ts';

let database: TestDatabase;
let db: Database;
let owner: TestIntegration;
let run: Terminal;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, maxConnections: 2 });
  owner = await anIntegration(db);
  // Nobody can be asked: the person's word is all there is.
  await db.query({ text: `UPDATE social_publisher.integrations SET status = 'needs_reconnect'` });
  run = openTerminal({
    DATABASE_URL: database.url,
    ADMIN_TOKEN: 'operator-token-of-the-tests',
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
  });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

async function unknownPost(message: string): Promise<string> {
  const [id = ''] = await somePosts(db, owner, [{ message }]);
  await db.query({
    text: `UPDATE social_publisher.social_posts SET internal_write = true, status = 'unknown', run = 1 WHERE id = $1`,
    values: [id],
  });
  await db.query({
    text: `INSERT INTO social_publisher.publish_attempts
             (post_id, integration_id, run, version, state, mode, content_hash, content, budget_key, sent_at)
           VALUES ($1::uuid, $2, 1, 1, 'unknown', 'draft', md5($1::uuid::text), $3, 'facebook::1', now())`,
    values: [id, owner.integrationId, JSON.stringify({ message, link: null, media: [] })],
  });
  return id;
}

it('tells where a post is that was unknown, or that it is nowhere', async () => {
  const live = await unknownPost('is there');
  const external = `${owner.accountId}_77`;
  const told = await run(['post', 'resolve', live, '--live', external]);
  expect(told.stderr).toBe('');
  expect(told.code).toBe(0);
  expect(await readPost(db, live)).toMatchObject({ status: 'drafted', external_id: external });

  const absent = await unknownPost('is not there');
  expect((await run(['post', 'resolve', absent, '--absent', '--json'])).json()).toMatchObject({
    status: 'approved',
    attention: null,
  });
});

it('wants one answer, and says what is wrong with it', async () => {
  const id = await unknownPost('which?');
  for (const line of [[], ['--absent', '--live', '1_2']]) {
    const wrong = await run(['post', 'resolve', id, ...line]);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('either --live EXTERNAL_ID or --absent');
  }
  const foreign = await run(['post', 'resolve', id, '--live', '1_2']);
  expect(foreign.stderr).toContain('not the id of a post of this account');
  expect(await readPost(db, id)).toMatchObject({ status: 'unknown' });
});
