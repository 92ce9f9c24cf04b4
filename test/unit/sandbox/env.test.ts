import { expect, test } from 'vitest';
import { parseSandboxEnv, startFailureText } from '../../../src/sandbox/env.ts';
import { startSandbox } from '../../../src/sandbox/server.ts';

test('an empty environment means loopback, port 4010 and nothing fetched from loopback', () => {
  expect(parseSandboxEnv({})).toEqual({
    host: '127.0.0.1',
    port: 4010,
    allowLoopbackMedia: false,
    allowedHosts: [],
    allowedMediaHosts: [],
    permalinkBase: 'http://127.0.0.1:4010',
    requestLogSize: 10_000,
  });
});

test('every setting that cannot be used is named', () => {
  expect(() => parseSandboxEnv({ SANDBOX_PORT: 'x', SANDBOX_ALLOW_LOOPBACK_MEDIA: 'yes' })).toThrow(
    /SANDBOX_PORT[\s\S]*SANDBOX_ALLOW_LOOPBACK_MEDIA/,
  );
});

test.each([
  [{ SANDBOX_HOST: '0.0.0.0', SANDBOX_PORT: '4711' }, 'http://127.0.0.1:4711'],
  [{ SANDBOX_HOST: '::1' }, 'http://[::1]:4010'],
  [{ SANDBOX_PERMALINK_BASE: 'https://www.facebook.com/' }, 'https://www.facebook.com'],
])('permalinks of %j begin with %s', (env, base) => {
  expect(parseSandboxEnv(env).permalinkBase).toBe(base);
});

test('a port that is taken is told by the name of its variable', async () => {
  const first = await startSandbox();
  const port = Number(new URL(first.url).port);
  const failure = await startSandbox({ port }).catch((error: unknown) => startFailureText(error));
  expect(failure).toMatch(/^SANDBOX_PORT: listen EADDRINUSE.*; 0 takes a free one\.$/);
  await first.close();
});
