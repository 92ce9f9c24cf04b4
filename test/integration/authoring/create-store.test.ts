import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actOnPost, actOnPosts } from '../../../src/authoring/action-store.ts';
import { createPosts } from '../../../src/authoring/create-store.ts';
import { editPost } from '../../../src/authoring/edit-store.ts';
import { listPosts } from '../../../src/authoring/read-store.ts';
import { type Database, openDatabase } from '../../../src/db/client.ts';
import { publishersOf } from '../../../src/providers/index.ts';
import type { Publishing } from '../../../src/providers/provider.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { networksAt } from '../../support/networks.ts';
import { anIntegration, readPost, somePosts, type TestIntegration } from '../../support/rows.ts';

let database: TestDatabase;
let db: Database;
let owner: TestIntegration;
let needs: { readonly db: Database; readonly publishers: ReadonlyMap<string, Publishing> };

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({ url: database.url, maxConnections: 8 });
  owner = await anIntegration(db);
  needs = { db, publishers: publishersOf(networksAt()) };
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

function drafts(count: number): Promise<string[]> {
  return somePosts(
    db,
    owner,
    Array.from({ length: count }, (_, n) => ({ message: `m${n}`, status: 'draft' })),
  );
}

async function events(id: string): Promise<string[]> {
  const rows = await db.query<{ to_status: string }>({
    text: 'SELECT to_status FROM social_publisher.events WHERE post_id = $1 ORDER BY id',
    values: [id],
  });
  return rows.map((row) => row.to_status);
}

describe('an action', () => {
  it('asked for by ten at once happens once, and all ten hear that it holds', async () => {
    const [id = ''] = await drafts(1);
    const rows = await Promise.all(
      Array.from({ length: 10 }, () => actOnPost(needs, owner.tenantId, 'approve', { id })),
    );
    expect(rows.map((row) => row.status)).toEqual(Array.from({ length: 10 }, () => 'approved'));
    expect(await events(id)).toEqual(['draft', 'approved']);
  });

  it('of a version loses to an edit that came first', async () => {
    const [id = ''] = await drafts(1);
    await editPost(needs, owner.tenantId, id, { message: 'edited' });
    const approving = actOnPost(needs, owner.tenantId, 'approve', { id, version: 1 });
    await expect(approving).rejects.toMatchObject({ code: 'version_mismatch' });
    expect(await readPost(db, id)).toMatchObject({ status: 'draft', version: 2 });
  });

  it('judges a post again that moves between its reading and its writing', async () => {
    const [id = ''] = await drafts(1);
    let moved = false;
    const meddling: Database = {
      ...db,
      async query(statement) {
        // As a worker would, just before the conditional write.
        if (statement.name === 'author_change_status' && !moved) {
          moved = true;
          await db.query({
            text: `UPDATE social_publisher.social_posts SET internal_write = true, status = 'published' WHERE id = $1`,
            values: [id],
          });
        }
        return db.query(statement);
      },
    };
    const cancelling = actOnPost({ ...needs, db: meddling }, owner.tenantId, 'cancel', { id });
    await expect(cancelling).rejects.toMatchObject({ code: 'conflict' });
    expect(await readPost(db, id)).toMatchObject({ status: 'published' });
  });

  it('on the same posts in opposite orders ends for both', async () => {
    const ids = await drafts(200);
    const items = ids.map((id) => ({ id }));
    const [forward, backward] = await Promise.all([
      actOnPosts(needs, owner.tenantId, { action: 'approve', items }),
      actOnPosts(needs, owner.tenantId, { action: 'cancel', items: items.toReversed() }),
    ]);
    expect(backward.every(({ row }) => row?.status === 'cancelled')).toBe(true);
    expect(forward).toHaveLength(200);
    const [left] = await db.query<{ count: number }>({
      text: `SELECT count(*) FROM social_publisher.social_posts WHERE id = ANY ($1) AND status <> 'cancelled'`,
      values: [ids],
    });
    expect(left?.count).toBe(0);
  });

  it('named twice in one request happens once', async () => {
    const [id = ''] = await drafts(1);
    const outcomes = await actOnPosts(needs, owner.tenantId, {
      action: 'approve',
      items: [{ id }, { id: id.toUpperCase() }],
    });
    expect(outcomes.map(({ row }) => row?.status)).toEqual(['approved', 'approved']);
    expect(await events(id)).toEqual(['draft', 'approved']);
  });
});

const post = (integrationId: string, message: string) => ({
  id: randomUUID(),
  input: { integration_id: integrationId, message },
});

describe('creating many', () => {
  it('takes a few statements, not one for each', async () => {
    let statements = 0;
    const counting: Database = {
      ...db,
      query(statement) {
        statements += 1;
        return db.query(statement);
      },
    };
    const posts = Array.from({ length: 500 }, (_, n) => post(owner.integrationId, `n${n}`));
    const outcomes = await createPosts({ ...needs, db: counting }, owner.tenantId, posts);
    expect(outcomes.map(({ row }) => row?.message)).toEqual(
      posts.map(({ input }) => input.message),
    );
    expect(statements).toBe(3);
  });

  it('stores the others when an integration goes away between reading and writing', async () => {
    const doomed = await db.prisma.integration.create({
      data: { tenantId: owner.tenantId, provider: 'facebook', externalAccountId: 'doomed' },
    });
    let isGone = false;
    const meddling: Database = {
      ...db,
      async query(statement) {
        if (statement.name === 'author_insert_posts' && !isGone) {
          isGone = true;
          await db.prisma.integration.delete({ where: { id: doomed.id } });
        }
        return db.query(statement);
      },
    };
    const outcomes = await createPosts({ ...needs, db: meddling }, owner.tenantId, [
      post(owner.integrationId, 'stays'),
      post(doomed.id, 'goes'),
    ]);
    expect(outcomes).toMatchObject([
      { row: { message: 'stays' }, error: null },
      { row: null, error: { code: 'not_found' } },
    ]);
  });

  it('under the same ids again finds the posts as they are now', async () => {
    const posts = [post(owner.integrationId, 'one')];
    const [first] = await createPosts(needs, owner.tenantId, posts);
    await editPost(needs, owner.tenantId, posts[0]?.id ?? '', { message: 'edited' });
    const [second] = await createPosts(needs, owner.tenantId, posts);
    expect(first).toMatchObject({ row: { message: 'one', version: 1 } });
    expect(second).toMatchObject({ row: { message: 'edited', version: 2 } });
  });

  it('does not hand out the post of another tenant that has the same id', async () => {
    const stranger = await anIntegration(db);
    const mine = post(owner.integrationId, 'mine');
    await createPosts(needs, owner.tenantId, [mine]);
    const theirs = { ...mine, input: { ...mine.input, integration_id: stranger.integrationId } };
    expect(await createPosts(needs, stranger.tenantId, [theirs])).toMatchObject([
      { row: null, error: { code: 'conflict' } },
    ]);
  });
});

describe('a row that a calendar wrote by SQL', () => {
  it('is shown with media of any shape, and is not approved with them', async () => {
    const stranger = await anIntegration(db);
    const media = [{ kind: 'gif' }, { type: 'image', url: 'https://example.com/a.jpg' }];
    const [id = ''] = await somePosts(db, stranger, [{ media, status: 'draft' }]);
    const { rows } = await listPosts(db, stranger.tenantId, {}, { before: null, limit: 10 });
    const [row] = rows;
    expect(row?.media).toEqual(media);
    await expect(actOnPost(needs, stranger.tenantId, 'approve', { id })).rejects.toMatchObject({
      errors: [{ rule: 'media_shape' }],
    });
  });
});
