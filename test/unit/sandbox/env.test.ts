import { expect, test } from 'vitest';
import { parseSandboxEnv } from '../../../src/sandbox/env.ts';

test('an empty environment means loopback, port 4010 and nothing fetched from loopback', () => {
  expect(parseSandboxEnv({})).toEqual({
    host: '127.0.0.1',
    port: 4010,
    allowLoopbackMedia: false,
    allowedHosts: [],
    allowedMediaHosts: [],
    permalinkBase: 'https://www.facebook.com',
    requestLogSize: 10_000,
  });
});

test('every setting that cannot be used is named', () => {
  expect(() => parseSandboxEnv({ SANDBOX_PORT: 'x', SANDBOX_ALLOW_LOOPBACK_MEDIA: 'yes' })).toThrow(
    /SANDBOX_PORT[\s\S]*SANDBOX_ALLOW_LOOPBACK_MEDIA/,
  );
});
