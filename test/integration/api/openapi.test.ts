import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { routes } from '../../../src/api/routes/index.ts';
import { createTestApi, type TestApi } from '../../support/api.ts';

const operation = z.looseObject({
  operationId: z.string(),
  responses: z.record(z.string(), z.looseObject({ description: z.string() })),
});
const documentSchema = z.looseObject({
  openapi: z.literal('3.1.1'),
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
});

let api: TestApi;
let text: string;
let document: z.infer<typeof documentSchema>;
beforeAll(async () => {
  api = await createTestApi();
  const answer = await api.call('GET', '/openapi.json', { token: null });
  text = answer.text;
  document = documentSchema.parse(answer.body);
});
afterAll(() => api.close());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, value]) => ({ path, method, ...value })),
  );

it('the document names every call of the contract', () => {
  const calls = operations().map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  expect(calls).toEqual(
    expect.arrayContaining([
      'POST /v1/tenants',
      'GET /v1/tenants',
      'GET /v1/tenants/{id}',
      'PATCH /v1/tenants/{id}',
      'POST /v1/tenants/{id}/api-keys',
      'DELETE /v1/tenants/{id}/api-keys/{key_id}',
      'POST /v1/api-keys',
      'POST /v1/integrations',
      'GET /v1/integrations',
      'GET /v1/integrations/{id}',
      'DELETE /v1/integrations/{id}',
      'POST /v1/integrations/{id}/refresh',
      'GET /v1/integrations/{id}/businesses',
      'PUT /v1/apps/{provider}',
      'GET /v1/apps/{provider}',
      'DELETE /v1/apps/{provider}',
      'POST /v1/connect/{provider}',
      'GET /v1/connect/{provider}/start',
      'GET /v1/connect/{provider}/callback',
      'POST /v1/connect/{provider}/select',
      'GET /v1/connections/{id}',
      'POST /v1/posts',
      'POST /v1/posts/validate',
      'POST /v1/posts/batch',
      'POST /v1/posts/actions',
      'GET /v1/posts/{id}',
      'GET /v1/posts',
      'PATCH /v1/posts/{id}',
      'POST /v1/posts/{id}/approve',
      'POST /v1/posts/{id}/withdraw',
      'POST /v1/posts/{id}/cancel',
      'POST /v1/posts/{id}/retry',
      'POST /v1/posts/{id}/resolve',
      'GET /v1/posts/{id}/attempts',
      'GET /v1/events',
      'GET /healthz',
      'GET /readyz',
      'GET /statusz',
      'GET /metrics',
    ]),
  );
});

it('every reference of the document leads somewhere', () => {
  const names = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
    ([, name]) => name ?? '',
  );
  expect(names.length).toBeGreaterThan(10);
  expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(names));
  expect(text).not.toContain('$defs');
});

it('operation ids are unique', () => {
  const ids = operations().map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

it('bodies are described from the schemas that parse them', () => {
  const schema = document.components.schemas['NewTenant'];
  expect(schema).toMatchObject({
    type: 'object',
    required: ['name'],
    additionalProperties: false,
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 200 },
      late_limit_s: {
        type: 'integer',
        minimum: 0,
        description:
          'A post that could not go out this long after its time is missed. Default: `7200`.',
      },
    },
  });
});

it('parameters of the path, the query and the header are described', () => {
  const { get, post } = document.paths['/v1/integrations'] ?? {};
  expect(get?.['parameters']).toMatchObject([
    { name: 'limit', in: 'query', required: false, schema: { type: 'integer', maximum: 200 } },
    { name: 'cursor', in: 'query', required: false },
    { name: 'Tenant-Id', in: 'header' },
  ]);
  expect(post?.['parameters']).toMatchObject([{ name: 'Tenant-Id' }, { name: 'Idempotency-Key' }]);
  expect(document.paths['/v1/tenants/{id}']?.['get']?.['parameters']).toMatchObject([
    { name: 'id', in: 'path', required: true, schema: { format: 'uuid' } },
  ]);
});

it('the bodies shown as examples are taken by the calls they are shown for', async () => {
  const page = await api.call('GET', '/docs', { token: null });
  const unescaped = page.text.replace(/&#(\d+);/g, (_all, point) =>
    String.fromCodePoint(Number(point)),
  );
  const calls = [
    ...unescaped.matchAll(/curl -X (\w+) \S+?(\/v1\S+) [^{]*-d '(\{[\s\S]*?\})'<\/pre>/g),
  ];
  expect(calls.length).toBeGreaterThan(8);
  for (const [, method, path, body = ''] of calls) {
    const route = routes.find((one) => one.method === method && one.path === path);
    const parsed = route?.input.body?.safeParse(JSON.parse(body));
    expect({ path, error: parsed?.error?.issues }).toEqual({ path, error: undefined });
    expect(parsed?.success).toBe(true);
  }
});

it('every code that a call names has a page', async () => {
  const codes = new Set(
    operations()
      .flatMap(({ responses }) => Object.entries(responses))
      .filter(([status]) => Number(status) >= 400)
      .flatMap(([, { description }]) => [...description.matchAll(/`(\w+)`/g)])
      .map(([, code]) => code ?? ''),
  );
  expect(codes.size).toBeGreaterThan(15);
  for (const code of codes) {
    expect((await api.call('GET', `/problems/${code}`, { token: null })).status).toBe(200);
  }
  const list = await api.call('GET', '/problems', { token: null });
  for (const code of codes) expect(list.text).toContain(`/problems/${code}"`);
});

it('the page for people shows every call and schema, and loads nothing from elsewhere', async () => {
  const page = await api.call('GET', '/docs', { token: null });
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  for (const { operationId } of operations()) {
    expect(page.text).toContain(`id="${operationId}"`);
  }
  for (const name of Object.keys(document.components.schemas)) {
    expect(page.text).toContain(`id="schema-${name}"`);
  }
  expect(page.text).not.toMatch(/<script|<link|src=|@import|url\(/);
  const links = [...page.text.matchAll(/href="#([^"]+)"/g)].map(([, anchor]) => anchor);
  for (const anchor of new Set(links)) expect(page.text).toContain(`id="${anchor}"`);
});
