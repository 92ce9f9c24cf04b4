import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildApi } from '../../../src/api/server.ts';
import { createLogger } from '../../../src/log.ts';
import { createProviders } from '../../../src/providers/index.ts';
import { defineJob } from '../../../src/queue/job.ts';
import { openQueues } from '../../../src/queue/queues.ts';
import { startWorker } from '../../../src/queue/worker.ts';
import { createTestApi, operatorToken, type TestApi, toAnswer } from '../../support/api.ts';

const logger = createLogger({ level: 'silent' });
const board = '/admin/queues';
const token = 'EAAGplantedplantedplantedplanted0123456789';
const basic = (password: string): string =>
  `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}`;
const operator = { authorization: basic(operatorToken) };

let api: TestApi;
beforeAll(async () => {
  const settings = { baseUrl: 'http://127.0.0.1:1', version: 'v26.0', timeoutMs: 500, logger };
  api = await createTestApi({ providers: Object.values(createProviders(settings)) });
});
afterAll(() => api.close());

type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';

async function ask(path: string, method: Method = 'GET', headers: object = operator) {
  return toAnswer(
    await api.app.inject({ method, url: `${board}${path}`, headers: { ...headers } }),
  );
}

const idRow = z.object({ id: z.string() });

/** A post in that state, and a failed job of it. */
async function failedJob(status: string, jobId: string, queue = 'facebook'): Promise<string> {
  const tenant = await api.createTenant();
  const [integration] = await api.db.query<object>({
    text: `INSERT INTO social_publisher.integrations (tenant_id, provider, external_account_id)
           VALUES ($1, 'facebook', '1') RETURNING id`,
    values: [tenant.id],
  });
  const [row] = await api.db.query<object>({
    text: `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message)
           VALUES ($1, $2, 'approved', 'Hello') RETURNING id`,
    values: [tenant.id, idRow.parse(integration).id],
  });
  const { id } = idRow.parse(row);
  await api.db.query({
    text: `UPDATE social_publisher.social_posts SET internal_write = true, status = $2 WHERE id = $1`,
    values: [id, status],
  });
  await failJob(queue, jobId, { postId: id, run: 1, note: `token ${token}` });
  return id;
}

const failing = defineJob({
  name: 'publish-post',
  payload: z.looseObject({}),
  perform: () => Promise.reject(new Error(`Refused: access_token=${token}`)),
});

async function failJob(queueName: string, id: string, payload: object): Promise<void> {
  const { queues, log } = api.services;
  await queues.add(queueName, failing, [{ id, payload: { ...payload } }]);
  const options = { queues, queueName, definitions: [failing], services: {}, concurrency: 1 };
  const worker = startWorker({ ...options, logger: log });
  while ((await queues.queue(queueName).getJobState(id)) !== 'failed') await delay(20);
  await worker.close({ deadlineMs: 1_000 });
}

async function statusOf(postId: string): Promise<unknown> {
  const [row] = await api.db.query<{ status: string }>({
    text: 'SELECT status FROM social_publisher.social_posts WHERE id = $1',
    values: [postId],
  });
  return row?.status;
}

describe('the dashboard', () => {
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

describe('what could pass the rows by', () => {
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

describe('retrying a failed job', () => {
  it('retries its post by the row, and the job is done with', async () => {
    const postId = await failedJob('failed', 'retried-1');
    const answer = await ask('/api/queues/facebook/retried-1/retry', 'PUT');
    expect(answer).toMatchObject({ status: 200, body: { retried: 1 } });
    expect(await statusOf(postId)).toBe('approved');
    expect(await api.services.queues.queue('facebook').getJobState('retried-1')).toBe('unknown');
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
    expect([await statusOf(failed), await statusOf(missed), await statusOf(live)]).toEqual([
      'approved',
      'approved',
      'published',
    ]);
    expect((await ask('/api/queues/facebook/retry/completed', 'PUT')).status).toBe(409);
  });
});
