import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AuthorAction, authorActions } from '../../../src/authoring/action.ts';
import { type PostStatus, postStatuses, transitions } from '../../../src/posts/post.ts';
import type { ApiAnswer, TestApi } from '../../support/api.ts';
import {
  type Author,
  anAttempt,
  anAuthor,
  createPostsApi,
  moveTo,
} from '../../support/posts-api.ts';

let api: TestApi;
let author: Author;
beforeAll(async () => {
  api = await createPostsApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  author = await anAuthor(api);
});

async function create(body: object = {}): Promise<string> {
  const made = await api.call('POST', '/v1/posts', {
    token: author.key,
    body: { integration_id: author.integrationId, message: 'hi', ...body },
  });
  return made.body.id;
}

function act(id: string, action: string, body?: object, headers = {}): Promise<ApiAnswer> {
  const path = `/v1/posts/${id}/${action}`;
  return api.call('POST', path, { token: author.key, body, headers });
}

function bulk(body: object): Promise<ApiAnswer> {
  return api.call('POST', '/v1/posts/actions', { token: author.key, body });
}

const actions = {
  approve: { to: 'approved', notOf: ['failed', 'missed'] },
  withdraw: { to: 'draft', notOf: [] },
  cancel: { to: 'cancelled', notOf: [] },
  retry: { to: 'approved', notOf: ['draft', 'in_review'] },
} as const satisfies Record<AuthorAction, { to: PostStatus; notOf: readonly PostStatus[] }>;
/** Approved, and on its way or beyond: there is nothing left to approve, or to retry. */
const holding: Readonly<Partial<Record<AuthorAction, readonly string[]>>> = {
  approve: ['queued', 'publishing', 'published', 'scheduled', 'drafted', 'unknown'],
  retry: ['queued', 'publishing'],
};

/** By the table of transitions: what the answer is, and the status after it. */
function answerOf(action: AuthorAction, from: PostStatus): string {
  const { to, notOf } = actions[action];
  const moves: readonly PostStatus[] = transitions[from].author;
  const wishes: readonly PostStatus[] = transitions[from].wishes;
  if (from === to || holding[action]?.includes(from) === true) return `200 ${from}`;
  if (wishes.includes(to)) return `${from === 'unknown' ? 200 : 202} ${from}`;
  const isFor = moves.includes(to) && !notOf.some((status) => status === from);
  return isFor ? `200 ${to}` : `409 ${from}`;
}

describe.each(authorActions)('%s', (action) => {
  it.each(postStatuses.map((status) => [status, answerOf(action, status)] as const))(
    'of a post that is %s answers %s, and again the same',
    async (status, outcome) => {
      const id = await create();
      await moveTo(api, id, status);
      const first = await act(id, action);
      const { body } = await api.call('GET', `/v1/posts/${id}`, { token: author.key });
      expect(`${first.status} ${String(body['status'])}`).toBe(outcome);
      const again = await act(id, action);
      // What was taken back or called off cannot fail the second time; what became approved holds.
      expect(again.status).toBe(first.status);
    },
  );

  it('is guarded by a version, in If-Match or in the body', async () => {
    const id = await create();
    await moveTo(api, id, action === 'retry' ? 'failed' : 'in_review');
    expect(await act(id, action, { version: 2 })).toMatchObject({ status: 412 });
    expect(await act(id, action, undefined, { 'if-match': '"2"' })).toMatchObject({ status: 412 });
    expect(await act(id, action, undefined, { 'if-match': '"1"' })).toMatchObject({ status: 200 });
  });

  it('answers 404 for nonsense, for nothing, and for another tenant’s post', async () => {
    const id = await create();
    const other = await anAuthor(api);
    const call = (path: string, token: string): Promise<ApiAnswer> =>
      api.call('POST', path, { token });
    expect(await act('nonsense', action)).toMatchObject({ status: 404 });
    expect(await act('01980000-0000-7000-8000-000000000001', action)).toMatchObject({
      status: 404,
    });
    expect(await call(`/v1/posts/${id}/${action}`, other.key)).toMatchObject({ status: 404 });
    expect(await call(`/v1/posts/${id}/${action}`, author.readKey)).toMatchObject({ status: 403 });
  });
});

describe('a refusal', () => {
  it('refuses what nothing is left to do for', async () => {
    const id = await create();
    await moveTo(api, id, 'scheduled');
    expect(await act(id, 'withdraw')).toMatchObject({ body: { code: 'conflict' } });
    await moveTo(api, id, 'unknown');
    expect(await act(id, 'retry')).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect(await act(id, 'resolve', { outcome: 'absent' })).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    });
  });

  it('names the rules that an approval would break', async () => {
    const id = await create({ message: null, publish_mode: 'publish' });
    const refused = await act(id, 'approve');
    expect(refused.status).toBe(422);
    expect(refused.body.errors.map(({ rule }) => rule)).toEqual([
      'auto_publish_required',
      'facebook_post_empty',
    ]);
  });

  it('comes from the database where the attempt was sent meanwhile', async () => {
    const id = await create();
    await moveTo(api, id, 'publishing');
    await anAttempt(api, { id }, 'sent');
    expect(await act(id, 'cancel')).toMatchObject({
      status: 409,
      body: { detail: 'the post is publishing: it cannot become cancelled' },
    });
    expect(await act(id, 'approve')).toMatchObject({ status: 200, body: { status: 'publishing' } });
  });
});

const ago = (s: number): string => new Date(Date.now() - s * 1000).toISOString();

async function retryOf(status: string, scheduledAt: string | null): Promise<ApiAnswer> {
  const id = await create({ scheduled_at: scheduledAt });
  await moveTo(api, id, status);
  return act(id, 'retry');
}

function isNow(time: unknown): boolean {
  return Math.abs(Date.parse(String(time)) - Date.now()) < 10_000;
}

describe('retrying', () => {
  it('means now, for a post whose time has gone by', async () => {
    const missed = await retryOf('missed', ago(60));
    expect(isNow(missed.body['scheduled_at'])).toBe(true);
    expect(missed.body).toMatchObject({ status: 'approved', version: 2 });
    const failedLate = await retryOf('failed', ago(7201));
    expect(isNow(failedLate.body['scheduled_at'])).toBe(true);
  });

  it('keeps a time that is still good', async () => {
    const recent = ago(60);
    expect((await retryOf('failed', recent)).body['scheduled_at']).toBe(recent);
    const ahead = ago(-300);
    expect((await retryOf('missed', ahead)).body['scheduled_at']).toBe(ahead);
    expect((await retryOf('failed', null)).body['scheduled_at']).toBeNull();
  });

  it('takes a new time, which needs its offset', async () => {
    const id = await create({ scheduled_local: '2026-12-24T18:30' });
    await moveTo(api, id, 'missed');
    const refused = await act(id, 'retry', { scheduled_at: '2027-01-01T00:00:00' });
    expect(refused).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'scheduled_at', rule: 'offset_required' }] },
    });
    const retried = await act(id, 'retry', { scheduled_at: '2027-01-01T00:00:00+01:00' });
    expect(retried.body).toMatchObject({
      status: 'approved',
      scheduled_at: '2026-12-31T23:00:00.000Z',
      scheduled_local: null,
      version: 2,
    });
  });
});

describe('actions on many posts', () => {
  it('judge each on its own', async () => {
    const fine = await create();
    const broken = await create({ message: null });
    const sent = await create();
    await moveTo(api, sent, 'published');
    const missing = '01980000-0000-7000-8000-000000000001';
    const { status, body } = await bulk({
      action: 'approve',
      items: [
        { id: fine, version: 1 },
        { id: broken },
        { id: sent },
        { id: missing },
        { id: 'nonsense' },
        { id: fine, version: 9 },
      ],
    });
    expect(status).toBe(200);
    expect(body['results']).toMatchObject([
      { index: 0, id: fine, status: 200, post: { status: 'approved' } },
      { index: 1, id: broken, status: 422, problem: { code: 'invalid', status: 422 } },
      { index: 2, id: sent, status: 200, post: { status: 'published' } },
      { index: 3, id: missing, status: 404, problem: { code: 'not_found' } },
      { index: 4, id: 'nonsense', status: 404, problem: { code: 'not_found' } },
      { index: 5, id: fine, status: 412, problem: { code: 'version_mismatch' } },
    ]);
  });

  it('go on with the others when the database refuses one', async () => {
    const sent = await create();
    await moveTo(api, sent, 'publishing');
    await anAttempt(api, { id: sent }, 'sent');
    const fine = await create();
    const { body } = await bulk({ action: 'cancel', items: [{ id: sent }, { id: fine }] });
    expect(body['results']).toMatchObject([
      { id: sent, status: 409, problem: { code: 'conflict' } },
      { id: fine, status: 200, post: { status: 'cancelled' } },
    ]);
  });

  it('only show what would happen in a dry run', async () => {
    const id = await create();
    const { body } = await bulk({ action: 'approve', items: [{ id }], dry_run: true });
    expect(body['results']).toMatchObject([{ status: 200, post: { status: 'approved' } }]);
    const read = await api.call('GET', `/v1/posts/${id}`, { token: author.key });
    expect(read.body['status']).toBe('draft');
  });

  it('take up to 500 at once', async () => {
    const items = Array.from({ length: 501 }, () => ({ id: 'x' }));
    expect(await bulk({ action: 'approve', items })).toMatchObject({ status: 422 });
    expect(await bulk({ action: 'approve', items: [] })).toMatchObject({ status: 422 });
    const posts = items.slice(1).map((_, n) => ({
      integration_id: author.integrationId,
      message: `number ${n}`,
    }));
    const made = await api.call('POST', '/v1/posts/batch', { token: author.key, body: { posts } });
    const ids = made.body['results'];
    expect(ids).toHaveLength(500);
    const list = await api.call('GET', '/v1/posts?limit=200', { token: author.key });
    const approved = await bulk({
      action: 'approve',
      items: list.body.data.map(({ id }) => ({ id })),
    });
    const statuses = await api.db.query<{ status: string; count: number }>({
      text: 'SELECT status, count(*) FROM social_publisher.social_posts WHERE tenant_id = $1 GROUP BY 1 ORDER BY 1',
      values: [author.id],
    });
    expect(approved.status).toBe(200);
    expect(statuses).toEqual([
      { status: 'approved', count: 200 },
      { status: 'draft', count: 300 },
    ]);
  });
});
