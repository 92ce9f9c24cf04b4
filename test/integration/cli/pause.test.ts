import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { openTerminal, type Terminal } from './terminal.ts';

let database: TestDatabase;
let run: Terminal;
const withId = z.object({ id: z.string() });

beforeAll(async () => {
  database = await createTestDatabase();
  run = openTerminal({
    DATABASE_URL: database.url,
    ADMIN_TOKEN: 'operator-token-of-the-tests',
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
  });
});
afterAll(() => database.drop());

it('pauses, lists and lifts', async () => {
  expect((await run(['pause', 'list'])).stdout).toBe('Nothing is paused.\n');
  const made = await run(['pause', 'add', 'all', '--reason', 'moving house']);
  expect(made.code).toBe(0);
  expect(made.stdout).toMatch(/^everything is paused; `pause remove [0-9a-f-]{36}` lifts it\n$/);
  const [pause] = (await run(['pause', 'list', '--json'])).read(z.array(withId));
  expect(pause).toBeDefined();
  expect((await run(['pause', 'list'])).stdout).toContain('moving house');
  expect((await run(['pause', 'remove', pause?.id ?? ''])).code).toBe(0);
  expect((await run(['pause', 'list'])).stdout).toBe('Nothing is paused.\n');
});

it('knows a tenant by its name', async () => {
  const tenant = (await run(['tenant', 'create', 'Bakery', '--json'])).read(withId);
  const made = await run(['pause', 'add', 'tenant', 'Bakery', '--json']);
  expect(made.json()).toMatchObject({ scope: 'tenant', target: tenant.id, reason: null });
});

it('says what is wrong', async () => {
  const wrong = await Promise.all([
    run(['pause', 'add', 'planet']),
    run(['pause', 'add', 'provider', 'linkedin']),
    run(['pause', 'add', 'tenant', 'Nobody']),
    run(['pause', 'remove', '01a1f79e-0000-7000-8000-000000000000']),
  ]);
  expect(wrong.map(({ code }) => code)).toEqual([1, 1, 1, 1]);
  expect(wrong[0]?.stderr).toContain('all, provider, tenant, integration');
  expect(wrong[1]?.stderr).toContain('must be one of facebook');
  expect(wrong[3]?.stderr).toContain('There is no such pause.');
});
