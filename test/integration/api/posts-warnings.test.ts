import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiAnswer, TestApi } from '../../support/api.ts';
import { type Author, anAuthor, createPostsApi } from '../../support/posts-api.ts';

let api: TestApi;
let author: Author;
beforeAll(async () => {
  api = await createPostsApi();
  author = await anAuthor(api, { timezone: 'Europe/Berlin' });
});
afterAll(() => api.close());

function send(method: 'POST' | 'PATCH', path: string, body: object): Promise<ApiAnswer> {
  return api.call(method, path, { token: author.key, body });
}

function create(body: object): Promise<ApiAnswer> {
  return send('POST', '/v1/posts', { integration_id: author.integrationId, ...body });
}

const photos = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    type: 'image',
    url: `https://example.com/${index}.jpg`,
  }));
const tooMany = {
  path: 'media',
  message: 'has 11 items; a post on Facebook takes at most 10',
  rule: 'facebook_too_many_photos',
};
const repeated = {
  path: 'scheduled_local',
  message:
    '2027-10-31T02:30 comes twice in Europe/Berlin, as clocks are set back: the first was taken, 2027-10-31T00:30:00.000Z. For the second, 2027-10-31T01:30:00.000Z, use scheduled_at.',
  rule: 'local_time_repeated',
};

describe('a draft that its approval will refuse', () => {
  it('is taken with a warning, by itself, in a batch and when it is changed', async () => {
    const made = await create({ media: photos(11) });
    expect(made).toMatchObject({ status: 201, body: { status: 'draft', warnings: [tooMany] } });
    const video = await create({ media: [{ type: 'video', url: 'https://example.com/a.mp4' }] });
    expect(video.body['warnings']).toMatchObject([{ rule: 'facebook_video_unsupported' }]);

    const batch = await send('POST', '/v1/posts/batch', {
      posts: [
        { integration_id: author.integrationId, media: photos(11) },
        { integration_id: author.integrationId, message: 'fine' },
      ],
    });
    expect(batch.body['results']).toMatchObject([{ status: 201, warnings: [tooMany] }, {}]);
    expect(batch.body['results']).not.toMatchObject([{}, { warnings: [] }]);

    const path = `/v1/posts/${made.body.id}`;
    const still = await send('PATCH', path, { reference: 'a' });
    expect(still).toMatchObject({ status: 200, body: { warnings: [tooMany] } });
    const mended = await send('PATCH', path, { media: photos(10) });
    expect(mended.body['warnings']).toEqual([]);
  });

  it('is read without warnings: they belong to what was just written', async () => {
    const made = await create({ media: photos(11) });
    const read = await api.call('GET', `/v1/posts/${made.body.id}`, { token: author.key });
    expect(read.body).not.toHaveProperty('warnings');
  });
});

describe('a wall time that comes twice', () => {
  const twice = { message: 'hi', scheduled_local: '2027-10-31T02:30' };

  it('is taken as the first, with a warning, when created, approved, changed and validated', async () => {
    const made = await create(twice);
    expect(made.body).toMatchObject({
      scheduled_at: '2027-10-31T00:30:00.000Z',
      warnings: [{ rule: 'facebook_schedule_far' }, repeated],
    });
    const approved = await create({ ...twice, status: 'approved' });
    expect(approved.body['warnings']).toContainEqual(repeated);
    const other = await create({ message: 'hi' });
    const moved = await send('PATCH', `/v1/posts/${other.body.id}`, {
      scheduled_local: twice.scheduled_local,
    });
    expect(moved.body['warnings']).toContainEqual(repeated);
    const verdict = await send('POST', '/v1/posts/validate', {
      integration_id: author.integrationId,
      ...twice,
    });
    expect(verdict.body).toMatchObject({ valid: true, errors: [] });
    expect(verdict.body['warnings']).toContainEqual(repeated);
  });

  it('of a post that the network holds is warned of too', async () => {
    const dueAt = new Date(Date.now() + 86_400_000).toISOString();
    const held = await create({ message: 'hi', scheduled_at: dueAt, status: 'approved' });
    await api.db.query({
      text: `UPDATE social_publisher.social_posts SET internal_write = true, status = 'scheduled', external_id = '1_1'
             WHERE id = $1`,
      values: [held.body.id],
    });
    const moved = await send('PATCH', `/v1/posts/${held.body.id}`, {
      message: 'see http://a.example',
    });
    expect(moved).toMatchObject({
      status: 202,
      body: { change: { state: 'pending' }, warnings: [{ rule: 'facebook_link_only_in_message' }] },
    });
  });

  it('given with its offset is what was meant', async () => {
    const made = await create({ message: 'hi', scheduled_at: '2027-10-31T02:30:00+02:00' });
    expect(made.body['warnings']).toMatchObject([{ rule: 'facebook_schedule_far' }]);
  });
});
