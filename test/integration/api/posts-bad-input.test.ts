import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiAnswer, type TestApi, toAnswer } from '../../support/api.ts';
import { type Author, anAuthor, createPostsApi } from '../../support/posts-api.ts';

let api: TestApi;
let author: Author;
let other: Author;
beforeAll(async () => {
  api = await createPostsApi();
  author = await anAuthor(api);
  other = await anAuthor(api);
});
afterAll(() => api.close());

function send(method: 'POST' | 'PATCH', path: string, body: unknown): Promise<ApiAnswer> {
  return api.call(method, path, { token: author.key, body });
}

function create(body: object): Promise<ApiAnswer> {
  return send('POST', '/v1/posts', { integration_id: author.integrationId, ...body });
}

async function raw(payload: string | Buffer): Promise<ApiAnswer> {
  return toAnswer(
    await api.app.inject({
      method: 'POST',
      url: '/v1/posts',
      headers: { authorization: `Bearer ${author.key}`, 'content-type': 'application/json' },
      payload,
    }),
  );
}

async function stored(): Promise<number> {
  const [row] = await api.db.query<{ count: number }>({
    text: 'SELECT count(*) FROM social_publisher.social_posts',
  });
  return row?.count ?? -1;
}

const image = { type: 'image', url: 'https://example.com/a.jpg' };

type Refusal = readonly [fields: object, status: number, path: string, rule: string];

const refusals: readonly Refusal[] = [
  [{ colour: 'red' }, 400, 'colour', 'unknown_field'],
  [{ status: 'published' }, 422, 'status', 'invalid_value'],
  [{ status: null }, 422, 'status', 'invalid_value'],
  [{ publish_mode: 'live' }, 422, 'publish_mode', 'invalid_value'],
  [{ message: 7 }, 400, 'message', 'invalid_type'],
  [{ message: 'x'.repeat(100_001) }, 422, 'message', 'too_big'],
  [{ media: image }, 400, 'media', 'invalid_type'],
  [{ media: ['https://example.com/a.jpg'] }, 400, 'media[0]', 'invalid_type'],
  [{ media: [{ url: image.url }] }, 400, 'media[0].type', 'invalid_value'],
  [{ media: [image, { ...image, url: '' }] }, 422, 'media[1].url', 'too_small'],
  [{ media: [{ ...image, type: 'gif' }] }, 422, 'media[0].type', 'invalid_value'],
  [{ media: [{ ...image, caption: 'c' }] }, 400, 'media[0].caption', 'unknown_field'],
  [{ media: Array.from({ length: 101 }, () => image) }, 422, 'media', 'too_big'],
  [
    { media: Array.from({ length: 20 }, () => ({ ...image, alt_text: 'a'.repeat(5_000) })) },
    422,
    'media',
    'custom',
  ],
  [{ metadata: [] }, 400, 'metadata', 'invalid_type'],
  [{ metadata: { big: 'x'.repeat(16_384) } }, 422, 'metadata', 'custom'],
  // Few letters of JSON, and 300 digits each in the table, whose own bound refuses it.
  [{ metadata: { big: Array.from({ length: 2_000 }, () => 1e300) } }, 422, 'metadata', 'too_big'],
  [{ scheduled_at: 1_790_000_000 }, 400, 'scheduled_at', 'invalid_type'],
  [{ scheduled_at: '2026-12-24T18:30:00' }, 422, 'scheduled_at', 'offset_required'],
  [{ scheduled_at: '2026-02-30T18:30:00Z' }, 422, 'scheduled_at', 'time_exists'],
  [{ scheduled_at: 'soon' }, 422, 'scheduled_at', 'time_format'],
  [{ scheduled_at: '2200-01-01T00:00:00Z' }, 422, 'scheduled_at', 'time_range'],
  [
    { scheduled_local: '2026-03-29T02:30', timezone: 'Europe/Berlin' },
    422,
    'scheduled_local',
    'local_time_does_not_exist',
  ],
  [{ scheduled_local: '2026-03-29T02:30', timezone: 'Mars' }, 422, 'timezone', 'timezone_known'],
  [
    { scheduled_local: '2026-12-24T18:30', scheduled_at: '2026-12-24T18:30:00Z' },
    422,
    'scheduled_local',
    'one_due_time',
  ],
  [{ timezone: 'Europe/Berlin' }, 422, 'timezone', 'timezone_needs_local_time'],
  [{ reference: 'r'.repeat(501) }, 422, 'reference', 'too_big'],
  [{ id: '01980000-0000-7000-8000-000000000001' }, 400, 'id', 'unknown_field'],
  [{ tenant_id: 'x' }, 400, 'tenant_id', 'unknown_field'],
];

describe('a post that cannot be understood', () => {
  const table = refusals.map(([fields, status, path, rule]) => ({ fields, status, path, rule }));
  it.each(table)('answers $status at $path by $rule', async ({ fields, status, path, rule }) => {
    const before = await stored();
    const refused = await create(fields);
    expect(refused.status).toBe(status);
    expect(refused.headers['content-type']).toContain('application/problem+json');
    expect(refused.body.errors).toMatchObject([{ path, rule }]);
    expect(await stored()).toBe(before);
  });

  it.each([
    ['{"integration_id":', 'malformed_json'],
    ['', 'malformed_request'],
    ['[]', 'malformed_request'],
    ['null', 'malformed_request'],
    [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]), 'malformed_json'],
    [`{"metadata":${'{"a":'.repeat(50)}1${'}'.repeat(50)}}`, 'malformed_json'],
    ['{"message":"\\u0000"}', 'malformed_text'],
    ['{"message":"\\ud83d"}', 'malformed_text'],
    ['{"metadata":{"\\u0000":1}}', 'malformed_text'],
    ['{"__proto__":{"status":"approved"}}', 'malformed_json'],
  ])('%j answers 400 %s', async (payload, code) => {
    expect(await raw(payload)).toMatchObject({ status: 400, body: { code } });
  });

  it('that is larger than a megabyte answers 413', async () => {
    const answer = await create({ message: 'x'.repeat(1_100_000) });
    expect(answer).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
  });
});

describe('a post as large as it may be', () => {
  const sign = '漢';
  const largest = {
    message: sign.repeat(100_000),
    link: `https://example.com/${sign.repeat(8_172)}`,
    media: Array.from({ length: 9 }, () => ({ ...image, alt_text: sign.repeat(10_000) })),
    reference: sign.repeat(500),
    metadata: { [sign]: sign.repeat(16_300) },
  };

  it('fits the table, by a new post and by an edit', async () => {
    const made = await create(largest);
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ reference: largest.reference, metadata: largest.metadata });
    const small = await create({ message: 'small' });
    expect((await send('PATCH', `/v1/posts/${small.body.id}`, largest)).status).toBe(200);
  });

  it('is refused by an edit that the table does not take', async () => {
    const made = await create({ message: 'small' });
    const metadata = { big: Array.from({ length: 2_000 }, () => 1e300) };
    const refused = await send('PATCH', `/v1/posts/${made.body.id}`, { metadata });
    expect(refused).toMatchObject({
      status: 422,
      body: { code: 'invalid', errors: [{ path: 'metadata', rule: 'too_big' }] },
    });
    const batch = await send('POST', '/v1/posts/batch', {
      posts: [{ metadata }, { message: 'small' }].map((post) => ({
        integration_id: author.integrationId,
        ...post,
      })),
    });
    expect(batch.body).toMatchObject({ results: [{ status: 422 }, { status: 201 }] });
  });
});

describe('text that only looks odd', () => {
  it.each([
    'Ünïcödé 👩‍👩‍👧‍👦 العربية हिन्दी 日本語',
    "'; DROP TABLE social_posts; --",
    '$1 \\ " %s {{x}}',
    'line\r\nbreak\ttab\u2028',
  ])('is kept as it is: %j', async (message) => {
    const made = await create({ message, metadata: { [message]: message } });
    expect(made.body).toMatchObject({ message, metadata: { [message]: message } });
  });
});

describe("another tenant's things, and nothing's", () => {
  it.each(['nonsense', '', '01980000-0000-7000-8000-000000000001', 'the other'])(
    'an integration %j is not found',
    async (id) => {
      const before = await stored();
      const integrationId = id === 'the other' ? other.integrationId : id;
      for (const path of ['/v1/posts', '/v1/posts/validate']) {
        const refused = await send('POST', path, { integration_id: integrationId, message: 'hi' });
        expect(refused).toMatchObject({ status: 404, body: { code: 'not_found' } });
      }
      const mine = await create({ message: 'hi' });
      const moved = await send('PATCH', `/v1/posts/${mine.body.id}`, {
        integration_id: integrationId,
      });
      expect(moved.status).toBe(404);
      expect(await stored()).toBe(before + 1);
    },
  );

  it('a post is not found, whatever is tried', async () => {
    const theirs = await api.call('POST', '/v1/posts', {
      token: other.key,
      body: { integration_id: other.integrationId, message: 'theirs' },
    });
    for (const id of [theirs.body.id, 'nonsense', '01980000-0000-7000-8000-000000000001']) {
      const read = await api.call('GET', `/v1/posts/${id}`, { token: author.key });
      expect(read).toMatchObject({ status: 404, body: { code: 'not_found' } });
      const attempts = await api.call('GET', `/v1/posts/${id}/attempts`, { token: author.key });
      expect(attempts.status).toBe(404);
      expect(await send('PATCH', `/v1/posts/${id}`, { message: 'mine' })).toMatchObject({
        status: 404,
      });
    }
    const list = await api.call('GET', '/v1/posts?limit=200', { token: author.key });
    expect(list.body.data.map(({ id }) => id)).not.toContain(theirs.body.id);
  });

  it('need a key, and one that writes', async () => {
    const body = { integration_id: author.integrationId, message: 'hi' };
    const call = (token: string | null): Promise<ApiAnswer> =>
      api.call('POST', '/v1/posts', { token, body });
    expect(await call(null)).toMatchObject({ status: 401 });
    expect(await call('sp_wrong')).toMatchObject({ status: 401 });
    expect(await call(author.readKey)).toMatchObject({ status: 403 });
  });
});

describe('a patch that cannot be understood', () => {
  it.each([
    [{ status: 'approved' }, 400],
    [{ provider: 'facebook' }, 400],
    [{ version: '1' }, 400],
    [{ version: 0 }, 422],
    [{ integration_id: null }, 400],
    [{ scheduled_at: '2026-12-24T18:30:00' }, 422],
    [{ timezone: 'Europe/Berlin' }, 422],
  ])('%j answers %i and changes nothing', async (fields, status) => {
    const { body } = await create({ message: 'hi' });
    const refused = await send('PATCH', `/v1/posts/${body.id}`, fields);
    expect(refused.status).toBe(status);
    const read = await api.call('GET', `/v1/posts/${body.id}`, { token: author.key });
    expect({ ...read.body, warnings: [] }).toEqual(body);
  });
});

describe('a batch', () => {
  it('stores each post that is in order and says of the others why not', async () => {
    const { status, body } = await send('POST', '/v1/posts/batch', {
      posts: [
        { integration_id: author.integrationId, message: 'one', status: 'approved' },
        { integration_id: author.integrationId, colour: 'red' },
        { integration_id: other.integrationId, message: 'theirs' },
        { integration_id: author.integrationId, scheduled_at: '2026-12-24T18:30:00' },
        {
          integration_id: author.integrationId,
          publish_mode: 'publish',
          status: 'approved',
          message: 'x',
        },
        null,
        { integration_id: author.integrationId, message: 'two' },
      ],
    });
    expect(status).toBe(200);
    expect(body['results']).toMatchObject([
      { index: 0, status: 201, post: { message: 'one', status: 'approved' } },
      { index: 1, id: null, status: 400, problem: { errors: [{ path: 'colour' }] } },
      { index: 2, id: null, status: 404, problem: { code: 'not_found' } },
      { index: 3, id: null, status: 422, problem: { errors: [{ rule: 'offset_required' }] } },
      { index: 4, id: null, status: 422, problem: { errors: [{ rule: 'auto_publish_required' }] } },
      { index: 5, id: null, status: 400, problem: { code: 'malformed_request' } },
      { index: 6, status: 201, post: { message: 'two', status: 'draft' } },
    ]);
  });

  it('repeated under its key makes no second posts', async () => {
    const posts = [1, 2, 3].map((n) => ({
      integration_id: author.integrationId,
      message: `once ${n}`,
    }));
    const before = await stored();
    const call = (): Promise<ApiAnswer> =>
      api.call('POST', '/v1/posts/batch', {
        token: author.key,
        body: { posts },
        headers: { 'idempotency-key': 'batch-1' },
      });
    expect((await call()).body).toEqual((await call()).body);
    expect(await stored()).toBe(before + 3);
  });

  it.each([
    [{ posts: [] }, 422],
    [{ posts: Array.from({ length: 501 }, () => ({})) }, 422],
    [{ posts: {} }, 400],
    [{ posts: [{}], more: 1 }, 400],
    [[], 400],
  ])('of another shape (%#) answers a problem', async (body, status) => {
    expect(await send('POST', '/v1/posts/batch', body)).toMatchObject({ status });
  });
});
