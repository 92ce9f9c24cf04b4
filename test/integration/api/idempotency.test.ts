import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiAnswer, createTestApi, type TestApi } from '../../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi();
});
afterAll(() => api.close());

function create(key: string, body: object = { name: 'Once' }): Promise<ApiAnswer> {
  return api.call('POST', '/v1/tenants', { body, headers: { 'idempotency-key': key } });
}

async function tenantsNamed(name: string): Promise<number> {
  const rows = await api.db.query<object>({
    text: 'SELECT 1 FROM social_publisher.tenants WHERE name = $1',
    values: [name],
  });
  return rows.length;
}

async function change(set: string, key: string): Promise<void> {
  await api.db.query({
    text: `UPDATE social_publisher.idempotency_keys SET ${set} WHERE key = $1`,
    values: [key],
  });
}

describe('the same request under the same key', () => {
  it('is carried out once and answered the same', async () => {
    const first = await create('key-1', { name: 'Only one', reference: 'r-1' });
    const again = await create('key-1', { name: 'Only one', reference: 'r-1' });
    expect(first.status).toBe(201);
    expect(again.status).toBe(201);
    expect(again.text).toBe(first.text);
    expect(again.headers['location']).toBe(first.headers['location']);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(await tenantsNamed('Only one')).toBe(1);
  });

  it('is the same whatever the order of its fields', async () => {
    const first = await create('key-2', { name: 'Order', reference: 'r-2' });
    const again = await create('key-2', { reference: 'r-2', name: 'Order' });
    expect(again.text).toBe(first.text);
  });

  it('is refused again as it was refused', async () => {
    await create('other', { name: 'Holder', reference: 'held' });
    const first = await create('key-3', { name: 'Refused', reference: 'held' });
    await api.db.query({ text: `DELETE FROM social_publisher.tenants WHERE reference = 'held'` });
    const again = await create('key-3', { name: 'Refused', reference: 'held' });
    expect(first.status).toBe(409);
    expect(again.text).toBe(first.text);
  });

  it('runs once when many come at the same moment', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => create('key-4', { name: 'Crowd' })),
    );
    const created = answers.filter(({ status }) => status === 201);
    const waiting = answers.filter(({ status }) => status === 409);
    expect(created.length + waiting.length).toBe(12);
    expect(new Set(created.map(({ body }) => body.id)).size).toBe(1);
    for (const { body, headers } of waiting) {
      expect(body.code).toBe('idempotency_in_progress');
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    }
    expect(await tenantsNamed('Crowd')).toBe(1);
  });

  it('answers a new key that is shown once again, and keeps it sealed only', async () => {
    const tenant = await api.createTenant();
    const make = () =>
      api.call('POST', `/v1/tenants/${tenant.id}/api-keys`, {
        body: { name: 'Lost answer' },
        headers: { 'idempotency-key': 'key-5' },
      });
    const first = await make();
    const again = await make();
    expect(again.body.key).toBe(first.body.key);
    const rows = await api.db.query<object>({
      text: 'SELECT * FROM social_publisher.idempotency_keys',
    });
    expect(JSON.stringify(rows)).not.toContain(first.body.key);
  });
});

describe('another request under the same key', () => {
  it('is 422', async () => {
    await create('key-6', { name: 'First' });
    const another = await create('key-6', { name: 'Second' });
    expect(another).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
    expect(await tenantsNamed('Second')).toBe(0);
    const elsewhere = await api.call('POST', '/v1/api-keys', {
      body: { name: 'First' },
      headers: { 'idempotency-key': 'key-6' },
    });
    expect(elsewhere).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  });

  it('is another once thirty days have passed', async () => {
    const first = await create('key-7', { name: 'Old' });
    await change(`created_at = now() - interval '31 days'`, 'key-7');
    const later = await create('key-7', { name: 'New' });
    expect(later.status).toBe(201);
    expect(later.body.id).not.toBe(first.body.id);
  });

  it('is another for another tenant', async () => {
    const [one, two] = [await api.createTenant(), await api.createTenant()];
    const unknown = { provider: 'none', external_account_id: '1', access_token: 'x' };
    const call = (token: string, body: object) =>
      api.call('POST', '/v1/integrations', {
        token,
        body,
        headers: { 'idempotency-key': 'shared' },
      });
    expect((await call(one.key, unknown)).body.code).toBe('unknown_provider');
    const other = await call(two.key, { ...unknown, provider: 'nothing' });
    expect(other.body.code).toBe('unknown_provider');
  });
});

describe('a request that crashed half-way', () => {
  it('is taken over once its lock has passed, and finds what it had made', async () => {
    const first = await create('key-8', { name: 'Crashed' });
    // As if the process had died between its effect and keeping the answer.
    await change(
      `status = NULL, response = NULL, locked_until = now() + interval '1 hour'`,
      'key-8',
    );
    expect((await create('key-8', { name: 'Crashed' })).body.code).toBe('idempotency_in_progress');
    await change(`locked_until = now() - interval '1 second'`, 'key-8');
    const again = await create('key-8', { name: 'Crashed' });
    expect(again).toMatchObject({ status: 201, body: { id: first.body.id } });
    expect(await tenantsNamed('Crashed')).toBe(1);
  });

  it('is not taken over by another body', async () => {
    await create('key-9', { name: 'Mine' });
    await change(`status = NULL, response = NULL, locked_until = now() - interval '1 s'`, 'key-9');
    expect((await create('key-9', { name: 'Not mine' })).body.code).toBe('idempotency_key_reused');
  });

  it('may be sent again at once after a 5xx, and another body may not', async () => {
    await api.db.query({ text: 'ALTER TABLE social_publisher.tenants RENAME name TO title' });
    const broken = await create('key-10', { name: 'Later' });
    await api.db.query({ text: 'ALTER TABLE social_publisher.tenants RENAME title TO name' });
    expect(broken).toMatchObject({ status: 500, body: { code: 'internal' } });
    expect(broken.text).not.toContain('column');
    expect((await create('key-10', { name: 'Else' })).body.code).toBe('idempotency_key_reused');
    expect((await create('key-10', { name: 'Later' })).status).toBe(201);
  });
});

describe('the key', () => {
  it.each(['', 'with space', 'ü', 'x'.repeat(256)])('%j is refused', async (key) => {
    expect(await create(key)).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
  });

  it('is nothing to a request that was not understood', async () => {
    expect((await create('key-11', { nam: 'Typo' })).status).toBe(400);
    expect((await create('key-11', { name: 'Right' })).status).toBe(201);
  });
});

describe('a key on a call that changes nothing', () => {
  it('is not used up by it', async () => {
    const tenant = await api.createTenant();
    const headers = { 'idempotency-key': 'jan-02' };
    const body = { integration_id: '01938c5e-7a10-7cc3-9d52-3f1f0a2b4c6d', message: 'Hello' };
    const validated = await api.call('POST', '/v1/posts/validate', {
      token: tenant.readKey,
      body,
      headers,
    });
    expect(validated).toMatchObject({ status: 404 });
    const rows = await api.db.query({
      text: 'SELECT 1 FROM social_publisher.idempotency_keys WHERE scope = $1',
      values: [tenant.id],
    });
    expect(rows).toEqual([]);
    const created = await api.call('POST', '/v1/posts', { token: tenant.key, body, headers });
    expect(created.body.code).toBe('not_found');
    const again = await api.call('POST', '/v1/posts', { token: tenant.key, body, headers });
    expect(again.headers['idempotency-replayed']).toBe('true');
  });
});
