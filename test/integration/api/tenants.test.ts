import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApi, type TestApi } from '../../support/api.ts';

const someId: unknown = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
const someTime: unknown = expect.stringMatching(/Z$/);
const someText: unknown = expect.any(String);

let api: TestApi;
beforeAll(async () => {
  api = await createTestApi();
});
afterAll(() => api.close());

describe('tenants', () => {
  it('are created with defaults and read back', async () => {
    const made = await api.call('POST', '/v1/tenants', { body: { name: 'Bakery' } });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      id: someId,
      name: 'Bakery',
      timezone: 'UTC',
      auto_publish: false,
      late_limit_s: 7200,
      when_unknown: 'send_again',
      reference: null,
      contact_email: null,
      created_at: someTime,
      updated_at: someTime,
    });
    expect(made.headers['location']).toBe(`/v1/tenants/${made.body.id}`);
    const read = await api.call('GET', `/v1/tenants/${made.body.id}`);
    expect(read).toMatchObject({ status: 200, body: made.body });
  });

  it('keep every setting they are given, and a change leaves the others alone', async () => {
    const settings = {
      name: 'Florist',
      timezone: 'Europe/Berlin',
      auto_publish: true,
      late_limit_s: 60,
      when_unknown: 'ask',
      reference: 'crm-17',
      contact_email: 'marketing@florist.test',
    };
    const made = await api.call('POST', '/v1/tenants', { body: settings });
    expect(made.body).toMatchObject(settings);
    const changed = await api.call('PATCH', `/v1/tenants/${made.body.id}`, {
      body: { name: 'Flowers', reference: null },
    });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({ ...settings, name: 'Flowers', reference: null });
    const silent = { body: { contact_email: null } };
    const told = await api.call('PATCH', `/v1/tenants/${made.body.id}`, silent);
    expect(told.body).toMatchObject({ name: 'Flowers', contact_email: null });
    expect(Date.parse(changed.body.updated_at)).toBeGreaterThan(Date.parse(made.body.updated_at));
  });

  it('refuse a reference that another tenant has', async () => {
    await api.call('POST', '/v1/tenants', { body: { name: 'One', reference: 'taken' } });
    const second = await api.call('POST', '/v1/tenants', {
      body: { name: 'Two', reference: 'taken' },
    });
    expect(second).toMatchObject({ status: 409, body: { code: 'reference_taken' } });
    const third = await api.call('POST', '/v1/tenants', { body: { name: 'Three' } });
    const changed = await api.call('PATCH', `/v1/tenants/${third.body.id}`, {
      body: { reference: 'taken' },
    });
    expect(changed).toMatchObject({ status: 409, body: { code: 'reference_taken' } });
  });

  it.each([
    [{}, 400, 'name', 'required'],
    [{ name: '' }, 422, 'name', 'too_small'],
    [{ name: 'x'.repeat(201) }, 422, 'name', 'too_big'],
    [{ name: 'X', timezone: 'Mars/Olympus' }, 422, 'timezone', 'timezone_unknown'],
    [{ name: 'X', timezone: '+02:00' }, 422, 'timezone', 'timezone_unknown'],
    [{ name: 'X', late_limit_s: -1 }, 422, 'late_limit_s', 'too_small'],
    [{ name: 'X', late_limit_s: '60' }, 400, 'late_limit_s', 'invalid_type'],
    [{ name: 'X', late_limit_s: 1.5 }, 400, 'late_limit_s', 'invalid_type'],
    [{ name: 'X', contact_email: 'marketing' }, 422, 'contact_email', 'format_email'],
    [{ name: 'X', contact_email: 'a@b.test, c@d.test' }, 422, 'contact_email', 'format_email'],
    [{ name: 'X', when_unknown: 'never' }, 422, 'when_unknown', 'invalid_value'],
    [{ name: 'X', auto_publish: 'yes' }, 400, 'auto_publish', 'invalid_type'],
    [{ name: 'X', colour: 'red' }, 400, 'colour', 'unknown_field'],
  ])('refuse %j', async (body, status, path, rule) => {
    const answer = await api.call('POST', '/v1/tenants', { body });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body.errors).toContainEqual({ path, rule, message: someText });
  });

  it('are not found under an unknown id, and an id that is none is malformed', async () => {
    const unknown = '/v1/tenants/00000000-0000-7000-8000-000000000000';
    expect(await api.call('GET', unknown)).toMatchObject({ status: 404 });
    expect(await api.call('PATCH', unknown, { body: { name: 'X' } })).toMatchObject({
      status: 404,
    });
    expect(await api.call('GET', '/v1/tenants/42')).toMatchObject({
      status: 400,
      body: { code: 'malformed_request', errors: [{ path: 'params.id' }] },
    });
  });
});

describe('lists', () => {
  it('come newest first, a page at a time, each tenant once', async () => {
    const ids: string[] = [];
    for (const name of ['first', 'second', 'third']) {
      const made = await api.call('POST', '/v1/tenants', { body: { name } });
      ids.unshift(made.body.id);
    }
    const one = await api.call('GET', '/v1/tenants?limit=2');
    expect(one.body.data.map((tenant) => tenant.id)).toEqual(ids.slice(0, 2));
    const two = await api.call('GET', `/v1/tenants?limit=2&cursor=${one.body.next_cursor}`);
    expect(two.body.data[0]?.id).toBe(ids[2]);
  });

  it('end with a null cursor', async () => {
    const found = await api.call('GET', '/v1/tenants?reference=nobody');
    expect(found.body).toEqual({ data: [], next_cursor: null });
  });

  it.each([
    'limit=0',
    'limit=201',
    'limit=-1',
    'limit=1e2',
    'limit=',
    'limit=1&limit=2',
    'cursor=abc',
    'cursor=',
    'page=2',
  ])('refuse ?%s', async (query) => {
    const answer = await api.call('GET', `/v1/tenants?${query}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
  });
});

describe('a changed tenant', () => {
  it('has its approved posts planned again when what decides about them changed', async () => {
    const tenant = await api.createTenant();
    const [integration] = await api.db.query<{ id: string }>({
      text: `INSERT INTO social_publisher.integrations (tenant_id, provider, external_account_id)
             VALUES ($1, 'facebook', '1') RETURNING id`,
      values: [tenant.id],
    });
    const plan = async (): Promise<Date | null | undefined> => {
      const [post] = await api.db.query<{ next_run_at: Date | null }>({
        text: 'SELECT next_run_at FROM social_publisher.social_posts WHERE tenant_id = $1',
        values: [tenant.id],
      });
      return post?.next_run_at;
    };
    await api.db.query({
      text: `INSERT INTO social_publisher.social_posts (tenant_id, integration_id, status, message)
             VALUES ($1, $2, 'approved', 'Hello')`,
      values: [tenant.id, integration?.id],
    });
    await api.db.query({
      text: `UPDATE social_publisher.social_posts SET internal_write = true, next_run_at = '2030-01-01Z'
             WHERE tenant_id = $1`,
      values: [tenant.id],
    });
    await api.call('PATCH', `/v1/tenants/${tenant.id}`, { body: { name: 'Renamed' } });
    expect(await plan()).toEqual(new Date('2030-01-01T00:00:00Z'));
    await api.call('PATCH', `/v1/tenants/${tenant.id}`, { body: { auto_publish: true } });
    expect(await plan()).toBeNull();
  });
});
