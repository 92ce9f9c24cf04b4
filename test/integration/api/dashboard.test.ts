import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildApi } from '../../../src/api/server.ts';
import { createLogger } from '../../../src/log.ts';
import { createProviders } from '../../../src/providers/index.ts';
import type { JobDefinition } from '../../../src/queue/contract.ts';
import { openQueues } from '../../../src/queue/queues.ts';
import { startWorker } from '../../../src/queue/worker.ts';
import { createTestApi, operatorToken, type TestApi, toAnswer } from '../../support/api.ts';
import { queueBackends, redisUrl } from '../../support/redis.ts';

const logger = createLogger({ level: 'silent' });
const board = '/admin/queues';
const token = 'EAAGplantedplantedplantedplanted0123456789';
const basic = (password: string): string =>
  `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}`;
const operator = { authorization: basic(operatorToken) };

let api: TestApi;
const openApi = (queueBackend: 'redis' | 'postgres') => async () => {
  const settings = { baseUrl: 'http://127.0.0.1:1', version: 'v26.0', timeoutMs: 500, logger };
  const providers = createProviders(settings);
  api = await createTestApi({ providers, queueBackend });
};

type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

async function ask(path: string, method: Method = 'GET', headers: object = operator) {
  return toAnswer(
    await api.app.inject({ method, url: `${board}${path}`, headers: { ...headers } }),
  );
}

const jobLists = z.array(z.object({ jobs: z.array(z.object({ name: z.string() })) }));
const firstResponse = z.tuple([z.object({ statusCode: z.number() })]);
const results = z.array(z.looseObject({ job_id: z.string() }));
const idRow = z.object({ id: z.string() });

/** A post in that state, and a failed job of it. */
async function failedJob(status: string, jobId: string, queue = 'facebook'): Promise<string> {
  const tenant = await api.createTenant({ name: 'Aurora Ltd' });
  const [integration] = await api.db.query<object>({
    text: `INSERT INTO social_publisher.integrations (tenant_id, provider, external_account_id, name)
           VALUES ($1, 'facebook', '1', 'Aurora Bakery') RETURNING id`,
    values: [tenant.id],
  });
  const [row] = await api.db.query<object>({
    text: `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message, reference)
           VALUES ($1, $2, 'approved', 'Hello <b>there</b>', $3) RETURNING id`,
    values: [tenant.id, idRow.parse(integration).id, `ref-${jobId}`],
  });
  const { id } = idRow.parse(row);
  await api.db.query({
    text: `UPDATE social_publisher.social_posts SET internal_write = true, status = $2 WHERE id = $1`,
    values: [id, status],
  });
  await failJob(queue, jobId, { postId: id, run: 1, note: `token ${token}` });
  return id;
}

async function addAttempt(postId: string, calls: readonly object[]): Promise<void> {
  await api.db.query({
    text: `INSERT INTO social_publisher.publish_attempts
             (post_id, integration_id, run, version, state, mode, content_hash, content, budget_key, calls, started_at, settled_at)
           SELECT id, integration_id, 1, 1, 'rejected', 'publish', 'hash', '{}', 'key', $2, '2026-11-21T07:59:59Z', '2026-11-21T08:01:00Z'
           FROM social_publisher.social_posts WHERE id = $1`,
    values: [postId, JSON.stringify(calls)],
  });
}

const failing: JobDefinition<object, object> = {
  name: 'publish-post',
  payload: z.looseObject({}),
  perform: () => Promise.reject(new Error(`Refused: access_token=${token}`)),
};

async function failJob(queueName: string, id: string, payload: object): Promise<void> {
  const { queues, log } = api.services;
  await queues.add(queueName, failing, [{ id, payload: { ...payload } }]);
  const options = { queues, queueName, definitions: [failing], services: {}, concurrency: 1 };
  const worker = startWorker({ ...options, logger: log });
  while ((await queues.queue(queueName).getJobState(id)) !== 'failed') await delay(20);
  await worker.close({ deadlineMs: 1_000 });
}

/** Resolves with what ends it. */
async function keepFromRemoval(
  kind: 'redis' | 'postgres',
  id: string,
): Promise<() => Promise<unknown>> {
  if (kind === 'redis') {
    const key = `${api.services.queues.queue('facebook').toKey(id)}:lock`;
    const redis = new Redis(redisUrl());
    await redis.set(key, 'somebody');
    return async () => {
      await redis.del(key);
      redis.disconnect();
    };
  }
  await api.db.query({
    text: `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'kept'; END $$`,
  });
  await api.db.query({
    text: `CREATE TRIGGER kept BEFORE DELETE ON social_publisher_queue.job FOR EACH ROW EXECUTE FUNCTION refuse()`,
  });
  return () => api.db.query({ text: 'DROP FUNCTION refuse() CASCADE' });
}

async function statusOf(postId: string): Promise<unknown> {
  const [row] = await api.db.query<{ status: string }>({
    text: 'SELECT status FROM social_publisher.social_posts WHERE id = $1',
    values: [postId],
  });
  return row?.status;
}

describe('the dashboard', () => {
  beforeAll(openApi('postgres'));
  afterAll(() => api.close());

  it.each([
    [{}],
    [{ authorization: basic('wrong') }],
    [{ authorization: basic('') }],
    [{ authorization: 'Bearer wrong' }],
    [{ authorization: `Basic ${operatorToken}` }],
  ])('is closed to %j, its pictures and data too', async (headers) => {
    for (const path of ['', '/', '/api/queues', '/static/favicon-32x32.png', '/queue/facebook']) {
      const answer = await ask(path, 'GET', headers);
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toMatch(/^Basic /);
    }
  });

  it("is closed to a tenant's key", async () => {
    const tenant = await api.createTenant();
    const headers = { authorization: `Bearer ${tenant.key}` };
    expect((await ask('/api/queues', 'GET', headers)).status).toBe(401);
  });

  it('opens to the operator by password and by bearer token, with everything it loads', async () => {
    const page = await ask('');
    expect(page.status).toBe(200);
    expect(page.text).not.toMatch(/https?:\/\//);
    const loaded = [...page.text.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, url]) => url);
    expect(loaded.length).toBeGreaterThan(3);
    for (const url of loaded) expect((await ask(`/${url}`)).status).toBe(200);
    const headers = { authorization: `Bearer ${operatorToken}` };
    expect((await ask('/api/queues', 'GET', headers)).status).toBe(200);
  });

  it('shows every queue', async () => {
    const answer = await ask('/api/queues');
    expect(answer.body['queues']).toMatchObject([{ name: 'facebook' }, { name: 'background' }]);
  });

  it('shows a failed job with its payload redacted and its reason masked', async () => {
    const postId = await failedJob('failed', 'shown-1');
    const list = await ask('/api/queues?activeQueue=facebook&status=failed&page=1&jobsPerPage=10');
    const job = await ask('/api/queues/facebook/shown-1');
    for (const answer of [list, job]) {
      expect(answer.status).toBe(200);
      expect(answer.text).toContain(postId);
      expect(answer.text).toContain('[redacted]');
      expect(answer.text).toContain('access_token=[secret]');
      expect(answer.text).not.toContain(token);
    }
  });

  it('names the post of a job, its Page and tenant, and says what became of it', async () => {
    const postId = await failedJob('failed', 'named-1');
    await api.db.query({
      text: `UPDATE social_publisher.social_posts SET internal_write = true, external_id = '1_77' WHERE id = $1`,
      values: [postId],
    });
    const job = {
      id: 'named-1',
      name: 'ref-named-1 · Aurora Bakery · Aurora Ltd · publish-post',
      data: {
        post: { status_now: 'failed', external_id: '1_77', reference: 'ref-named-1' },
        postId,
        run: 1,
        note: '[redacted]',
      },
      externalUrl: { href: `/admin/posts/${postId}` },
    };
    const list = await ask('/api/queues?activeQueue=facebook&status=failed&page=1&jobsPerPage=50');
    const [listed] = jobLists.parse(list.body['queues']);
    expect(listed?.jobs.map(({ name }) => name)).toContain(job.name);
    expect((await ask('/api/queues/facebook/named-1')).body['job']).toMatchObject(job);
  });

  it("tells a post's calls and changes as the log of its job, without its text", async () => {
    const postId = await failedJob('failed', 'logged-1');
    const calls = [
      {
        method: 'POST',
        path: '/1/feed',
        effect: 'publishes',
        status: 400,
        at: '2026-11-21T08:00:00.000Z',
      },
    ];
    await addAttempt(postId, calls);
    const answer = await ask('/api/queues/facebook/logged-1/logs');
    const lines = z.array(z.string()).parse(JSON.parse(answer.text));
    expect(lines).toContainEqual(
      expect.stringContaining('attempt 1: POST /1/feed (publishes) answered 400'),
    );
    expect(lines).toContainEqual(expect.stringContaining('created as approved'));
    expect(lines.at(-1)).toContain('The post is failed now.');
    expect(answer.text).not.toContain('Hello');
  });

  it('keeps the log of a job at 200 moments', async () => {
    const postId = await failedJob('failed', 'long-1');
    await addAttempt(
      postId,
      Array.from({ length: 300 }, (_, n) => ({
        method: 'POST',
        path: `/1/photos-${n}`,
        effect: 'stages',
        status: 200,
        at: new Date(Date.UTC(2026, 10, 21, 8, 0, n)).toISOString(),
      })),
    );
    const { text } = await ask('/api/queues/facebook/long-1/logs');
    const lines = z.array(z.string()).parse(JSON.parse(text));
    expect(lines).toHaveLength(202);
    expect(lines[0]).toMatch(/^\d+ earlier moments are on the post's own page\.$/);
  });

  it('hides tabs that our jobs never fill, and shows one that somebody filled', async () => {
    const { queues } = api.services;
    await queues.queue('facebook').add('publish-post', {}, { jobId: 'later-1', delay: 60_000 });
    const answer = await ask('/api/queues');
    const usual = ['latest', 'active', 'waiting', 'completed', 'failed'];
    expect(answer.body['queues']).toMatchObject([
      { name: 'facebook', statuses: [...usual, 'delayed'] },
      { name: 'background', statuses: usual },
    ]);
    await queues.queue('facebook').remove('later-1');
  });

  it('lists at most 100 jobs a page, whatever is asked for', async () => {
    const list = await ask('/api/queues?activeQueue=facebook&status=failed&jobsPerPage=100000000');
    expect(list.body['queues']).toMatchObject([{ pagination: { range: { end: 99 } } }, {}]);
  });

  it('says in every language what a retry does', async () => {
    for (const language of ['en-US', 'de-DE']) {
      const { status, text } = await ask(`/static/locales/${language}/messages.json?v=9.10.1`);
      expect(status).toBe(200);
      expect(text).toContain('goes through all checks');
      expect(text).not.toContain('Redis eviction');
    }
    expect((await ask('/static/locales/xx-XX/messages.json')).status).toBe(404);
  });

  it('answers 404 to a path that leads out of its folder', async () => {
    const { port } = new URL(await api.app.listen({ host: '127.0.0.1', port: 0 }));
    for (const path of ['../../../package.json', '..%2f..%2f..%2fpackage.json']) {
      const url = { host: '127.0.0.1', port, path: `${board}/static/${path}`, headers: operator };
      const [{ statusCode }] = firstResponse.parse(await once(request(url).end(), 'response'));
      expect(statusCode).toBe(404);
    }
  });

  it('offers buttons only where failed jobs are looked at', async () => {
    const failed = await ask('/api/queues?activeQueue=facebook&status=failed');
    expect(failed.body['queues']).toMatchObject([
      { readOnlyMode: false, allowRetries: true, allowCompletedRetries: false },
      { readOnlyMode: false },
    ]);
    const waiting = await ask('/api/queues?activeQueue=facebook&status=waiting');
    expect(waiting.body['queues']).toMatchObject([{ readOnlyMode: true }, { readOnlyMode: true }]);
  });

  it('answers at once while the queue is away', async () => {
    const queues = openQueues({
      backend: { kind: 'redis', url: 'redis://127.0.0.1:1' },
      names: ['facebook', 'background'],
      logger,
    });
    const app = await buildApi({ ...api.services, queues });
    const answer = await app.inject({ url: `${board}/api/queues`, headers: operator });
    expect(answer.statusCode).toBe(503);
    await app.close();
    await queues.close();
  });
});

const open = async (id: string, headers: object = operator) =>
  toAnswer(await api.app.inject({ url: `/admin/posts/${id}`, headers: { ...headers } }));

describe('the page of a post', () => {
  beforeAll(openApi('postgres'));
  afterAll(() => api.close());

  it('is closed to whom the dashboard is closed', async () => {
    const tenant = await api.createTenant();
    for (const headers of [{}, { authorization: `Bearer ${tenant.key}` }]) {
      const answer = await open('01938c5e-7a10-7cc3-9d52-3f1f0a2b4c6d', headers);
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toMatch(/^Basic /);
    }
  });

  it('tells how the post stands and what happened, without scripts and with the text escaped', async () => {
    const postId = await failedJob('failed', 'page-1');
    await addAttempt(postId, [
      {
        method: 'POST',
        path: `/1/feed?access_token=${token}`,
        effect: 'publishes',
        status: 400,
        at: '2026-11-21T08:00:00.000Z',
      },
    ]);
    const { status, text, headers } = await open(postId);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['x-content-type-options']).toBe('nosniff');
    for (const part of [
      'ref-page-1',
      'Aurora Bakery',
      'Aurora Ltd',
      'failed',
      'created as approved',
      'POST /1/feed',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).toContain('Hello &#60;b&#62;there');
    expect(text).not.toMatch(/<script|<b>there/);
    expect(text).not.toContain(token);
  });

  it('opens for a post whose media nobody can read', async () => {
    const postId = await failedJob('failed', 'media-1');
    await api.db.query({
      text: `UPDATE social_publisher.social_posts SET internal_write = true, media = '["?", {"type": "image"}]' WHERE id = $1`,
      values: [postId],
    });
    const { status, text } = await open(postId);
    expect(status).toBe(200);
    expect(text).toContain('(no address) (no address)');
  });

  it('is not there for a post that is not there', async () => {
    expect((await open('01938c5e-7a10-7cc3-9d52-3f1f0a2b4c6d')).status).toBe(404);
    expect((await open('none')).status).toBe(404);
  });
});

describe('what could pass the rows by', () => {
  beforeAll(openApi('postgres'));
  afterAll(() => api.close());

  it.each([
    ['POST', '/api/queues/facebook/add'],
    ['PUT', '/api/queues/facebook/promote'],
    ['PUT', '/api/queues/facebook/clean/failed'],
    ['PUT', '/api/queues/facebook/clean/delayed'],
    ['PUT', '/api/queues/facebook/pause'],
    ['PUT', '/api/queues/facebook/resume'],
    ['PUT', '/api/queues/facebook/empty'],
    ['PUT', '/api/queues/facebook/obliterate'],
    ['PUT', '/api/queues/facebook/concurrency'],
    ['PUT', '/api/queues/facebook/rate-limit'],
    ['PUT', '/api/queues/pause'],
    ['PUT', '/api/queues/resume'],
    ['PUT', '/api/queues/facebook/kept-1/clean'],
    ['PUT', '/api/queues/facebook/kept-1/promote'],
    ['PATCH', '/api/queues/facebook/kept-1/update-data'],
    ['PATCH', '/api/queues/facebook/kept-1/delay'],
    ['PATCH', '/api/queues/facebook/kept-1/priority'],
    ['PUT', '/api/queues/facebook/job-schedulers/x/run'],
    ['DELETE', '/api/queues/facebook/kept-1'],
  ] as const)('%s %s is absent', async (method, path) => {
    expect((await ask(path, method)).status).toBe(404);
  });

  it('no route of Bull Board is mounted that changes anything', () => {
    const routes = api.app.printRoutes({ commonPrefix: false });
    const own = routes.slice(routes.indexOf(`${board} (`)).split('\n');
    const writing = own.filter((line) => /\([A-Z, ]+\)/.test(line) && !/GET/.test(line));
    expect(own.length).toBeGreaterThan(10);
    expect(writing).toEqual([
      expect.stringContaining('/:queueName/retry/:queueStatus (PUT)'),
      expect.stringContaining('/retry (PUT)'),
    ]);
  });
});

describe.each(queueBackends())('retrying a failed job on %s', (kind) => {
  beforeAll(openApi(kind));
  afterAll(async () => {
    await api.services.queues.wipe();
    await api.close();
  });

  it('retries its post by the row, and the job is done with', async () => {
    const postId = await failedJob('failed', 'retried-1');
    const answer = await ask('/api/queues/facebook/retried-1/retry', 'PUT');
    const result = {
      job_id: 'retried-1',
      post_id: postId,
      outcome: 'approved',
      status: 'approved',
    };
    expect(answer).toMatchObject({
      status: 200,
      body: { retried: 1, skipped: 0, results: [result] },
    });
    expect(await statusOf(postId)).toBe('approved');
    expect(await api.services.queues.queue('facebook').getJobState('retried-1')).toBe('unknown');
  });

  it('tells of a post that is on its way already, and leaves no job of it behind', async () => {
    const postId = await failedJob('approved', 'again-1');
    const answer = await ask('/api/queues/facebook/again-1/retry', 'PUT');
    const result = { post_id: postId, outcome: 'under_way', status: 'approved' };
    expect(answer).toMatchObject({
      status: 200,
      body: { retried: 0, skipped: 0, results: [result] },
    });
    expect(await api.services.queues.queue('facebook').getJobState('again-1')).toBe('unknown');
  });

  it('says what became of the post also when its job cannot be removed', async () => {
    const postId = await failedJob('failed', 'stuck-1');
    const free = await keepFromRemoval(kind, 'stuck-1');
    const answer = await ask('/api/queues/facebook/stuck-1/retry', 'PUT');
    await free();
    expect(answer).toMatchObject({ status: 200, body: { retried: 1 } });
    expect(await statusOf(postId)).toBe('approved');
    expect(await api.services.queues.queue('facebook').getJobState('stuck-1')).toBe('failed');
    expect(api.logged.join('')).toContain('retried, but the failed job is still in the queue');
  });

  it.each([
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'none', origin: 'http://evil.example' }, 404],
    [{ 'sec-fetch-site': 'same-origin' }, 404],
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: 'https://publisher.test' }, 404],
    [{ origin: 'http://board.local:3000', host: 'board.local:3000' }, 404],
  ])('asked for by a page that says %j is answered %i', async (headers, status) => {
    for (const path of [
      '/api/queues/facebook/nothing/retry',
      '/api/queues/elsewhere/retry/failed',
    ]) {
      expect((await ask(path, 'PUT', { ...operator, ...headers })).status).toBe(status);
    }
  });

  it.each(['published', 'scheduled', 'cancelled', 'unknown'])(
    'changes nothing of a post that is %s',
    async (status) => {
      const postId = await failedJob(status, `refused-${status}`);
      const answer = await ask(`/api/queues/facebook/refused-${status}/retry`, 'PUT');
      expect(answer.status).toBe(409);
      expect(await statusOf(postId)).toBe(status);
      const { queues } = api.services;
      expect(await queues.queue('facebook').getJobState(`refused-${status}`)).toBe('failed');
    },
  );

  it('is refused for a job that is not failed, unknown, or carries no post', async () => {
    const { queues } = api.services;
    await queues.queue('facebook').add('publish-post', {}, { jobId: 'waiting-1' });
    expect((await ask('/api/queues/facebook/waiting-1/retry', 'PUT')).status).toBe(409);
    await queues.queue('facebook').remove('waiting-1');
    expect((await ask('/api/queues/facebook/nothing/retry', 'PUT')).status).toBe(404);
    expect((await ask('/api/queues/elsewhere/nothing/retry', 'PUT')).status).toBe(404);
    await failJob('background', 'other-1', { postId: 'none' });
    expect((await ask('/api/queues/background/other-1/retry', 'PUT')).status).toBe(409);
  });

  it('all of them retries those whose rows allow it', async () => {
    await api.services.queues.wipe();
    const failed = await failedJob('failed', 'all-1');
    const missed = await failedJob('missed', 'all-2');
    const live = await failedJob('published', 'all-3');
    const answer = await ask('/api/queues/facebook/retry/failed', 'PUT');
    expect(answer).toMatchObject({ status: 200, body: { retried: 2, skipped: 1 } });
    const told = results.parse(answer.body['results']);
    expect(told.find(({ job_id: id }) => id === 'all-1')).toMatchObject({ outcome: 'approved' });
    expect(told.find(({ job_id: id }) => id === 'all-3')).toMatchObject({
      outcome: 'refused',
      status: 'published',
      reason: 'the post is published: only a post that failed or was missed is retried',
    });
    const left = await api.services.queues.queue('facebook').getFailed();
    expect(left.map((job) => job.id)).toEqual(['all-3']);
    expect([await statusOf(failed), await statusOf(missed), await statusOf(live)]).toEqual([
      'approved',
      'approved',
      'published',
    ]);
    expect((await ask('/api/queues/facebook/retry/completed', 'PUT')).status).toBe(409);
  });
});
