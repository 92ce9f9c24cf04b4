import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Listener, listen } from '../../../src/db/listen.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { execute } from '../../support/postgres-server.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'social-publisher listen'`;

async function listening(channel: string) {
  const heard: string[] = [];
  const listener: Listener = await listen({
    url: database.url,
    channel,
    onNotify: (payload) => heard.push(payload),
    onReconnect: () => heard.push('reconnected'),
  });
  return { heard, listener };
}

it('hears notifications, and again after the server closed the connection', async () => {
  const { heard, listener } = await listening('posts due');
  await execute(database.url, `NOTIFY "posts due", 'first'`);
  await expect.poll(() => heard).toEqual(['first']);
  await execute(database.url, terminate);
  await expect.poll(() => heard, { timeout: 5_000 }).toEqual(['first', 'reconnected']);
  await execute(database.url, `NOTIFY "posts due", 'second'`);
  await expect.poll(() => heard).toEqual(['first', 'reconnected', 'second']);
  await listener.close();
});

it('hears nothing once closed', async () => {
  const { heard, listener } = await listening('closed');
  await listener.close();
  await execute(database.url, `${terminate}; NOTIFY closed, 'late'`);
  expect(heard).toEqual([]);
});

it('fails at once when it can never have worked', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  server.close();
  await once(server, 'close');
  const failing = listen({
    url: `postgresql://postgres@127.0.0.1:${port}/none`,
    channel: 'none',
    onNotify: () => undefined,
    onReconnect: () => undefined,
  });
  await expect(failing).rejects.toThrow(/ECONNREFUSED/);
});
