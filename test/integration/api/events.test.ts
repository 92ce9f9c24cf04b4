import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readEvents } from '../../../src/events/store.ts';
import type { ApiAnswer, TestApi } from '../../support/api.ts';
import { type Author, anAuthor, createPostsApi, moveTo } from '../../support/posts-api.ts';

const someTime: unknown = expect.stringMatching(/Z$/);
const somePosition: unknown = expect.any(Number);

let api: TestApi;
let author: Author;
beforeAll(async () => {
  api = await createPostsApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  author = await anAuthor(api);
});

async function create(owner: Author, message: string, status = 'draft'): Promise<string> {
  const made = await api.call('POST', '/v1/posts', {
    token: owner.key,
    body: { integration_id: owner.integrationId, message, status, reference: message },
  });
  return made.body.id;
}

function events(query = '', token = author.key): Promise<ApiAnswer> {
  return api.call('GET', `/v1/events?${query}`, { token });
}

describe('events', () => {
  it('tell every status change in order, with what was then', async () => {
    const id = await create(author, 'first', 'approved');
    await moveTo(
      api,
      id,
      'published',
      `, external_id = '100_7', publish_url = 'https://fb.test/7'`,
    );
    const { status, body } = await events();
    expect(status).toBe(200);
    expect(body.data).toEqual([
      {
        position: somePosition,
        type: 'post.approved',
        post_id: id,
        tenant_id: author.id,
        integration_id: author.integrationId,
        from: null,
        to: 'approved',
        version: 1,
        at: someTime,
        data: { reference: 'first' },
      },
      {
        position: somePosition,
        type: 'post.published',
        post_id: id,
        tenant_id: author.id,
        integration_id: author.integrationId,
        from: 'approved',
        to: 'published',
        version: 1,
        at: someTime,
        data: { reference: 'first', external_id: '100_7', publish_url: 'https://fb.test/7' },
      },
    ]);
    expect(body.next_cursor).toBe(String(body.data[1]?.['position']));
  });

  it('go on from a cursor, and stay there while nothing is new', async () => {
    await create(author, 'a');
    await create(author, 'b');
    const first = await events('limit=1');
    expect(first.body.data.map((event) => event['data'])).toEqual([{ reference: 'a' }]);
    const second = await events(`limit=1&after=${first.body.next_cursor}`);
    expect(second.body.data.map((event) => event['data'])).toEqual([{ reference: 'b' }]);
    const third = await events(`after=${second.body.next_cursor}`);
    expect(third.body).toEqual({ data: [], next_cursor: second.body.next_cursor });
    await create(author, 'c');
    const fourth = await events(`after=${third.body.next_cursor}`);
    expect(fourth.body.data.map((event) => event['data'])).toEqual([{ reference: 'c' }]);
  });

  it('are told by type, and a reader passes over the others', async () => {
    const id = await create(author, 'x', 'approved');
    await moveTo(api, id, 'failed');
    await create(author, 'y');
    const found = await events('types=post.failed,post.cancelled');
    expect(found.body.data.map((event) => event['type'])).toEqual(['post.failed']);
    const all = await events();
    expect(found.body.next_cursor).toBe(all.body.next_cursor);
  });

  it("are the tenant's own, and everybody's for the operator", async () => {
    const other = await anAuthor(api);
    await create(author, 'mine');
    const start = Number((await events()).body.next_cursor);
    await create(other, 'theirs');
    await create(author, 'mine too');
    expect((await events(`after=${start}`)).body.data).toMatchObject([
      { tenant_id: author.id, data: { reference: 'mine too' } },
    ]);
    const all = await api.call('GET', `/v1/events?after=${start}`);
    expect(all.body.data).toMatchObject([{ tenant_id: other.id }, { tenant_id: author.id }]);
    const forOne = await api.call('GET', `/v1/events?after=${start}`, {
      headers: { 'tenant-id': other.id },
    });
    expect(forOne.body.data).toMatchObject([{ tenant_id: other.id }]);
  });

  it('that commit late are placed late: no cursor passes one by', async () => {
    const url = api.services.config.database;
    const client = new Client({ connectionString: url.kind === 'url' ? url.url.reveal() : '' });
    await client.connect();
    try {
      const start = Number((await events()).body.next_cursor);
      await client.query('BEGIN');
      await client.query(
        `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, reference) VALUES ($1, $2, 'early')`,
        [author.id, author.integrationId],
      );
      // Its event has the higher id, but is committed first.
      await create(author, 'late');
      const before = await events(`after=${start}`);
      expect(before.body.data.map((event) => event['data'])).toEqual([{ reference: 'late' }]);
      await client.query('COMMIT');
      const after = await events(`after=${before.body.next_cursor}`);
      expect(after.body.data.map((event) => event['data'])).toEqual([{ reference: 'early' }]);
    } finally {
      await client.end();
    }
  });

  it('come to many readers at once in one order, each once', async () => {
    const posts = Array.from({ length: 300 }, (_, n) => ({
      integration_id: author.integrationId,
      reference: String(n),
    }));
    await api.call('POST', '/v1/posts/batch', { token: author.key, body: { posts } });
    const readAll = async (): Promise<number[]> => {
      const seen: number[] = [];
      let after = 0;
      for (;;) {
        const page = await readEvents(api.db, { tenantId: author.id, after, limit: 37 });
        // A page may come short while another reader is just placing events.
        if (page.events.length === 0 && seen.length >= 300) return seen;
        seen.push(...page.events.map((event) => event.position));
        after = page.next;
      }
    };
    const [one, two, three] = await Promise.all([readAll(), readAll(), readAll()]);
    expect(one).toHaveLength(300);
    expect(new Set(one).size).toBe(300);
    expect(two).toEqual(one);
    expect(three).toEqual(one);
  });

  it('mask what looks like a token', async () => {
    const id = await create(author, 'secret', 'approved');
    const token = `EAAB${'x1'.repeat(40)}`;
    await moveTo(api, id, 'failed', `, error = '{"message":"bad ${token}"}'`);
    const { text } = await events();
    expect(text).toContain('bad [secret]');
    expect(text).not.toContain(token);
  });

  it.each([
    'after=x',
    'after=-1',
    'types=post.exploded',
    'types=',
    'limit=0',
    'limit=201',
    'cursor=1',
  ])('refuse %s', async (query) => {
    expect(await events(query)).toMatchObject({ status: 400 });
  });
});
