import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { loadProcessConfig } from '../../src/config/data-dir.ts';
import { createLogger } from '../../src/log.ts';
import { start } from '../../src/start.ts';
import { testKey } from '../support/rows.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const log = createLogger({ level: 'silent' });

describe('a process that cannot listen', () => {
  let dataDir: string;
  let taken: Server;
  let port: number;

  beforeEach(async () => {
    const folder = await createTemporaryFolder();
    dataDir = join(folder.path, 'data');
    taken = createServer();
    taken.listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
    return async () => {
      taken.close();
      await folder.remove();
    };
  });

  const begin = (env: Record<string, string>) => {
    const config = loadProcessConfig({ DATA_DIR: dataDir, PORT: '0', ...env });
    return start(config, { roles: ['api', 'scheduler'], migrates: true, log });
  };

  test.each(['PORT', 'HEALTH_PORT'])('names %s, and starts no PostgreSQL first', async (name) => {
    await expect(begin({ [name]: String(port) })).rejects.toThrow(
      `${name}: 127.0.0.1:${port} is in use already`,
    );
    expect(existsSync(join(dataDir, 'postgres.json'))).toBe(false);
  });

  test('names HEALTH_PORT where both are the same', async () => {
    taken.close();
    await once(taken, 'close');
    const both = { PORT: String(port), HEALTH_PORT: String(port) };
    await expect(begin(both)).rejects.toThrow(`HEALTH_PORT: 127.0.0.1:${port} is in use already`);
  });

  test('names HOST where it is no address of this machine', async () => {
    await expect(begin({ HOST: '203.0.113.7', PORT: '3000' })).rejects.toThrow(
      'HOST: this machine cannot listen on 203.0.113.7 (EADDRNOTAVAIL)',
    );
  });
});

describe('an error that nobody caught', () => {
  const token = 'EAAGm0PX4ZCpsBAKZBplantedPageToken';
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: 'postgres://role:word@127.0.0.1:1/app',
    ADMIN_TOKEN: 'an-operator-token-for-tests',
    ENCRYPTION_KEYS: `${testKey.id}:${Buffer.from(testKey.key).toString('base64')}`,
    LOG_LEVEL: 'fatal',
  };
  /** Loaded before the program: strikes once the program listens for it, or after a while if it never does. */
  const strike = (statement: string) =>
    `data:text/javascript,${encodeURIComponent(`
    const error = Object.assign(new Error('broken'), { config: { headers: { Authorization: 'Bearer ${token}' } } });
    const began = Date.now();
    const timer = setInterval(() => {
      if (process.listenerCount('uncaughtException') === 0 && Date.now() - began < 8000) return;
      clearInterval(timer);
      ${statement};
    }, 10);`)}`;
  const crash = (program: readonly string[], statement: string) =>
    new Promise<{ code: unknown; output: string }>((resolve) => {
      const args = ['--import', strike(statement), ...program];
      const options = { cwd: new URL('../..', import.meta.url), env, timeout: 30_000 };
      execFile(process.execPath, args, options, (error, stdout, stderr) => {
        resolve({ code: error?.code ?? 0, output: stdout + stderr });
      });
    });

  describe.each([
    ['a process', ['workers/publisher.ts']],
    ['a command', ['src/cli.ts', 'tenant', 'list']],
  ])('ends %s with 1 and tells nothing that it carries', { timeout: 40_000 }, (_what, program) => {
    test.each([
      ['thrown', 'throw error'],
      ['rejected', 'void Promise.reject(error)'],
      ['no error at all', `throw { token: '${token}' }`],
    ])('%s', async (_how, statement) => {
      const { code, output } = await crash(program, statement);
      expect(code).toBe(1);
      expect(output).not.toContain(token);
      const told = output.split('\n').filter((one) => one.includes('"level"'));
      expect(told).toHaveLength(1);
      expect(told[0]).toContain('a defect of the program ends this process');
    });
  });
});
