import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startHealthServer } from '../../../src/api/health.ts';
import { buildApi } from '../../../src/api/server.ts';
import { type Database, openDatabase } from '../../../src/db/client.ts';
import { createLogger } from '../../../src/log.ts';
import { createProviders } from '../../../src/providers/index.ts';
import { openQueues, type Queues } from '../../../src/queue/queues.ts';
import { createTestApi, operatorToken, type TestApi, toAnswer } from '../../support/api.ts';
import { createEmptyDatabase } from '../../support/database.ts';
import { openProxy } from '../queue/outage-proxy.ts';

const nowhere = 'postgresql://nobody@127.0.0.1:1/nothing';
const logger = createLogger({ level: 'silent' });
let api: TestApi;
let noDatabase: Database;
let noQueues: Queues;

beforeAll(async () => {
  const settings = { baseUrl: 'http://127.0.0.1:1', version: 'v26.0', timeoutMs: 500, logger };
  api = await createTestApi({ providers: createProviders(settings) });
  noDatabase = openDatabase({ url: nowhere });
  noQueues = openQueues({
    backend: { kind: 'redis', url: 'redis://127.0.0.1:1' },
    names: ['facebook', 'background'],
    logger,
  });
});
afterAll(async () => {
  await noQueues.close();
  await noDatabase.close();
  await api.close();
});

const operator = { authorization: `Bearer ${operatorToken}` };

async function answerOf(services: TestApi['services'], request: { url: string; payload?: object }) {
  const app = await buildApi(services);
  const method = request.payload === undefined ? 'GET' : 'POST';
  const answer = toAnswer(await app.inject({ method, headers: operator, ...request }));
  await app.close();
  return answer;
}

describe('a process that reaches everything', () => {
  it('is alive and ready, whoever asks', async () => {
    expect(await api.call('GET', '/healthz', { token: null })).toMatchObject({
      status: 200,
      body: { status: 'ok' },
    });
    expect(await api.call('GET', '/readyz', { token: null })).toMatchObject({
      status: 200,
      body: { status: 'ready' },
    });
  });
});

describe('while the database is away', () => {
  it('a process is alive, not ready, and says why', async () => {
    const services = { ...api.services, db: noDatabase };
    expect((await answerOf(services, { url: '/healthz' })).status).toBe(200);
    const answer = await answerOf(services, { url: '/readyz' });
    expect(answer).toMatchObject({
      status: 503,
      body: { code: 'not_ready', errors: [{ path: 'database', rule: 'reachable' }] },
    });
    expect(answer.headers['retry-after']).toBe('5');
  });

  it.each(['/v1/tenants', '/statusz'])('%s answers 503 with Retry-After', async (url) => {
    const services = { ...api.services, db: noDatabase };
    const answer = await answerOf(services, { url });
    expect(answer).toMatchObject({ status: 503, body: { code: 'database_unavailable' } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.text).not.toContain('127.0.0.1');
  });
});

describe('a database that goes away and comes back', () => {
  it('is said, and nothing needs to be started again', async () => {
    const proxy = await openProxy(api.url);
    const db = openDatabase({ url: proxy.url });
    const app = await buildApi({ ...api.services, db });
    const status = async (url: string): Promise<number> =>
      (await app.inject({ url, headers: operator })).statusCode;
    expect([await status('/readyz'), await status('/v1/tenants')]).toEqual([200, 200]);
    await proxy.cut();
    expect([await status('/readyz'), await status('/v1/tenants')]).toEqual([503, 503]);
    await proxy.restore();
    expect([await status('/readyz'), await status('/v1/tenants')]).toEqual([200, 200]);
    await app.close();
    await db.close();
    await proxy.cut();
  });

  it('is not ready before anybody migrated it', async () => {
    const empty = await createEmptyDatabase();
    const db = openDatabase({ url: empty.url });
    const services = { ...api.services, db };
    expect((await answerOf(services, { url: '/readyz' })).status).toBe(503);
    expect((await answerOf(services, { url: '/v1/tenants' })).status).toBe(503);
    await db.close();
    await empty.drop();
  });
});

describe('while the queue is away', () => {
  it('a process is not ready and says why', async () => {
    const services = { ...api.services, queues: noQueues };
    expect(await answerOf(services, { url: '/readyz' })).toMatchObject({
      status: 503,
      body: { code: 'not_ready', errors: [{ path: 'queue', rule: 'reachable' }] },
    });
  });

  it('tenants are created all the same, and the status shows the rest', async () => {
    const services = { ...api.services, queues: noQueues };
    const made = await answerOf(services, { url: '/v1/tenants', payload: { name: 'Patient' } });
    expect(made.status).toBe(201);
    const status = await answerOf(services, { url: '/statusz' });
    expect(status.status).toBe(200);
    expect(status.body['queues']).toMatchObject([
      { queue: 'facebook', jobs: null },
      { queue: 'background', jobs: null },
    ]);
  });
});

const idRow = z.object({ id: z.string() });
const statusBody = z.object({
  providers: z.array(z.object({ oldest_due_s: z.number().nullable() }).loose()),
});

async function postWith(tenantId: string, integrationId: string, set: string): Promise<void> {
  const [row] = await api.db.query<object>({
    text: `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message)
           VALUES ($1, $2, 'approved', 'Hello') RETURNING id`,
    values: [tenantId, integrationId],
  });
  await api.db.query({
    text: `UPDATE social_publisher.social_posts SET internal_write = true, ${set} WHERE id = $1`,
    values: [idRow.parse(row).id],
  });
}

interface Left {
  readonly state: string;
  readonly hidden: string | null;
  readonly orphans?: readonly object[];
}

/** An attempt of a cancelled post, with what is still hidden at the network. */
async function leaveBehind(
  tenantId: string,
  integrationId: string,
  { state, hidden, orphans = [] }: Left,
): Promise<void> {
  await api.db.query({
    text: `WITH post AS (
             INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message)
             VALUES ($1, $2, 'draft', 'left') RETURNING id
           )
           INSERT INTO social_publisher.publish_attempts
             (post_id, integration_id, run, version, state, mode, content_hash, content, budget_key, sent_at, hidden_id, orphans)
           SELECT id, $2, 1, 1, $3, 'publish', id::text, '{}', 'b', now(), $4, $5 FROM post`,
    values: [tenantId, integrationId, state, hidden, JSON.stringify(orphans)],
  });
}

describe('the pipeline', () => {
  it('is shown to the operator by provider and queue', async () => {
    const tenant = await api.createTenant();
    const [row] = await api.db.query<object>({
      text: `INSERT INTO social_publisher.integrations (tenant_id, provider, external_account_id)
             VALUES ($1, 'facebook', '1') RETURNING id`,
      values: [tenant.id],
    });
    const { id } = idRow.parse(row);
    for (const set of [
      `next_run_at = now() - interval '5 minutes'`,
      `next_run_at = now() - interval '2 seconds'`,
      `next_run_at = now() + interval '10 days'`,
      `next_run_at = now() + interval '10 minutes', waiting = '{"reason":"budget"}'`,
      `next_run_at = now() + interval '1 minute', prepared_at = now()`,
      `status = 'publishing'`,
      `status = 'failed', attention = '{"reason":"x"}'`,
    ]) {
      await postWith(tenant.id, id, set);
    }
    await leaveBehind(tenant.id, id, { state: 'abandoned', hidden: '1_1' });
    await leaveBehind(tenant.id, id, { state: 'confirmed', hidden: '1_2' });
    const unknown = { id: null, media: [] };
    await leaveBehind(tenant.id, id, {
      state: 'confirmed',
      hidden: null,
      orphans: [unknown, { ...unknown, kept: 'several' }, { id: '1_3', media: [] }],
    });
    const answer = await api.call('GET', '/statusz');
    expect(answer.status).toBe(200);
    expect(answer.body['providers']).toMatchObject([
      {
        provider: 'facebook',
        posts: { due: 2, queued: 0, publishing: 1 },
        stuck: 1,
        waiting: { budget: 1 },
        prepared: 1,
        attention: 1,
        integrations: { active: 1 },
        remains: { to_delete: 3, kept: 1 },
      },
    ]);
    const [facebook] = statusBody.parse(answer.body).providers;
    expect(facebook?.oldest_due_s).toBeGreaterThanOrEqual(300);
    expect(facebook?.oldest_due_s).toBeLessThan(330);
    const jobs = { waiting: 0, active: 0, delayed: 0, failed: 0 };
    const canary = { seen_at: null, age_s: null, healthy: false };
    expect(answer.body['queues']).toEqual([
      { queue: 'facebook', jobs, canary },
      { queue: 'background', jobs, canary },
    ]);
  });

  it('is shown to Prometheus with the same numbers', async () => {
    const { headers, text } = await api.call('GET', '/metrics');
    expect(headers['content-type']).toContain('text/plain');
    expect(text).toContain('social_publisher_posts{provider="facebook",state="due"} 2');
    expect(text).toContain('social_publisher_posts_stuck{provider="facebook"} 1');
    expect(text).toContain('social_publisher_integrations{provider="facebook",status="active"} 1');
    expect(text).toContain('social_publisher_queue_jobs{queue="facebook",state="failed"} 0');
    expect(text).toContain('social_publisher_posts_prepared{provider="facebook"} 1');
    expect(text).toContain('social_publisher_hidden_remains{provider="facebook",state="kept"} 1');
    expect(text).toContain('process_cpu_seconds_total');
  });

  it('does not call posts stuck whose account waits for a person', async () => {
    await api.db.query({
      text: `UPDATE social_publisher.integrations SET status = 'needs_reconnect'`,
    });
    const answer = await api.call('GET', '/statusz');
    expect(answer.body['providers']).toMatchObject([{ posts: { due: 0 }, stuck: 0 }]);
  });
});

const withHealthPort = (services: TestApi['services']) => ({
  ...services,
  config: { ...services.config, http: { ...services.config.http, healthPort: 0 } },
});

describe('the health server', () => {
  it('answers on a port of its own, metrics only to the operator', async () => {
    const server = await startHealthServer(withHealthPort(api.services));
    const status = async (path: string, headers = {}): Promise<number> =>
      (await fetch(`${server.url}${path}`, { headers })).status;
    expect(await status('/healthz')).toBe(200);
    expect(await status('/readyz')).toBe(200);
    expect(await status('/metrics')).toBe(401);
    expect(await status('/metrics', operator)).toBe(200);
    expect(await status('/v1/tenants', operator)).toBe(404);
    await server.close();
  });

  it('says what is away', async () => {
    const services = { ...api.services, db: noDatabase, queues: noQueues };
    const server = await startHealthServer(withHealthPort(services));
    const response = await fetch(`${server.url}/readyz`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      code: 'not_ready',
      detail: 'The database and the queue cannot be reached.',
    });
    await server.close();
  });
});
