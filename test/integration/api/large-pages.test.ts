import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestApi } from '../../support/api.ts';
import { type Author, anAttempt, anAuthor, createPostsApi } from '../../support/posts-api.ts';

const mostBytes = 8.1 * 1024 * 1024;
let api: TestApi;
beforeAll(async () => {
  api = await createPostsApi();
});
afterAll(() => api.close());

async function write(author: Author, message: string, count: number): Promise<string[]> {
  const rows = await api.db.query<{ id: string }>({
    text: `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message)
           SELECT $1, $2, 'draft', $3 FROM generate_series(1, $4) RETURNING id`,
    values: [author.id, author.integrationId, message, count],
  });
  return rows.map(({ id }) => id).toSorted((one, other) => (one < other ? 1 : -1));
}

/** Every page from the first to the last, each within its bounds. */
async function walk(path: string, token: string): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = `limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const page = await api.call('GET', `${path}?${query}`, { token });
    expect(page.status).toBe(200);
    expect(page.text.length).toBeLessThan(mostBytes);
    pages.push(page.body.data.map(({ id }) => id));
    cursor = page.body.next_cursor;
  }
  return pages;
}

describe('a list of large items', () => {
  it.each([
    ['that are large in the table', 'x'.repeat(100_000), 200],
    ['that grow when they are written as JSON', '\u0001'.repeat(100_000), 30],
  ])('%s ends its pages early and passes over nothing', async (_name, message, count) => {
    const author = await anAuthor(api);
    const ids = await write(author, message, count);
    const pages = await walk('/v1/posts', author.readKey);
    expect(pages.flat()).toEqual(ids);
    expect(pages.length).toBeGreaterThan(2);
    expect(pages.length).toBeLessThan(6);
  });

  it('is one page where they are small', async () => {
    const author = await anAuthor(api);
    const ids = await write(author, 'small', 200);
    expect(await walk('/v1/posts', author.key)).toEqual([ids]);
  });

  it('of attempts ends its pages early too', async () => {
    const author = await anAuthor(api);
    const [post = ''] = await write(author, 'tried often', 1);
    const ids: string[] = [];
    for (let run = 1; run <= 12; run += 1) {
      ids.unshift(await anAttempt(api, { id: post, run }, 'rejected'));
    }
    await api.db.query({
      text: `UPDATE social_publisher.publish_attempts
             SET evidence = jsonb_build_array(jsonb_build_object('text', repeat('x', 1000000))) WHERE post_id = $1`,
      values: [post],
    });
    const pages = await walk(`/v1/posts/${post}/attempts`, author.key);
    expect(pages.flat()).toEqual(ids);
    expect(pages.length).toBe(2);
  });

  it('of events goes on where it ended', async () => {
    const author = await anAuthor(api);
    const [post = ''] = await write(author, 'told of often', 1);
    await api.db.query({
      text: `INSERT INTO social_publisher.events (tenant_id, post_id, integration_id, type, to_status, version, data)
             SELECT $1, $2, $3, CASE WHEN n % 2 = 0 THEN 'post.published' ELSE 'post.failed' END, 'published', n,
               jsonb_build_object('reference', repeat('x', 500000))
             FROM generate_series(1, 60) n ORDER BY n`,
      values: [author.id, post, author.integrationId],
    });
    const read = async (types: string): Promise<unknown[][]> => {
      const pages: unknown[][] = [];
      for (let after = '0'; ; ) {
        const path = `/v1/events?limit=200&after=${after}${types}`;
        const page = await api.call('GET', path, { token: author.readKey });
        expect(page.text.length).toBeLessThan(mostBytes);
        if (page.body.data.length === 0) return pages;
        pages.push(page.body.data.map(({ version }) => version));
        after = String(page.body.next_cursor);
      }
    };
    const odd = Array.from({ length: 30 }, (_, index) => 2 * index + 1);
    const pages = await read('&types=post.failed,post.published');
    expect(pages.flat()).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    expect(pages.length).toBe(4);
    expect((await read('&types=post.failed')).flat()).toEqual(odd);
  });
});

it('a message is at most 100,000 letters long', async () => {
  const { integrationId, key } = await anAuthor(api);
  const create = (message: string) =>
    api.call('POST', '/v1/posts', { token: key, body: { integration_id: integrationId, message } });
  expect((await create('x'.repeat(100_000))).status).toBe(201);
  expect(await create('x'.repeat(100_001))).toMatchObject({
    status: 422,
    body: { errors: [{ path: 'message', rule: 'too_big' }] },
  });
});
