import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Attention } from '../../../src/posts/post.ts';
import type { ApiAnswer, TestApi } from '../../support/api.ts';
import { type Author, anAuthor, createPostsApi, moveTo } from '../../support/posts-api.ts';

let api: TestApi;
let author: Author;
let second: string;
const ids: Record<string, string> = {};
const missed: Attention = {
  reason: 'missed',
  since: '2026-12-01T02:00:00.000Z',
  text: 'It came too late.',
  who: 'author',
  evidence: [],
  choices: ['retry', 'cancel'],
};

beforeAll(async () => {
  api = await createPostsApi();
  author = await anAuthor(api);
  const integration = await api.db.prisma.integration.create({
    data: { tenantId: author.id, provider: 'instagram', externalAccountId: '17' },
  });
  second = integration.id;
  await create('draft', {});
  await create('failed', { reference: 'row-7', scheduled_at: '2026-12-01T00:00:00Z' });
  await create('published', { scheduled_at: '2026-12-02T00:00:00Z' });
  // Nothing is published there yet, so only a calendar could have written it.
  await api.db.query({
    text: `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, message, scheduled_at)
           VALUES ($1, $2, 'elsewhere', '2026-12-03T00:00:00Z')`,
    values: [author.id, second],
  });
  await moveTo(api, ids['failed'] ?? '', 'failed', `, attention = '${JSON.stringify(missed)}'`);
  await moveTo(api, ids['published'] ?? '', 'published', `, external_id = '100_1'`);
  const other = await anAuthor(api);
  await api.call('POST', '/v1/posts', {
    token: other.key,
    body: { integration_id: other.integrationId, message: 'not theirs', reference: 'row-7' },
  });
});
afterAll(() => api.close());

async function create(name: string, body: object): Promise<void> {
  const made = await api.call('POST', '/v1/posts', {
    token: author.key,
    body: { integration_id: author.integrationId, message: name, ...body },
  });
  ids[name] = made.body.id;
}

function list(query: string): Promise<ApiAnswer> {
  return api.call('GET', `/v1/posts?${query}`, { token: author.key });
}

async function messages(query: string): Promise<unknown[]> {
  return (await list(query)).body.data.map((post) => post['message']);
}

describe('the list of posts', () => {
  it.each([
    ['', ['elsewhere', 'published', 'failed', 'draft']],
    ['status=failed', ['failed']],
    ['status=failed,published', ['published', 'failed']],
    ['status=cancelled', []],
    ['provider=instagram', ['elsewhere']],
    ['reference=row-7', ['failed']],
    ['external_id=100_1', ['published']],
    ['attention=true', ['failed']],
    ['attention=false&status=published,draft', ['elsewhere', 'published', 'draft']],
    ['scheduled_from=2026-12-02T00:00:00Z', ['elsewhere', 'published']],
    ['scheduled_to=2026-12-02T00:00:00Z', ['failed']],
    [
      'scheduled_from=2026-12-01T02:00:00%2B02:00&scheduled_to=2026-12-03T00:00Z',
      ['published', 'failed'],
    ],
    ['updated_since=2199-01-01T00:00:00Z', []],
    ['updated_since=2026-01-01T00:00:00Z&status=failed', ['failed']],
  ])('by %j is %j', async (query, expected) => {
    expect(await messages(query)).toEqual(expected);
  });

  it('narrows to one integration', async () => {
    expect(await messages(`integration_id=${second}`)).toEqual(['elsewhere']);
    expect(await messages(`integration_id=${ids['draft']}`)).toEqual([]);
  });

  it('shows what changed since', async () => {
    const touched = await api.call('PATCH', `/v1/posts/${ids['draft']}`, {
      token: author.key,
      body: { metadata: { touched: true } },
    });
    expect(await messages(`updated_since=${touched.body.updated_at}`)).toEqual(['draft']);
  });

  it('is paged without losing or repeating one', async () => {
    const seen: unknown[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: ApiAnswer = await list(`limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...page.body.data.map((post) => post['message']));
      cursor = page.body.next_cursor;
    }
    expect(seen).toEqual(['elsewhere', 'published', 'failed', 'draft']);
  });

  it.each([
    ['status=done', 'query.status[0]'],
    ['status=', 'query.status[0]'],
    ['limit=0', 'query.limit'],
    ['limit=201', 'query.limit'],
    ['cursor=nonsense', 'query.cursor'],
    ['integration_id=7', 'query.integration_id'],
    ['attention=yes', 'query.attention'],
    ['scheduled_from=2026-12-01', 'query.scheduled_from'],
    ['updated_since=2026-12-01T00:00:00', 'query.updated_since'],
    ['colour=red', 'query.colour'],
    ['reference=%00', 'query.reference'],
  ])('refuses %s with 400, naming %s', async (query, path) => {
    const refused = await list(query);
    expect(refused.status).toBe(400);
    expect(refused.body.errors.map((error) => error.path)).toEqual([path]);
  });
});
