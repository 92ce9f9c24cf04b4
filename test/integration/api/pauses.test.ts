import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFacebook } from '../../../src/providers/facebook/index.ts';
import { createTestApi, type TestApi, type TestTenant } from '../../support/api.ts';

let api: TestApi;
let tenant: TestTenant;
let other: TestTenant;
let page: string;
let othersPage: string;

beforeAll(async () => {
  const facebook = createFacebook(
    { request: () => Promise.reject(new Error('nobody is called')) },
    { version: 'v26.0' },
  );
  api = await createTestApi({ providers: [facebook] });
  [tenant, other] = [await api.createTenant(), await api.createTenant()];
  const integration = async (tenantId: string) =>
    (
      await api.db.prisma.integration.create({
        data: { tenantId, provider: 'facebook', externalAccountId: '1' },
      })
    ).id;
  [page, othersPage] = [await integration(tenant.id), await integration(other.id)];
});
afterAll(() => api.close());

const pause = (body: object, token?: string) =>
  api.call('POST', '/v1/pauses', { body, ...(token === undefined ? {} : { token }) });
const list = async (token?: string) =>
  (await api.call('GET', '/v1/pauses', token === undefined ? {} : { token })).body.data.map(
    ({ scope, target }) => [scope, target],
  );
const lift = async (id: string, token?: string) =>
  (await api.call('DELETE', `/v1/pauses/${id}`, token === undefined ? {} : { token })).status;

describe('pauses', () => {
  it('of everything are made, listed and lifted by the operator', async () => {
    const made = await pause({ scope: 'all', reason: 'moving' });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      scope: 'all',
      target: '',
      reason: 'moving',
      created_by: 'operator',
    });
    const again = await pause({ scope: 'all', reason: 'another reason' });
    expect([again.status, again.body.id, again.body['reason']]).toEqual([
      200,
      made.body.id,
      'moving',
    ]);
    expect(await list()).toEqual([['all', '']]);
    const { body: status } = await api.call('GET', '/statusz');
    expect(status['pauses']).toEqual([{ scope: 'all', target: '' }]);
    expect((await api.call('GET', '/metrics')).text).toContain('social_publisher_pauses 1');
    expect(await lift(made.body.id)).toBe(204);
    expect(await lift(made.body.id)).toBe(404);
    expect(await list()).toEqual([]);
  });

  it('of themselves and of their own accounts are the tenants to make', async () => {
    const self = await pause({ scope: 'tenant' }, tenant.key);
    expect([self.status, self.body['target'], self.body['created_by']]).toEqual([
      201,
      tenant.id,
      tenant.id,
    ]);
    const account = await pause({ scope: 'integration', target: page }, tenant.key);
    expect(account.status).toBe(201);
    expect(await list(tenant.key)).toEqual([
      ['integration', page],
      ['tenant', tenant.id],
    ]);
    expect(await list(tenant.readKey)).toHaveLength(2);
    expect(await list(other.key)).toEqual([]);
    expect(await lift(account.body.id, other.key)).toBe(404);
    expect(await lift(account.body.id, tenant.readKey)).toBe(403);
    for (const { id } of [self.body, account.body]) expect(await lift(id, tenant.key)).toBe(204);
  });

  it('of the operator stand whatever the tenant does', async () => {
    const mine = await pause({ scope: 'tenant', target: tenant.id });
    const theirs = await pause({ scope: 'tenant' }, tenant.key);
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(await lift(mine.body.id, tenant.key)).toBe(404);
    expect(await lift(theirs.body.id, tenant.key)).toBe(204);
    expect(await list(tenant.key)).toEqual([['tenant', tenant.id]]);
    expect(await lift(mine.body.id)).toBe(204);
  });

  it.each([{ scope: 'all' }, { scope: 'provider', target: 'facebook' }])(
    'of more than one tenant are not for a tenant: $scope',
    async (body) => {
      expect((await pause(body, tenant.key)).status).toBe(403);
    },
  );

  it('name something that exists, and of a tenant its own', async () => {
    const nobody = '01a1f79e-0000-7000-8000-000000000000';
    const wrong: readonly [object, string?][] = [
      [{ scope: 'provider', target: 'linkedin' }],
      [{ scope: 'provider' }],
      [{ scope: 'all', target: 'facebook' }],
      [{ scope: 'tenant', target: nobody }],
      [{ scope: 'tenant', target: 'bakery' }],
      [{ scope: 'integration', target: nobody }],
      [{ scope: 'integration', target: othersPage }, tenant.key],
      [{ scope: 'tenant', target: other.id }, tenant.key],
    ];
    for (const [body, token] of wrong) {
      const answer = await pause(body, token);
      expect([answer.status, answer.body.errors[0]?.path]).toEqual([422, 'target']);
    }
    expect((await pause({ scope: 'planet' })).status).toBe(422);
    expect(await list()).toEqual([]);
  });
});
