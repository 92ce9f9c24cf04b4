import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startHealthServer } from '../../../src/api/health.ts';
import { buildApi } from '../../../src/api/server.ts';
import type { Database } from '../../../src/db/client.ts';
import {
  createTestApi,
  operatorToken,
  type TestApi,
  type TestTenant,
  toAnswer,
} from '../../support/api.ts';
import { until } from '../../support/fleet.ts';

let api: TestApi;
let tenant: TestTenant;
beforeAll(async () => {
  api = await createTestApi({ env: { TENANT_REQUESTS_PER_SECOND: '1', HEALTH_PORT: '0' } });
  tenant = await api.createTenant();
});
afterAll(() => api.close());

const many = (count: number) => Array.from({ length: count }, (_, index) => index);
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

interface From {
  readonly address: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask({ address, url = '/v1/posts', headers = {} }: From, app = api.app) {
  return toAnswer(await app.inject({ url, headers, remoteAddress: address }));
}

async function statuses(count: number, from: (index: number) => From): Promise<number[]> {
  const found: number[] = [];
  for (const index of many(count)) found.push((await ask(from(index))).status);
  return found;
}

const countOf = (list: readonly number[], status: number) =>
  list.filter((one) => one === status).length;

const wrong = (peer: string, forwarded: string) => ({
  address: peer,
  headers: { ...bearer(`wrong${peer}${forwarded}`), 'x-forwarded-for': forwarded },
});

const basic = (password: string) => ({
  authorization: `Basic ${Buffer.from(`any:${password}`).toString('base64')}`,
});

async function counted(): Promise<number> {
  const { text } = await api.call('GET', '/metrics');
  return Number(/auth_failures_total\{reason="wrong"\} (\d+)/.exec(text)?.[1] ?? 0);
}

async function listen(app: FastifyInstance): Promise<number> {
  return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
}

const openAt = (app: FastifyInstance) =>
  new Promise<number>((resolve, reject) =>
    app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  );

const listRequest = (key: string, connection: string) =>
  [
    'GET /v1/posts?limit=200 HTTP/1.1',
    'Host: publisher.test',
    `Authorization: Bearer ${key}`,
    `Connection: ${connection}`,
    '\r\n',
  ].join('\r\n');

/** What is allowed comes back with time: none passes here, however slow the machine is. */
function standStill(): void {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());
}

describe('requests of one tenant', () => {
  standStill();

  it('beyond its burst are refused until it has rested; other tenants and the operator go on', async () => {
    const busy = await api.createTenant();
    const from = { address: '203.0.113.1', headers: bearer(busy.key) };
    const answers = await Promise.all(many(60).map(() => ask(from)));
    const limited = answers.filter(({ status }) => status === 429);
    const taken = answers.filter(({ status }) => status === 200).length;
    expect(taken).toBeGreaterThanOrEqual(25);
    expect(taken).toBeLessThan(40);
    expect(taken + limited.length).toBe(60);
    expect(limited[0]?.body).toMatchObject({
      code: 'too_many_requests',
      detail: 'This tenant has sent too many requests.',
    });
    expect(Number(limited[0]?.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect((await ask({ ...from, headers: bearer(busy.readKey) })).status).toBe(429);
    expect((await ask({ ...from, headers: bearer(tenant.key) })).status).toBe(200);
    const operator = { ...bearer(operatorToken), 'tenant-id': busy.id };
    expect((await ask({ ...from, headers: operator })).status).toBe(200);
  });
});

describe('requests from one address', () => {
  standStill();

  it('of strangers are limited; who was let in before, and other addresses, are not', async () => {
    const address = '203.0.113.2';
    const known = { address, headers: bearer(operatorToken), url: '/v1/tenants' };
    expect((await ask(known)).status).toBe(200);
    const answers = await Promise.all(many(300).map(() => ask({ address, url: '/nothing' })));
    const found = answers.map(({ status }) => status);
    expect(countOf(found, 404)).toBeGreaterThanOrEqual(124);
    expect(countOf(found, 429)).toBeGreaterThan(100);
    expect(countOf(found, 404) + countOf(found, 429)).toBe(300);
    expect((await ask({ address: '203.0.113.3', url: '/nothing' })).status).toBe(404);
    const board = await Promise.all(many(20).map(() => ask({ address, url: '/admin/queues' })));
    const shown = new Set(board.map(({ status }) => status));
    expect(shown.has(429)).toBe(true);
    expect(shown.difference(new Set([401, 429]))).toEqual(new Set());
    expect((await ask({ address, url: '/healthz' })).status).toBe(200);
    expect((await ask(known)).status).toBe(200);
  });

  it('are told apart behind a proxy that is trusted, and only there', async () => {
    const trusted = await statuses(30, (index) => wrong('127.0.0.1', `198.51.100.${index}`));
    expect(countOf(trusted, 401)).toBe(30);
    const forged = await statuses(30, (index) => wrong('203.0.113.4', `198.51.100.${index}`));
    expect(countOf(forged, 401)).toBeLessThan(25);
    expect(forged.at(-1)).toBe(429);
    const warnings = api.logged.filter((line) => line.includes('TRUSTED_PROXIES'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('203.0.113.4');
  });
});

describe('wrong credentials', () => {
  standStill();

  it('from one address are limited, counted and told once, and cost no query by then', async () => {
    let queries = 0;
    const db: Database = {
      ...api.db,
      query: (statement) => {
        queries += 1;
        return api.db.query(statement);
      },
    };
    const app = await buildApi({ ...api.services, db });
    const before = await counted();
    const address = '203.0.113.5';
    const guess = (index: number) =>
      ask({ address, headers: bearer(`sp_tenant_guess${index}`) }, app);
    const found: number[] = [];
    for (const index of many(200)) found.push((await guess(index)).status);
    expect(countOf(found, 401)).toBeGreaterThanOrEqual(20);
    expect(countOf(found, 401)).toBeLessThan(40);
    expect(found.at(-1)).toBe(429);
    expect(queries).toBe(countOf(found, 401));
    expect(await counted()).toBe(before + countOf(found, 401));
    const told = api.logged.filter((line) => line.includes(address));
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('"level":"warn"');
    expect(told[0]).not.toContain('guess');
    await app.close();
  });

  it('lock nobody out whose key was good before, and nobody elsewhere', async () => {
    const address = '203.0.113.6';
    const fresh = await api.createTenant();
    const known = await api.createTenant();
    const used = (key: string) => ({ address, headers: bearer(key) });
    expect((await ask(used(known.key))).status).toBe(200);
    await statuses(40, (index) => used(`wrong${index}`));
    expect((await ask(used(known.key))).status).toBe(200);
    expect((await ask(used(fresh.key))).status).toBe(429);
    expect((await ask({ ...used(fresh.key), address: '203.0.113.7' })).status).toBe(200);
    expect((await ask(used(fresh.key))).status).toBe(200);
    await api.db.query({
      text: 'DELETE FROM social_publisher.api_keys WHERE tenant_id = $1',
      values: [known.id],
    });
    await statuses(5, (index) => used(`again${index}`));
    expect((await ask(used(known.key))).status).toBe(401);
    expect((await ask(used(known.key))).status).toBe(429);
  });

  it.each(['/statusz', '/metrics', '/admin/queues', '/admin/queues/api/queues'])(
    'are limited at %s',
    async (url) => {
      const address = `203.0.113.${100 + url.length}`;
      const isBoard = url.startsWith('/admin');
      const headersOf = (token: string) => (isBoard ? basic(token) : bearer(token));
      expect((await ask({ address, url, headers: headersOf(operatorToken) })).status).toBe(200);
      const found = await statuses(30, (index) => ({
        address,
        url,
        headers: headersOf(`${url}${index}`),
      }));
      expect(countOf(found, 401)).toBeLessThan(25);
      expect(found.at(-1)).toBe(429);
      expect((await ask({ address, url, headers: headersOf(operatorToken) })).status).toBe(200);
    },
  );

  it('are limited at the port for health, which shares its memory with the API', async () => {
    const server = await startHealthServer(api.services);
    const read = async (token: string) =>
      fetch(`${server.url}/metrics`, { headers: bearer(token) });
    expect((await read(operatorToken)).status).toBe(200);
    const found: number[] = [];
    for (const index of many(60)) found.push((await read(`wrong${index}`)).status);
    expect(countOf(found, 401)).toBeLessThan(25);
    const last = await read('wrong');
    expect(last.status).toBe(429);
    expect(last.headers.get('retry-after')).toMatch(/^[1-3]$/);
    expect((await read(operatorToken)).status).toBe(200);
    const elsewhere = await ask({ address: '127.0.0.1', headers: bearer('wrong') });
    expect(elsewhere.status).toBe(429);
    await server.close();
  });

  it('that are missing are asked for, however often', async () => {
    const found = await statuses(40, () => ({ address: '203.0.113.8' }));
    expect(countOf(found, 401)).toBe(40);
  });
});

describe('a reader that takes nothing', () => {
  const sockets: Socket[] = [];
  let large: TestApi;
  let reader: TestTenant;

  beforeAll(async () => {
    large = await createTestApi();
    reader = await large.createTenant();
    await large.db.query({
      text: `WITH account AS (
               INSERT INTO social_publisher.integrations (tenant_id, provider, external_account_id)
               VALUES ($1, 'facebook', '4711') RETURNING id)
             INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message)
             SELECT $1, id, 'draft', repeat('x', 100000) FROM account, generate_series(1, 90)`,
      values: [reader.id],
    });
  });
  afterAll(async () => {
    closeAll();
    await large.close();
  });

  async function openDeafReader(port: number): Promise<void> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    socket.pause();
    // The system between the two takes some megabytes by itself.
    const { readKey } = reader;
    socket.write(`${listRequest(readKey, 'keep-alive').repeat(3)}${listRequest(readKey, 'close')}`);
  }

  function closeAll(): void {
    for (const socket of sockets.splice(0)) socket.destroy();
  }

  it('holds no more than a tenant may have under way, and not what is of others', async () => {
    const list = () => large.call('GET', '/v1/posts?limit=200', { token: reader.key });
    const port = await listen(large.app);
    for (const _ of many(12)) await openDeafReader(port);
    await until('its answers are under way', async () => (await list()).status === 429, 60_000);
    expect((await list()).body['detail']).toContain('too much under way');
    const other = await large.createTenant();
    expect((await large.call('GET', '/v1/posts', { token: other.key })).status).toBe(200);
    closeAll();
    await until('it may read again', async () => (await list()).status === 200, 60_000);
  }, 120_000);

  it('holds nothing once it has hung up, wherever its request had got to', async () => {
    const app = await buildApi(large.services);
    const port = await listen(app);
    for (const index of many(40)) {
      await openDeafReader(port);
      await delay(index % 8);
      closeAll();
    }
    await until('nobody is connected', async () => (await openAt(app)) === 0, 60_000);
    await app.close();
    const list = () => large.call('GET', '/v1/posts?limit=200', { token: reader.key });
    await until('nothing of it is under way', async () => (await list()).status === 200, 60_000);
    expect((await list()).status).toBe(200);
  }, 120_000);

  it('is dropped by its deadline', async () => {
    const app = await buildApi(large.services, { takenWithinMs: 500 });
    const port = await listen(app);
    for (const _ of many(4)) await openDeafReader(port);
    expect(await openAt(app)).toBeGreaterThan(0);
    await until('all of them are dropped', async () => (await openAt(app)) === 0, 60_000);
    expect(sockets).toHaveLength(4);
    closeAll();
    await app.close();
  }, 120_000);
});
