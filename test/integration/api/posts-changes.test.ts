import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ApiAnswer, TestApi } from '../../support/api.ts';
import { type Author, anAuthor, createPostsApi, moveTo } from '../../support/posts-api.ts';

let api: TestApi;
let author: Author;
beforeAll(async () => {
  api = await createPostsApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  author = await anAuthor(api);
});

const minutes = (n: number): string => new Date(Date.now() + n * 60_000).toISOString();
const days = (n: number): string => minutes(n * 24 * 60);

/** A post that its network holds; no worker runs here. */
async function held(status: string, body: object = {}): Promise<string> {
  const made = await api.call('POST', '/v1/posts', {
    token: author.key,
    body: { integration_id: author.integrationId, message: 'hi', ...body },
  });
  await moveTo(api, made.body.id, status);
  return made.body.id;
}

function patch(id: string, body: object, headers = {}): Promise<ApiAnswer> {
  return api.call('PATCH', `/v1/posts/${id}`, { token: author.key, body, headers });
}

function cancel(id: string, body?: object, headers = {}): Promise<ApiAnswer> {
  return api.call('POST', `/v1/posts/${id}/cancel`, { token: author.key, body, headers });
}

async function changeAt(id: string): Promise<Date | null> {
  const [row] = await api.db.query<{ change_at: Date | null }>({
    text: 'SELECT change_at FROM social_publisher.social_posts WHERE id = $1',
    values: [id],
  });
  return row?.change_at ?? null;
}

describe('editing a post that the network holds', () => {
  it('is accepted for a worker, and leaves the post as it is until then', async () => {
    const [at, later] = [minutes(60), minutes(90)];
    const id = await held('scheduled', { scheduled_at: at });
    const answer = await patch(id, { message: 'better', scheduled_at: later });
    expect(answer.status).toBe(202);
    expect(answer.headers['etag']).toBe('"1"');
    expect(answer.body).toMatchObject({
      status: 'scheduled',
      version: 1,
      message: 'hi',
      scheduled_at: at,
      change: {
        kind: 'edit',
        state: 'pending',
        error: null,
        message: 'better',
        scheduled_at: later,
      },
    });
    expect(await changeAt(id)).not.toBeNull();
  });

  it('takes a wall time too, and keeps it with the change', async () => {
    const id = await held('scheduled', { scheduled_at: minutes(60) });
    const wall = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 16);
    const { status, body } = await patch(id, { scheduled_local: wall, timezone: 'UTC' });
    expect(status).toBe(202);
    expect(body['change']).toMatchObject({
      scheduled_at: `${wall}:00.000Z`,
      scheduled_local: wall,
      timezone: 'UTC',
    });
  });

  it('answers the same when it is repeated, and 409 to another while one is on its way', async () => {
    const id = await held('scheduled', { scheduled_at: minutes(60) });
    const first = await patch(id, { message: 'better' });
    const again = await patch(id, { message: 'better' });
    expect(again.status).toBe(202);
    expect(again.body).toEqual(first.body);
    for (const other of [{ message: 'best' }, { scheduled_at: minutes(99) }]) {
      expect(await patch(id, other)).toMatchObject({
        status: 409,
        body: { code: 'change_pending' },
      });
    }
    expect(await cancel(id)).toMatchObject({ status: 409, body: { code: 'change_pending' } });
  });

  it('asks for nothing when everything is so already', async () => {
    const at = minutes(60);
    const id = await held('scheduled', { scheduled_at: at, link: 'https://example.com/' });
    const same = { message: 'hi', scheduled_at: at, link: 'https://example.com/', media: [] };
    expect(await patch(id, same)).toMatchObject({ status: 200, body: { change: null } });
    expect(await changeAt(id)).toBeNull();
  });

  it('asks for nothing when photos and metadata are sent again as they are', async () => {
    const media = [
      { type: 'image', url: 'https://example.com/a.jpg', alt_text: 'A loaf' },
      { type: 'image', url: 'https://example.com/b.jpg' },
    ];
    const metadata = { campaign: 'bread', at: { shelf: 2, row: 'b' } };
    const id = await held('scheduled', { scheduled_at: minutes(60), media, metadata });
    expect(await patch(id, { media, metadata })).toMatchObject({
      status: 200,
      body: { change: null },
    });
    const { body: shown } = await api.call('GET', `/v1/posts/${id}`, { token: author.key });
    const again = await patch(id, { media: shown['media'], metadata: shown['metadata'] });
    expect(again).toMatchObject({ status: 200, body: { change: null } });
    expect(await changeAt(id)).toBeNull();
    const swapped = await patch(id, { media: media.toReversed() });
    expect(swapped).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'media', rule: 'scheduled_change_fields' }] },
    });
  });

  it.each([
    ['4 minutes before its time', 4],
    ['after its time', -30],
  ])('is too late %s', async (_name, ahead) => {
    const id = await held('scheduled', { scheduled_at: minutes(ahead) });
    for (const wanted of [{ message: 'better' }, { scheduled_at: minutes(60) }]) {
      expect(await patch(id, wanted)).toMatchObject({
        status: 409,
        body: { code: 'too_late_to_change' },
      });
    }
  });

  it.each([
    ['a link', { link: 'https://example.com/' }, 'link'],
    ['photos', { media: [{ type: 'image', url: 'https://example.com/a.jpg' }] }, 'media'],
    ['another mode', { publish_mode: 'draft' }, 'publish_mode'],
    ['a reference', { reference: 'r-1' }, 'reference'],
  ])('does not take %s', async (_name, wanted, path) => {
    const id = await held('scheduled', { scheduled_at: minutes(60) });
    expect(await patch(id, wanted)).toMatchObject({
      status: 422,
      body: { errors: [{ path, rule: 'scheduled_change_fields' }] },
    });
    expect(await changeAt(id)).toBeNull();
  });

  it.each([
    ['nearer than 10 minutes', () => ({ scheduled_at: minutes(9) }), 'scheduled_change_window'],
    ['further than 75 days', () => ({ scheduled_at: days(76) }), 'scheduled_change_window'],
    ['without a time', () => ({ scheduled_at: null }), 'schedule_needs_time'],
    ['without a text', () => ({ message: null }), 'facebook_post_empty'],
    ['too long', () => ({ message: 'x'.repeat(63_207) }), 'facebook_message_too_long'],
  ])('does not take one %s', async (_name, wanted, rule) => {
    const id = await held('scheduled', { scheduled_at: minutes(60) });
    const { status, body } = await patch(id, wanted());
    expect(status).toBe(422);
    expect(body.errors.map((error) => error.rule)).toContain(rule);
    expect(await changeAt(id)).toBeNull();
  });

  it('is guarded by the version', async () => {
    const id = await held('scheduled', { scheduled_at: minutes(60) });
    expect(await patch(id, { message: 'x', version: 2 })).toMatchObject({ status: 412 });
    expect(await patch(id, { message: 'x' }, { 'if-match': '"2"' })).toMatchObject({ status: 412 });
    expect(await patch(id, { message: 'x' }, { 'if-match': '"1"' })).toMatchObject({ status: 202 });
  });

  it('is refused of a draft there', async () => {
    const id = await held('drafted');
    expect(await patch(id, { message: 'x' })).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
  });
});

describe('cancelling a post that the network holds', () => {
  it.each([
    ['scheduled', 60],
    ['drafted', null],
  ])('of a %s one is accepted for a worker, and again the same', async (status, ahead) => {
    const id = await held(status, ahead === null ? {} : { scheduled_at: minutes(ahead) });
    const first = await cancel(id);
    expect(first).toMatchObject({
      status: 202,
      body: { status, change: { kind: 'cancel', state: 'pending', error: null } },
    });
    const again = await cancel(id);
    expect(again.status).toBe(202);
    expect(again.body).toEqual(first.body);
    expect(await changeAt(id)).not.toBeNull();
  });

  it.each([
    ['4 minutes before its time', 4, 409],
    ['a minute after its time', -1, 409],
    ['11 minutes after its time, when it did not go live', -11, 202],
  ])('%s', async (_name, ahead, status) => {
    const id = await held('scheduled', { scheduled_at: minutes(ahead) });
    expect(await cancel(id)).toMatchObject({ status });
  });

  it('is guarded by the version', async () => {
    const id = await held('drafted');
    expect(await cancel(id, { version: 2 })).toMatchObject({ status: 412 });
    expect(await cancel(id, undefined, { 'if-match': '"2"' })).toMatchObject({ status: 412 });
  });

  it('works for many, and shows in a dry run what would happen', async () => {
    const ids = [await held('drafted'), await held('published'), await held('draft')];
    const ask = (dryRun: boolean) =>
      api.call('POST', '/v1/posts/actions', {
        token: author.key,
        body: { action: 'cancel', items: ids.map((id) => ({ id })), dry_run: dryRun },
      });
    const expected = [
      { status: 202, post: { status: 'drafted', change: { kind: 'cancel', state: 'pending' } } },
      { status: 409, problem: { code: 'conflict' } },
      { status: 200, post: { status: 'cancelled' } },
    ];
    expect((await ask(true)).body['results']).toMatchObject(expected);
    expect(await changeAt(ids[0] ?? '')).toBeNull();
    expect((await ask(false)).body['results']).toMatchObject(expected);
    expect(await changeAt(ids[0] ?? '')).not.toBeNull();
  });

  it('means the same in SQL', async () => {
    const id = await held('drafted');
    await api.db.query({
      text: `UPDATE social_publisher.social_posts SET status = 'cancelled' WHERE id = $1`,
      values: [id],
    });
    const { body } = await api.call('GET', `/v1/posts/${id}`, { token: author.key });
    expect(body).toMatchObject({ status: 'drafted', change: { kind: 'cancel', state: 'pending' } });
    expect(await cancel(id)).toMatchObject({ status: 202 });
  });
});

describe('events', () => {
  it('tell of a change that was asked for, and can be asked for alone', async () => {
    const id = await held('drafted');
    await cancel(id);
    const { body } = await api.call('GET', '/v1/events?types=post.change_requested', {
      token: author.key,
    });
    expect(body.data).toMatchObject([
      {
        type: 'post.change_requested',
        post_id: id,
        from: 'drafted',
        to: 'drafted',
        data: { change: { kind: 'cancel', state: 'pending' } },
      },
    ]);
  });
});
