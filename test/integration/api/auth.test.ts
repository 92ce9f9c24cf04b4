import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApi, operatorToken, type TestApi, type TestTenant } from '../../support/api.ts';

let api: TestApi;
let tenant: TestTenant;
let other: TestTenant;
let platformKey: string;
const nobody = '00000000-0000-7000-8000-000000000000';

beforeAll(async () => {
  api = await createTestApi({ env: { ADMIN_TOKEN: `${operatorToken},the-token-to-come-next` } });
  tenant = await api.createTenant({ name: 'Mine' });
  other = await api.createTenant({ name: 'Theirs' });
  const made = await api.call('POST', '/v1/api-keys', { body: { name: 'Calendar' } });
  platformKey = made.body.key;
});
afterAll(() => api.close());

const list = '/v1/integrations';

describe('without a good key', () => {
  it.each([
    [undefined],
    ['Bearer'],
    ['Bearer '],
    ['Bearer unknown'],
    ['Bearer sp_tenant_unknown'],
    [`Basic ${Buffer.from(`x:${operatorToken}`).toString('base64')}`],
    [operatorToken],
    [`Bearer ${operatorToken} twice`],
    [`Bearer ${operatorToken}x`],
    [`Bearer ${operatorToken.slice(0, -1)}`],
  ])('%j is 401 and says how to ask', async (authorization) => {
    const answer = await api.call('GET', list, {
      token: null,
      headers: {
        'tenant-id': tenant.id,
        ...(authorization === undefined ? {} : { authorization }),
      },
    });
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm=/);
  });
});

describe("a tenant's key", () => {
  it('acts for its tenant, named or not', async () => {
    expect((await api.call('GET', list, { token: tenant.key })).status).toBe(200);
    const headers = { 'tenant-id': tenant.id.toUpperCase() };
    expect((await api.call('GET', list, { token: tenant.key, headers })).status).toBe(200);
  });

  it.each([
    ['another tenant', () => other.id],
    ['a tenant that does not exist', () => nobody],
  ])('naming %s is 403', async (_what, id) => {
    const headers = { 'tenant-id': id() };
    expect(await api.call('GET', list, { token: tenant.key, headers })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
  });

  it.each([
    ['GET', '/v1/tenants'],
    ['POST', '/v1/tenants'],
    ['POST', '/v1/api-keys'],
    ['GET', '/statusz'],
    ['GET', '/metrics'],
  ] as const)('may not %s %s', async (method, path) => {
    const more = method === 'POST' ? { body: { name: 'X' } } : {};
    expect(await api.call(method, path, { token: tenant.key, ...more })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
  });

  it('that only reads is refused every write', async () => {
    expect((await api.call('GET', list, { token: tenant.readKey })).status).toBe(200);
    const body = { provider: 'facebook', external_account_id: '1', access_token: 'x' };
    const write = await api.call('POST', list, { token: tenant.readKey, body });
    expect(write).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    const path = `${list}/${nobody}`;
    expect((await api.call('DELETE', path, { token: tenant.readKey })).status).toBe(403);
  });
});

describe.each([
  ['the operator', () => operatorToken],
  ['the operator, with the second token', () => 'the-token-to-come-next'],
  ['a platform key', () => platformKey],
])('%s', (_who, token) => {
  it('acts for the tenant it names', async () => {
    const headers = { 'tenant-id': tenant.id };
    expect((await api.call('GET', list, { token: token(), headers })).status).toBe(200);
  });

  it.each([
    ['no tenant', undefined, 400, 'tenant_required'],
    ['a tenant that does not exist', nobody, 404, 'not_found'],
    ['no id', 'mine', 400, 'malformed_request'],
    ['an empty id', '', 400, 'malformed_request'],
  ])('naming %s is refused', async (_what, id, status, code) => {
    const headers: Record<string, string> = id === undefined ? {} : { 'tenant-id': id };
    expect(await api.call('GET', list, { token: token(), headers })).toMatchObject({
      status,
      body: { code },
    });
  });
});

describe('keys', () => {
  it('a platform key does nothing that is for the operator alone', async () => {
    const body = { name: 'X' };
    for (const path of ['/v1/tenants', '/v1/api-keys', `/v1/tenants/${tenant.id}/api-keys`]) {
      expect((await api.call('POST', path, { token: platformKey, body })).status).toBe(403);
    }
  });

  it('are shown once, tell their scope, and are stored as a hash only', async () => {
    const path = `/v1/tenants/${tenant.id}/api-keys`;
    const made = await api.call('POST', path, { body: { name: 'Shop', scope: 'read' } });
    expect(made.status).toBe(201);
    expect(made.body.key).toMatch(/^sp_read_[\w-]{43}$/);
    expect(made.body).toMatchObject({ name: 'Shop', scope: 'read', tenant_id: tenant.id });
    const rows = await api.db.query<object>({ text: 'SELECT * FROM social_publisher.api_keys' });
    expect(JSON.stringify(rows)).not.toContain(made.body.key);
    expect(api.logged.join('')).not.toContain(made.body.key);
  });

  it('stop working at once when they are deleted', async () => {
    const path = `/v1/tenants/${tenant.id}/api-keys`;
    const { body } = await api.call('POST', path, { body: { name: 'Short' } });
    expect((await api.call('GET', list, { token: body.key })).status).toBe(200);
    expect((await api.call('DELETE', `${path}/${body.id}`)).status).toBe(204);
    expect((await api.call('GET', list, { token: body.key })).status).toBe(401);
    expect((await api.call('DELETE', `${path}/${body.id}`)).status).toBe(404);
  });

  it("are not deleted by another tenant's address", async () => {
    const path = `/v1/tenants/${tenant.id}/api-keys`;
    const { body } = await api.call('POST', path, { body: { name: 'Kept' } });
    const wrong = await api.call('DELETE', `/v1/tenants/${other.id}/api-keys/${body.id}`);
    expect(wrong.status).toBe(404);
    expect((await api.call('DELETE', `/v1/api-keys/${body.id}`)).status).toBe(404);
    expect((await api.call('GET', list, { token: body.key })).status).toBe(200);
  });

  it.each([
    [{}, 400],
    [{ name: 'X', scope: 'platform' }, 422],
    [{ name: 'X', scope: 'admin' }, 422],
    [{ name: '' }, 422],
  ])('of a tenant refuse %j', async (body, status) => {
    const answer = await api.call('POST', `/v1/tenants/${tenant.id}/api-keys`, { body });
    expect(answer.status).toBe(status);
  });

  it('are not made for a tenant that does not exist', async () => {
    const path = `/v1/tenants/${nobody}/api-keys`;
    expect((await api.call('POST', path, { body: { name: 'X' } })).status).toBe(404);
  });

  it('of the platform are deleted by the operator', async () => {
    const { body } = await api.call('POST', '/v1/api-keys', {
      body: { name: 'Old', scope: 'platform' },
    });
    expect(body.key).toMatch(/^sp_platform_/);
    expect((await api.call('DELETE', `/v1/api-keys/${body.id}`)).status).toBe(204);
    const headers = { 'tenant-id': tenant.id };
    expect((await api.call('GET', list, { token: body.key, headers })).status).toBe(401);
  });
});
