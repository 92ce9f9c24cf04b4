import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensureEmbeddedSecrets, loadProcessConfig } from '../../../src/config/data-dir.ts';
import { ConfigError } from '../../../src/errors.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), 'embedded-secrets-')), 'data');
});
afterEach(() => {
  rmSync(join(dataDir, '..'), { recursive: true });
});

const keptFile = () => join(dataDir, 'secrets', 'secrets.json');
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test('makes both secrets once and gives the same ones ever after', () => {
  const first = ensureEmbeddedSecrets(dataDir, { HOME: '/root' });
  expect(first['ADMIN_TOKEN']).toMatch(/^[\w-]{32}$/);
  expect(first['ENCRYPTION_KEYS']).toMatch(/^embedded:[A-Za-z0-9+/]{43}=$/);
  expect(first['HOME']).toBe('/root');
  expect(ensureEmbeddedSecrets(dataDir, { HOME: '/root' })).toEqual(first);
});

test('keeps them where only their owner can read them, and leaves nothing else behind', () => {
  ensureEmbeddedSecrets(dataDir, {});
  expect(modeOf(keptFile())).toBe('600');
  expect(modeOf(join(dataDir, 'secrets'))).toBe('700');
  expect(readdirSync(join(dataDir, 'secrets'))).toEqual(['secrets.json']);
});

test('makes other secrets for another folder', () => {
  const one = ensureEmbeddedSecrets(join(dataDir, 'one'), {});
  const other = ensureEmbeddedSecrets(join(dataDir, 'other'), {});
  expect(one['ADMIN_TOKEN']).not.toBe(other['ADMIN_TOKEN']);
  expect(one['ENCRYPTION_KEYS']).not.toBe(other['ENCRYPTION_KEYS']);
});

test('leaves alone what is given, in either form', () => {
  const given = { ADMIN_TOKEN: 'operator-token-0001', ENCRYPTION_KEYS_FILE: '/run/keys' };
  expect(ensureEmbeddedSecrets(dataDir, given)).toEqual(given);
  const half = ensureEmbeddedSecrets(dataDir, { ADMIN_TOKEN: 'operator-token-0001' });
  expect(half['ADMIN_TOKEN']).toBe('operator-token-0001');
  expect(half['ENCRYPTION_KEYS']).toMatch(/^embedded:/);
});

test.each(['', '{"ADMIN_TOKEN":', '{"ADMIN_TOKEN":"planted-token-0001"}'])(
  'refuses to start over a kept file that is broken: %j',
  (content) => {
    ensureEmbeddedSecrets(dataDir, {});
    writeFileSync(keptFile(), content);
    expect(() => ensureEmbeddedSecrets(dataDir, {})).toThrow(ConfigError);
    expect(() => ensureEmbeddedSecrets(dataDir, {})).not.toThrow(/planted/);
    expect(readFileSync(keptFile(), 'utf8')).toBe(content);
  },
);

test('names DATA_DIR when nothing can be kept there', () => {
  writeFileSync(dataDir, 'a file where a folder should be');
  expect(() => ensureEmbeddedSecrets(dataDir, {})).toThrow(
    /DATA_DIR: .+\/data is a file, not a folder$/,
  );
});

test('agrees on one set of secrets when several processes start at once', async () => {
  const program = new URL('../../../src/config/data-dir.ts', import.meta.url).href;
  const script = `const { ensureEmbeddedSecrets } = await import(${JSON.stringify(program)});
    console.log(JSON.stringify(ensureEmbeddedSecrets(${JSON.stringify(dataDir)}, {})));`;
  const run = promisify(execFile);
  const started = await Promise.all(
    [1, 2, 3, 4].map(() => run(process.execPath, ['--input-type=module', '-e', script])),
  );
  expect(new Set(started.map(({ stdout }) => stdout)).size).toBe(1);
});

test('gives an embedded process a configuration that is whole', () => {
  const config = loadProcessConfig({ DATA_DIR: dataDir }, { role: 'cli' });
  expect(config.database).toEqual({ kind: 'embedded', dataDir, poolSize: 10 });
  expect(config.adminTokens).toHaveLength(1);
  expect(config.encryptionKeys.map(({ id }) => id)).toEqual(['embedded']);
});

test('makes no secrets for a process whose database is given', () => {
  const env = { DATABASE_URL: 'postgres://db/x', DATA_DIR: dataDir };
  expect(() => loadProcessConfig(env)).toThrow(/ADMIN_TOKEN is required/);
  expect(() => statSync(dataDir)).toThrow(/ENOENT/);
});
