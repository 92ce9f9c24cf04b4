import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ErrorRecord } from '../../../src/errors.ts';
import type { ApiAnswer, TestApi } from '../../support/api.ts';
import {
  type Author,
  anAttempt,
  anAuthor,
  createPostsApi,
  moveTo,
} from '../../support/posts-api.ts';

const someId: unknown = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
const someTime: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

const plan = z.looseObject({ handover_at: z.string(), earliest_at: z.string() });

let api: TestApi;
let author: Author;
beforeAll(async () => {
  api = await createPostsApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  author = await anAuthor(api);
});

function create(body: object = {}): Promise<ApiAnswer> {
  return as('POST', '/v1/posts', { integration_id: author.integrationId, message: 'hi', ...body });
}

function as(
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<ApiAnswer> {
  return api.call(method, path, { token: author.key, body, headers });
}

describe('a link beside photos', () => {
  const both = {
    link: 'https://example.com/cake',
    media: [{ type: 'image', url: 'https://example.com/a.jpg' }],
  };

  it('is refused with an offer, and taken with append_link', async () => {
    const refused = await create({ ...both, status: 'approved' });
    expect(refused).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'link', rule: 'facebook_link_with_media' }] },
    });
    expect(refused.body.errors[0]?.message).toContain('append_link');
    const made = await create({ ...both, append_link: true, status: 'approved' });
    expect(made).toMatchObject({
      status: 201,
      body: { ...both, append_link: true, message: 'hi', status: 'approved' },
    });
  });

  it('is content: a PATCH of it is a new version, and judged by the rules', async () => {
    const { body: made } = await create({ ...both, append_link: true, status: 'approved' });
    const off = { append_link: false };
    expect(await as('PATCH', `/v1/posts/${made.id}`, off)).toMatchObject({ status: 422 });
    const change = { ...off, media: [] };
    expect(await as('PATCH', `/v1/posts/${made.id}`, change)).toMatchObject({
      status: 200,
      body: { append_link: false, version: 2 },
    });
    expect(await as('PATCH', `/v1/posts/${made.id}`, { append_link: null })).toMatchObject({
      status: 200,
      body: { append_link: false, version: 2 },
    });
  });
});

it('is refused for an account that nothing is published to', async () => {
  const { tenantId } = await api.db.prisma.integration.findUniqueOrThrow({
    where: { id: author.integrationId },
  });
  const { id } = await api.db.prisma.integration.create({
    data: { tenantId, provider: 'meta_ads', externalAccountId: '5' },
  });
  const post = { integration_id: id, message: 'hi' };
  const refusal = { path: 'integration_id', rule: 'provider_supported' };
  expect(await create({ ...post, status: 'approved' })).toMatchObject({
    status: 422,
    body: { errors: [refusal] },
  });
  expect(await as('POST', '/v1/posts/validate', post)).toMatchObject({
    status: 200,
    body: { valid: false, errors: [refusal], plan: null },
  });
});

describe('creating a post', () => {
  it('answers 201 with every field, a place and an ETag', async () => {
    const made = await create({
      link: null,
      media: [{ type: 'image', url: 'https://example.com/a.jpg', alt_text: 'A' }],
      publish_mode: 'schedule',
      scheduled_at: '2026-12-24T18:30:00+01:00',
      reference: 'row-1',
      metadata: { campaign: 'winter', tags: ['a', { deep: true }] },
    });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      id: someId,
      tenant_id: author.id,
      integration_id: author.integrationId,
      provider: 'facebook',
      status: 'draft',
      version: 1,
      message: 'hi',
      link: null,
      append_link: false,
      media: [{ type: 'image', url: 'https://example.com/a.jpg', alt_text: 'A' }],
      publish_mode: 'schedule',
      effective_mode: null,
      scheduled_at: '2026-12-24T17:30:00.000Z',
      scheduled_local: null,
      timezone: null,
      reference: 'row-1',
      metadata: { campaign: 'winter', tags: ['a', { deep: true }] },
      external_id: null,
      publish_url: null,
      error: null,
      attention: null,
      waiting: null,
      change: null,
      approved_at: null,
      prepared_at: null,
      published_at: null,
      lateness_ms: null,
      created_at: someTime,
      updated_at: someTime,
      warnings: [],
    });
    expect(made.headers).toMatchObject({ etag: '"1"', location: `/v1/posts/${made.body.id}` });
    const read = await as('GET', `/v1/posts/${made.body.id}`);
    expect(read).toMatchObject({ status: 200, headers: { etag: '"1"' } });
    expect({ ...read.body, warnings: [] }).toEqual(made.body);
  });

  it('takes a wall time in the zone given, or else in the tenant’s', async () => {
    author = await anAuthor(api, { timezone: 'America/New_York' });
    const zoned = await create({ scheduled_local: '2026-12-24T18:30', timezone: 'Europe/Berlin' });
    expect(zoned.body).toMatchObject({
      scheduled_at: '2026-12-24T17:30:00.000Z',
      scheduled_local: '2026-12-24T18:30',
      timezone: 'Europe/Berlin',
    });
    const home = await create({ scheduled_local: '2026-12-24T18:30' });
    expect(home.body).toMatchObject({
      scheduled_at: '2026-12-24T23:30:00.000Z',
      timezone: 'America/New_York',
    });
  });

  it('lets a draft break the rules, but not what is approved', async () => {
    const broken = { message: null, publish_mode: 'publish' };
    expect(await create(broken)).toMatchObject({ status: 201, body: { status: 'draft' } });
    const refused = await create({ ...broken, status: 'approved' });
    expect(refused).toMatchObject({ status: 422, body: { code: 'invalid' } });
    const rules = refused.body.errors.map(({ path, rule }) => [path, rule]);
    expect(rules).toContainEqual(['publish_mode', 'auto_publish_required']);
    expect(rules).toContainEqual(['message', 'facebook_post_empty']);
  });

  it('wakes the scheduler when it is approved at once', async () => {
    const made = await create({ status: 'approved' });
    expect(made).toMatchObject({
      status: 201,
      body: { status: 'approved', approved_at: someTime },
    });
  });

  it('answers a repeated request with the one post it made', async () => {
    const key = { 'idempotency-key': 'once' };
    const body = { integration_id: author.integrationId, message: 'once' };
    const first = await as('POST', '/v1/posts', body, key);
    const second = await as('POST', '/v1/posts', body, key);
    expect(second.body).toEqual(first.body);
    const list = await as('GET', '/v1/posts');
    expect(list.body.data).toHaveLength(1);
  });
});

describe('changing a post', () => {
  it('changes what is given, clears what is null, leaves the rest, and raises the version', async () => {
    const { body } = await create({
      link: 'https://example.com/a',
      scheduled_local: '2026-12-24T18:30',
      timezone: 'Europe/Berlin',
      metadata: { a: 1 },
      reference: 'r',
    });
    const changed = await as('PATCH', `/v1/posts/${body.id}`, { link: null, metadata: null });
    expect(changed).toMatchObject({ status: 200, headers: { etag: '"2"' } });
    expect(changed.body).toEqual({
      ...body,
      link: null,
      metadata: {},
      version: 2,
      updated_at: someTime,
    });
  });

  it('moves the wall time with a zone alone, and drops it for an instant', async () => {
    const { body } = await create({
      scheduled_local: '2026-12-24T18:30',
      timezone: 'Europe/Berlin',
    });
    const moved = await as('PATCH', `/v1/posts/${body.id}`, { timezone: 'Asia/Tokyo' });
    expect(moved.body).toMatchObject({
      scheduled_at: '2026-12-24T09:30:00.000Z',
      scheduled_local: '2026-12-24T18:30',
      timezone: 'Asia/Tokyo',
    });
    const later = await as('PATCH', `/v1/posts/${body.id}`, {
      scheduled_local: '2026-12-24T19:30',
    });
    expect(later.body).toMatchObject({
      scheduled_at: '2026-12-24T10:30:00.000Z',
      timezone: 'Asia/Tokyo',
    });
    const instant = await as('PATCH', `/v1/posts/${body.id}`, {
      scheduled_at: '2026-12-25T00:00:00Z',
    });
    expect(instant.body).toMatchObject({
      scheduled_at: '2026-12-25T00:00:00.000Z',
      scheduled_local: null,
      timezone: null,
    });
    const cleared = await as('PATCH', `/v1/posts/${body.id}`, { scheduled_at: null });
    expect(cleared.body).toMatchObject({ scheduled_at: null });
  });

  it('is guarded by If-Match and by the version in the body', async () => {
    const { body } = await create();
    const path = `/v1/posts/${body.id}`;
    expect(await as('PATCH', path, { message: 'a' }, { 'if-match': '"1"' })).toMatchObject({
      status: 200,
    });
    for (const etag of ['"1"', '"3"', '"abc"', 'W/"2"']) {
      const stale = await as('PATCH', path, { message: 'b' }, { 'if-match': etag });
      expect(stale).toMatchObject({ status: 412, body: { code: 'version_mismatch' } });
    }
    expect(await as('PATCH', path, { message: 'b', version: 1 })).toMatchObject({ status: 412 });
    expect(await as('PATCH', path, { message: 'b' }, { 'if-match': '2' })).toMatchObject({
      status: 400,
    });
    expect(await as('PATCH', path, { message: 'b', version: 2 })).toMatchObject({
      status: 200,
      body: { version: 3 },
    });
    expect(await as('PATCH', path, { message: 'c' }, { 'if-match': '*' })).toMatchObject({
      status: 200,
    });
  });

  it('that is approved keeps the status and may not come to break a rule', async () => {
    const { body } = await create({ status: 'approved' });
    const path = `/v1/posts/${body.id}`;
    const refused = await as('PATCH', path, { publish_mode: 'publish' });
    expect(refused).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'publish_mode', rule: 'auto_publish_required' }] },
    });
    expect(await as('GET', path)).toMatchObject({ body: { version: 1, publish_mode: null } });
    const changed = await as('PATCH', path, { message: 'better' });
    expect(changed.body).toMatchObject({ status: 'approved', version: 2, message: 'better' });
  });

  it.each(['queued', 'failed', 'missed'])('that is %s keeps the status', async (status) => {
    const { body } = await create();
    await moveTo(api, body.id, status);
    const changed = await as('PATCH', `/v1/posts/${body.id}`, { message: 'better' });
    expect(changed).toMatchObject({ status: 200, body: { status, version: 2 } });
  });

  it('that is under way wins until it was sent, and is refused from then on', async () => {
    const won = (await create()).body;
    await moveTo(api, won.id, 'publishing');
    await anAttempt(api, won, 'prepared');
    expect(await as('PATCH', `/v1/posts/${won.id}`, { message: 'better' })).toMatchObject({
      status: 200,
      body: { status: 'approved', version: 2 },
    });
    const lost = (await create()).body;
    await moveTo(api, lost.id, 'publishing');
    await anAttempt(api, lost, 'sent');
    expect(await as('PATCH', `/v1/posts/${lost.id}`, { message: 'late' })).toMatchObject({
      status: 409,
      body: {
        code: 'conflict',
        detail: 'the post is publishing: its content can no longer change',
      },
    });
  });

  it.each([
    ['published', 'conflict'],
    ['drafted', 'conflict'],
    ['unknown', 'conflict'],
    ['cancelled', 'conflict'],
  ])('that is %s is refused as %s', async (status, code) => {
    const { body } = await create();
    await moveTo(api, body.id, status);
    const refused = await as('PATCH', `/v1/posts/${body.id}`, { message: 'better' });
    expect(refused).toMatchObject({ status: 409, body: { code } });
    expect(refused.text).toContain(status);
  });

  it('does not lose a change that another request makes at the same time', async () => {
    const { body } = await create();
    const path = `/v1/posts/${body.id}`;
    const changes = [{ reference: 'r' }, { metadata: { a: 1 } }, { message: 'm' }, { link: 'l' }];
    const answers = await Promise.all(changes.map((change) => as('PATCH', path, change)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await as('GET', path)).toMatchObject({
      body: { reference: 'r', metadata: { a: 1 }, message: 'm', link: 'l', version: 3 },
    });
  });
});

const validate = (body: object): Promise<ApiAnswer> =>
  as('POST', '/v1/posts/validate', { integration_id: author.integrationId, ...body });

describe('validating a post', () => {
  it('says when and how it would go out, and stores nothing', async () => {
    const in2Days = new Date(Date.now() + 2 * 86_400_000).toISOString();
    const answer = await validate({
      message: 'hi',
      scheduled_at: in2Days,
      media: [
        { type: 'image', url: 'https://example.com/a.jpg' },
        { type: 'image', url: 'https://example.com/b.jpg' },
      ],
    });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        valid: true,
        errors: [],
        plan: {
          effective_mode: 'schedule',
          handover_at: someTime,
          // Two photos, the hidden post, and what gives it its time.
          calls: 4,
          earliest_at: someTime,
        },
      },
    });
    expect((await as('GET', '/v1/posts')).body.data).toEqual([]);
  });

  it('holds a post that is too far ahead until the window opens', async () => {
    const in100Days = new Date(Date.now() + 100 * 86_400_000);
    const { body } = await validate({ message: 'hi', scheduled_at: in100Days.toISOString() });
    const opensAt = new Date(in100Days.getTime() - 75 * 86_400_000 + 60_000).toISOString();
    expect(body['plan']).toMatchObject({
      effective_mode: 'schedule',
      handover_at: opensAt,
      earliest_at: opensAt,
    });
  });

  it('begins with what we make public ourselves before its time, and counts the call that shows it', async () => {
    await api.db.query({
      text: `UPDATE social_publisher.tenants t SET auto_publish = true
             FROM social_publisher.integrations i WHERE i.tenant_id = t.id AND i.id = $1`,
      values: [author.integrationId],
    });
    const dueAt = new Date(Date.now() + 3_600_000);
    const post = { message: 'hi', publish_mode: 'publish', scheduled_at: dueAt.toISOString() };
    const { body } = await validate(post);
    expect(body['plan']).toMatchObject({
      effective_mode: 'publish',
      handover_at: new Date(dueAt.getTime() - 120_000).toISOString(),
      calls: 2,
    });
  });

  it('says when the hourly quota has room', async () => {
    const integration = await api.db.prisma.integration.findUniqueOrThrow({
      where: { id: author.integrationId },
    });
    await api.db.query({
      text: `INSERT INTO social_publisher.call_usage VALUES ($1, date_trunc('minute', now()), 200)`,
      values: [`facebook::${integration.externalAccountId}`],
    });
    const { body } = await validate({ message: 'hi' });
    const { handover_at: handover, earliest_at: earliest } = plan.parse(body['plan']);
    const waitMs = Date.parse(earliest) - Date.parse(handover);
    expect(waitMs).toBeGreaterThan(59 * 60_000);
    expect(waitMs).toBeLessThanOrEqual(61 * 60_000);
  });

  it('judges as for approval, whatever status is asked for', async () => {
    const answer = await validate({ status: 'draft', publish_mode: 'publish', message: 'hi' });
    expect(answer).toMatchObject({
      status: 200,
      body: {
        valid: false,
        errors: [{ path: 'publish_mode', rule: 'auto_publish_required' }],
        plan: null,
      },
    });
  });

  it('names a due time that cannot be read', async () => {
    const answer = await validate({ message: 'hi', scheduled_at: '2026-12-24T18:30:00' });
    expect(answer).toMatchObject({
      status: 200,
      body: { valid: false, errors: [{ rule: 'offset_required' }], plan: null },
    });
  });

  it('is allowed with a key that only reads', async () => {
    const answer = await api.call('POST', '/v1/posts/validate', {
      token: author.readKey,
      body: { integration_id: author.integrationId, message: 'hi' },
    });
    expect(answer.status).toBe(200);
  });
});

/** As Meta's refusal is kept. */
function refusalOf(message: string): ErrorRecord {
  return {
    class: 'invalid',
    key: 'facebook_refused',
    provider_code: 100,
    provider_subcode: null,
    message,
    user_message: 'Facebook refused the post.',
    action: 'Change the post, then retry.',
    who: 'author',
    retryable: false,
    fbtrace_id: null,
    at: '2026-12-01T08:00:00.000Z',
  };
}

describe('the attempts of a post', () => {
  it('are listed newest first, by page, with secrets masked', async () => {
    const { body } = await create();
    await moveTo(api, body.id, 'failed');
    const first = await anAttempt(api, { id: body.id, run: 1 }, 'rejected');
    const second = await anAttempt(api, { id: body.id, run: 2 }, 'rejected');
    const third = await anAttempt(api, { id: body.id, run: 3 }, 'rejected');
    const token = `EAAB${'x1'.repeat(40)}`;
    await api.db.query({
      text: `UPDATE social_publisher.publish_attempts SET calls = $2, error = $3 WHERE id = $1`,
      values: [
        third,
        JSON.stringify([
          {
            method: 'POST',
            path: `/feed?access_token=${token}`,
            effect: 'publishes',
            status: 400,
            at: '2026-12-01T08:00:00.000Z',
          },
        ]),
        JSON.stringify(refusalOf(`bad ${token}`)),
      ],
    });
    const path = `/v1/posts/${body.id}/attempts`;
    const page = await as('GET', `${path}?limit=2`);
    expect(page.body.data.map(({ id }) => id)).toEqual([third, second]);
    expect(page.body.data[0]).toEqual({
      id: third,
      state: 'rejected',
      started_at: someTime,
      sent_at: someTime,
      settled_at: null,
      calls: [
        {
          method: 'POST',
          path: '/feed?access_token=[secret]',
          effect: 'publishes',
          status: 400,
          at: '2026-12-01T08:00:00.000Z',
        },
      ],
      hidden_id: null,
      hidden_at: null,
      external_id: null,
      error: refusalOf('bad [secret]'),
      evidence: [],
    });
    const rest = await as('GET', `${path}?limit=2&cursor=${page.body.next_cursor}`);
    expect(rest.body.data.map(({ id }) => id)).toEqual([first]);
    expect(rest.body.next_cursor).toBeNull();
  });
});
