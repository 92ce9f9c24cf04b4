import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApi, operatorToken, type TestApi, toAnswer } from '../../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi();
});
afterAll(() => api.close());

const json = { authorization: `Bearer ${operatorToken}`, 'content-type': 'application/json' };

async function send(payload: string | Buffer, headers: Record<string, string> = {}) {
  const url = '/v1/tenants';
  return toAnswer(
    await api.app.inject({ method: 'POST', url, payload, headers: { ...json, ...headers } }),
  );
}

async function countTenants(): Promise<number | undefined> {
  const [row] = await api.db.query<{ count: number }>({
    text: 'SELECT count(*)::int AS count FROM social_publisher.tenants',
  });
  return row?.count;
}

const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

describe('a body', () => {
  it.each([
    ['cut off', '{"name":', 'malformed_json', 'json'],
    ['of two documents', '{} {}', 'malformed_json', 'json'],
    ['with a trailing comma', '{"name":"X",}', 'malformed_json', 'json'],
    ['with NaN', '{"late_limit_s":NaN}', 'malformed_json', 'json'],
    ['nested too deeply', deep(33), 'malformed_json', 'depth'],
    ['of a hundred thousand brackets', '['.repeat(100_000), 'malformed_json', 'json'],
    ['that names __proto__', '{"name":"X","__proto__":{"a":1}}', 'malformed_json', 'prototype'],
    [
      'that reaches for a prototype',
      '{"name":"X","constructor":{"prototype":{}}}',
      'malformed_json',
      'prototype',
    ],
    ['with NUL', String.raw`{"name":"a\u0000b"}`, 'malformed_text', 'text_nul'],
    ['with NUL in a name', String.raw`{"na\u0000me":"b"}`, 'malformed_text', 'text_nul'],
    [
      'with a lone high surrogate',
      String.raw`{"name":"\ud83d"}`,
      'malformed_text',
      'text_lone_surrogate',
    ],
    [
      'with a lone low surrogate',
      String.raw`{"name":"\ude00 "}`,
      'malformed_text',
      'text_lone_surrogate',
    ],
  ])('%s is refused with 400', async (_what, payload, code, rule) => {
    const before = await countTenants();
    const answer = await send(payload);
    expect(answer).toMatchObject({ status: 400, body: { code, errors: [{ rule }] } });
    expect(await countTenants()).toBe(before);
  });

  it('that is no UTF-8 is refused with 400', async () => {
    const answer = await send(Buffer.from([0x22, 0xff, 0xfe, 0x22]));
    expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_json' } });
  });

  it('is told where in it a text is at fault', async () => {
    const answer = await send(String.raw`{"name":"X","more":[{"a":"\u0000"}]}`);
    expect(answer.body.errors[0]?.path).toBe('more[0].a');
  });

  it('keeps whole surrogate pairs and every script', async () => {
    const name = 'Zażółć 👩🏽‍🚀 متجر 店';
    const answer = await send(JSON.stringify({ name }));
    expect(answer).toMatchObject({ status: 201, body: { name } });
  });

  it.each([
    ['null', 'malformed_request'],
    ['[]', 'malformed_request'],
    ['"text"', 'malformed_request'],
    ['', 'malformed_request'],
  ])('%j instead of an object is refused with 400', async (payload, code) => {
    expect(await send(payload)).toMatchObject({ status: 400, body: { code } });
  });

  it('larger than a mebibyte is refused with 413', async () => {
    const answer = await send(JSON.stringify({ name: 'x'.repeat(1024 * 1024) }));
    expect(answer).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
  });

  it.each([
    [{ 'content-type': 'text/plain' }],
    [{ 'content-type': 'application/x-www-form-urlencoded' }],
    [{ 'content-type': 'application/json', 'content-encoding': 'gzip' }],
  ])('with %j is refused with 415', async (headers) => {
    expect(await send('{"name":"X"}', headers)).toMatchObject({
      status: 415,
      body: { code: 'unsupported_media_type' },
    });
  });

  it('where none is read is refused with 400', async () => {
    const tenant = await api.createTenant();
    const path = `/v1/tenants/${tenant.id}/api-keys/${tenant.id}`;
    const answer = await api.call('DELETE', path, { body: { force: true } });
    expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
  });

  it('of somebody unknown is not even read', async () => {
    const answer = await send('{"name":', { authorization: 'Bearer nobody' });
    expect(answer.status).toBe(401);
  });
});

describe('an error', () => {
  it('is a problem document whose type leads to a page', async () => {
    const answer = await api.call('GET', '/v1/tenants/00000000-0000-7000-8000-000000000000?x=1', {
      headers: { 'x-request-id': 'seen-17' },
    });
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.body).toEqual({
      type: 'https://publisher.test/problems/malformed_request',
      title: 'The request cannot be understood',
      status: 400,
      detail: 'Unknown query parameter `x`.',
      code: 'malformed_request',
      instance: '/v1/tenants/00000000-0000-7000-8000-000000000000',
      request_id: 'seen-17',
      errors: [{ path: 'query.x', message: 'Unknown query parameter `x`', rule: 'unknown_field' }],
    });
    const page = await api.call('GET', '/problems/malformed_request', { token: null });
    expect(page.status).toBe(200);
    expect(page.text).toContain('The request cannot be understood');
  });

  it.each([
    ['GET', '/nothing', 404, 'not_found'],
    ['GET', '/v1/tenants/%zz', 400, 'malformed_request'],
    ['GET', `/v1/tenants/${'a'.repeat(600)}`, 414, 'uri_too_long'],
    ['GET', '/problems/unheard_of', 404, 'not_found'],
  ] as const)('%s %s answers %i', async (method, path, status, code) => {
    const answer = await api.call(method, path);
    expect(answer).toMatchObject({ status, body: { code, status } });
    expect(answer.headers['x-request-id']).toBeDefined();
  });

  it('405 names the methods that the address has', async () => {
    const answer = await api.call('PUT', '/v1/tenants', { body: {}, token: null });
    expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } });
    expect(answer.headers['allow']).toBe('POST, GET, HEAD');
  });

  it('of broken HTTP is a problem document too', async () => {
    const url = new URL(await api.app.listen({ host: '127.0.0.1', port: 0 }));
    const socket = connect(Number(url.port), url.hostname);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.write('NONSENSE\r\n\r\n');
    await once(socket, 'close');
    expect(Buffer.concat(chunks).toString()).toMatch(
      /^HTTP\/1\.1 400 [\s\S]+application\/problem\+json[\s\S]+"code":"malformed_request"/,
    );
  });
});

describe('the request id', () => {
  it.each(['abc-123', '0af7651916cd43dd8448eb211c80319c', 'a:b/c=d+e@f.g_h'])(
    '%s is echoed',
    async (given) => {
      const answer = await api.call('GET', '/healthz', { headers: { 'x-request-id': given } });
      expect(answer.headers['x-request-id']).toBe(given);
    },
  );

  it.each(['with space', '<script>', 'x'.repeat(129), ''])(
    '%j is not, and one is made',
    async (given) => {
      const answer = await api.call('GET', '/healthz', { headers: { 'x-request-id': given } });
      expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    },
  );
});

describe('HEAD', () => {
  it('answers as GET does, without the body', async () => {
    const headers = { authorization: `Bearer ${operatorToken}` };
    const answer = await api.app.inject({ method: 'HEAD', url: '/v1/tenants', headers });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toBe('');
  });
});

describe('a refusal', () => {
  it('names twenty fields, says how many more there are, and is no longer than the request', async () => {
    const body = Object.fromEntries(Array.from({ length: 40_000 }, (_, n) => [`field${n}`, n]));
    const answer = await api.call('POST', '/v1/tenants', { body: { name: 'X', ...body } });
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toHaveLength(20);
    expect(answer.body.errors[19]).toMatchObject({ path: 'field19', rule: 'unknown_field' });
    expect(answer.body['detail']).toBe(
      'Unknown field `field0`. 39980 more than the 20 named here.',
    );
    expect(answer.text.length).toBeLessThan(3_000);
  });

  it.each([
    ['unknown', { name: 'X', ['x'.repeat(100_000)]: 1 }],
    ['not allowed', JSON.parse(`{"${'x'.repeat(100_000)}":{"__proto__":1}}`)],
    ['not text', { ['x'.repeat(100_000)]: '\u0000' }],
  ])('cuts the name of a field that is %s', async (_name, body) => {
    const answer = await api.call('POST', '/v1/tenants', { body });
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0]?.path).toMatch(/^x{99}…/);
    expect(answer.text.length).toBeLessThan(1_000);
  });

  it('cuts the names of query parameters', async () => {
    const answer = await api.call('GET', `/v1/tenants?${'x'.repeat(5_000)}=1`);
    expect(answer.status).toBe(400);
    expect(answer.text.length).toBeLessThan(1_000);
  });
});
