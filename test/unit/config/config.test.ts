import { globSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { embeddedDataDir, loadConfig } from '../../../src/config/config.ts';
import { defaultGraphVersion } from '../../../src/config/variables.ts';
import { ConfigError } from '../../../src/errors.ts';

const key = Buffer.from('spring: thirty-two bytes, planted').subarray(0, 32).toString('base64');
const otherKey = Buffer.from('autumn: thirty-two bytes, planted')
  .subarray(0, 32)
  .toString('base64');
const secrets = { ADMIN_TOKEN: 'operator-token-0001', ENCRYPTION_KEYS: `spring:${key}` };
const production = {
  ...secrets,
  DATABASE_URL: 'postgresql://publisher:pw-planted@db:5432/publisher',
};

const problemsOf = (
  env: Record<string, string | undefined>,
  files: Record<string, string> = {},
) => {
  try {
    loadConfig(env, { readFile: readFrom(files) });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

const readFrom = (files: Record<string, string>) => (path: string) => {
  const content = files[path];
  if (content !== undefined) return content;
  throw Object.assign(new Error(`no such file ${path}`), { code: 'ENOENT' });
};

test('needs nothing but secrets to run on the embedded database, with these defaults', () => {
  const { adminTokens, encryptionKeys, ...rest } = loadConfig({ ...secrets, DATA_DIR: '/srv/sp' });
  expect(adminTokens.map((token) => token.reveal())).toEqual(['operator-token-0001']);
  expect(encryptionKeys.map(({ id }) => id)).toEqual(['spring']);
  expect(rest).toEqual({
    role: 'all',
    database: { kind: 'embedded', dataDir: '/srv/sp', poolSize: 10 },
    dataDir: '/srv/sp',
    redisUrl: undefined,
    queuePrefix: undefined,
    http: {
      host: '127.0.0.1',
      port: 3000,
      healthPort: undefined,
      publicUrl: 'http://127.0.0.1:3000',
    },
    graph: { baseUrl: 'https://graph.facebook.com', version: 'v26.0', timeoutMs: 60_000 },
    hosts: {
      instagramGraph: 'https://graph.instagram.com',
      instagramApi: 'https://api.instagram.com',
      rupload: 'https://rupload.facebook.com',
      facebookDialog: 'https://www.facebook.com',
      instagramDialog: 'https://www.instagram.com',
    },
    meta: { appId: undefined, appSecret: undefined },
    instagram: { appId: undefined, appSecret: undefined },
    mail: null,
    trustedProxies: ['loopback'],
    facebookSteps: 'two',
    prepareAheadMs: 120_000,
    limits: { facebookCallsPerHour: 200, instagramCallsPerHour: 200, tenantRequestsPerSecond: 200 },
    reconcile: { looks: 3, intervalMs: 60_000, resendLimit: 5 },
    concurrency: 50,
    queueDepth: 2000,
    leaseMs: 60_000,
    stuckAfterMs: 60_000,
    shutdownTimeoutMs: 75_000,
    logLevel: 'info',
    warnings: [],
  });
});

test('takes every variable that is given', () => {
  const config = loadConfig(
    {
      ...production,
      DATABASE_DIRECT_URL: 'postgres://publisher@direct/publisher',
      DATABASE_POOL_SIZE: '25',
      REDIS_URL: 'rediss://:pw@redis:6379/1',
      QUEUE_PREFIX: 'fleet-2',
      HOST: '::1',
      PORT: '0',
      HEALTH_PORT: '9090',
      PUBLIC_URL: 'https://publisher.example.com/base/',
      TRUSTED_PROXIES: '10.0.0.0/8, ::1,uniquelocal',
      TENANT_REQUESTS_PER_SECOND: '50',
      ADMIN_TOKEN: 'operator-token-0001, operator-token-0002',
      ENCRYPTION_KEYS: `autumn:${otherKey},spring:${key}`,
      GRAPH_BASE_URL: 'http://127.0.0.1:4000/graph/',
      GRAPH_VERSION: 'v27.0',
      GRAPH_TIMEOUT_MS: '1500',
      META_APP_ID: '123456789012345',
      META_APP_SECRET: 'app-secret-planted',
      SMTP_URL: 'smtps://user:mail-planted@mail.example.com',
      MAIL_FROM: 'Social Publisher <publisher@example.com>',
      FACEBOOK_CALLS_PER_HOUR: '4800',
      RECONCILE_LOOKS: '1',
      RECONCILE_INTERVAL_MS: '100',
      RESEND_LIMIT: '0',
      CONCURRENCY: '8',
      QUEUE_DEPTH: '10',
      LEASE_MS: '5000',
      SHUTDOWN_TIMEOUT_MS: '0',
      LOG_LEVEL: 'silent',
    },
    { role: 'publisher' },
  );
  expect(config).toMatchObject({
    role: 'publisher',
    database: { kind: 'url', poolSize: 25 },
    queuePrefix: 'fleet-2',
    http: {
      host: '::1',
      port: 0,
      healthPort: 9090,
      publicUrl: 'https://publisher.example.com/base',
    },
    graph: { baseUrl: 'http://127.0.0.1:4000/graph', version: 'v27.0', timeoutMs: 1500 },
    trustedProxies: ['10.0.0.0/8', '::1', 'uniquelocal'],
    limits: { facebookCallsPerHour: 4800, tenantRequestsPerSecond: 50 },
    reconcile: { looks: 1, intervalMs: 100, resendLimit: 0 },
    concurrency: 8,
    queueDepth: 10,
    leaseMs: 5000,
    shutdownTimeoutMs: 0,
    logLevel: 'silent',
  });
  expect(config.adminTokens.map((token) => token.reveal())).toEqual([
    'operator-token-0001',
    'operator-token-0002',
  ]);
  expect(config.encryptionKeys.map(({ id }) => id)).toEqual(['autumn', 'spring']);
  expect(config.meta.appSecret?.reveal()).toBe('app-secret-planted');
  expect(config.mail?.url.reveal()).toBe('smtps://user:mail-planted@mail.example.com');
  expect(config.mail?.from).toBe('Social Publisher <publisher@example.com>');
  expect(config.redisUrl?.reveal()).toBe('rediss://:pw@redis:6379/1');
  if (config.database.kind !== 'url') throw new Error('expected a given database');
  expect(config.database.url.reveal()).toBe('postgresql://publisher:pw-planted@db:5432/publisher');
  expect(config.database.directUrl.reveal()).toBe('postgres://publisher@direct/publisher');
});

test('listens directly where no pooler stands between', () => {
  const { database } = loadConfig(production);
  if (database.kind !== 'url') throw new Error('expected a given database');
  expect(database.directUrl.reveal()).toBe('postgresql://publisher:pw-planted@db:5432/publisher');
});

test('writes an IPv6 address in brackets', () => {
  expect(loadConfig({ ...secrets, HOST: '::1', PORT: '80' }).http.publicUrl).toBe(
    'http://[::1]:80',
  );
});

test('names every missing and malformed variable at once', () => {
  expect(
    problemsOf({
      DATABASE_URL: 'mysql://db',
      REDIS_URL: 'localhost:6379',
      PORT: '70000',
      LOG_LEVEL: 'loud',
      INSTAGRAM_APP_ID: '123456789012345',
    }),
  ).toEqual([
    'DATABASE_URL must be a URL that starts with postgres:// or postgresql://; characters such as # / ? % @ in a password are percent-encoded',
    'REDIS_URL must be a URL that starts with redis:// or rediss://; characters such as # / ? % @ in a password are percent-encoded',
    'PORT must be a whole number from 0 to 65535',
    'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent',
    'ADMIN_TOKEN is required',
    'ENCRYPTION_KEYS is required',
    'INSTAGRAM_APP_ID needs INSTAGRAM_APP_SECRET beside it',
  ]);
});

test.each([
  ['ADMIN_TOKEN', 'planted', 'must be tokens of at least 16 characters, ASCII without spaces'],
  [
    'ADMIN_TOKEN',
    'planted planted planted',
    'must be tokens of at least 16 characters, ASCII without spaces',
  ],
  [
    'ADMIN_TOKEN',
    'planted-0123456789,',
    'must be tokens of at least 16 characters, ASCII without spaces',
  ],
  [
    'ADMIN_TOKEN',
    'planted-0123456789,planted-0123456789,planted-0123456789',
    'must be one token, or two separated by a comma',
  ],
  ['ADMIN_TOKEN', 'p'.repeat(40), 'must be tokens of at least 8 different characters'],
  [
    'ADMIN_TOKEN',
    `planted-0123456789,${'planted'.repeat(4)}`,
    'must be tokens of at least 8 different characters',
  ],
  ...[
    Buffer.alloc(32),
    Buffer.alloc(32, 'planted'),
    Buffer.from(Array.from({ length: 32 }, (_, index) => index + 1)),
    Buffer.from(Array.from({ length: 32 }, (_, index) => 250 - 7 * index)),
  ].map((weak) => [
    'ENCRYPTION_KEYS',
    `a:${weak.toString('base64')},b:${key}`,
    'entry 1 is not random, so it seals nothing: put one in front that is',
  ]),
  ...[
    '10.0.0.0/33',
    '10.0.0.0/0',
    'proxy.internal',
    '10.0.0.1 10.0.0.2',
    'none,::1',
    '::1/129',
  ].map((planted) => [
    'TRUSTED_PROXIES',
    planted,
    'must be none, or addresses, ranges such as 10.0.0.0/8, or loopback, linklocal, uniquelocal, separated by commas',
  ]),
  ['ENCRYPTION_KEYS', key, 'entry 1 must be id:base64, the id 1 to 32 letters, digits, _ or -'],
  [
    'ENCRYPTION_KEYS',
    `planted.id:${key}`,
    'entry 1 must be id:base64, the id 1 to 32 letters, digits, _ or -',
  ],
  [
    'ENCRYPTION_KEYS',
    `${'p'.repeat(33)}:${key}`,
    'entry 1 must be id:base64, the id 1 to 32 letters, digits, _ or -',
  ],
  [
    'ENCRYPTION_KEYS',
    `a:${key},b:cGxhbnRlZA==`,
    'entry 2 must have exactly 32 bytes in base64 after its id',
  ],
  ['ENCRYPTION_KEYS', `a:${key}AAAA`, 'entry 1 must have exactly 32 bytes in base64 after its id'],
  ['ENCRYPTION_KEYS', `a:${key},a:${otherKey}`, 'entry 2 repeats the id of another'],
  [
    'ENCRYPTION_KEYS',
    `a:${key},`,
    'entry 2 must be id:base64, the id 1 to 32 letters, digits, _ or -',
  ],
  ['GRAPH_VERSION', '26.0', 'must be written as v<number>.<number>'],
  [
    'GRAPH_BASE_URL',
    'ftp://planted',
    'must be an http:// or https:// URL without user, query or fragment',
  ],
  [
    'GRAPH_BASE_URL',
    'https://planted:pw@host',
    'must be an http:// or https:// URL without user, query or fragment',
  ],
  [
    'PUBLIC_URL',
    'https://host/?planted=1',
    'must be an http:// or https:// URL without user, query or fragment',
  ],
  ['HOST', 'planted host', 'must be a host name or an IP address'],
  ['QUEUE_PREFIX', 'planted:a', 'must be 1 to 64 letters, digits, _ or -'],
  ['CONCURRENCY', '0', 'must be a whole number from 1 to 1000'],
  ['CONCURRENCY', '1e2', 'must be a whole number from 1 to 1000'],
  ['CONCURRENCY', '1.5', 'must be a whole number from 1 to 1000'],
  ['CONCURRENCY', ' 7', 'must be a whole number from 1 to 1000'],
  ['GRAPH_TIMEOUT_MS', '60s', 'must be a whole number from 100 to 600000'],
  ['LEASE_MS', '999', 'must be a whole number from 1000 to 3600000'],
  ['QUEUE_DEPTH', '-1', 'must be a whole number from 1 to 1000000'],
  ['PORT', 'planted', 'must be a whole number from 0 to 65535'],
])('refuses %s=%s', (name, value, problem) => {
  const problems = problemsOf({ ...production, [name]: value });
  expect(problems.map((text) => text.slice(name.length + 1))).toEqual([problem]);
  expect(problems[0]).toMatch(new RegExp(`^${name} `));
});

test('prints no value in a problem, whatever is wrong', () => {
  const env = Object.fromEntries(
    Object.keys({
      ...production,
      REDIS_URL: '',
      PORT: '',
      HOST: '',
      LOG_LEVEL: '',
      META_APP_ID: '',
    }).map((name) => [name, 'planted \u0000 value']),
  );
  const problems = problemsOf({ ...env, SOCIAL_PUBLISHER_IMAGE: 'planted' });
  expect(problems.length).toBeGreaterThan(6);
  expect(problems.join('\n')).not.toContain('planted');
});

test.each([
  ['META_APP_ID', '123456789012345', 'META_APP_ID needs META_APP_SECRET beside it'],
  ['META_APP_SECRET', 'secret', 'META_APP_SECRET needs META_APP_ID beside it'],
])('takes %s only with its other half', (name, value, problem) => {
  expect(problemsOf({ ...production, [name]: value })).toEqual([problem]);
});

test('requires the secrets once a database is given', () => {
  expect(problemsOf({ DATABASE_URL: production.DATABASE_URL })).toEqual([
    'ADMIN_TOKEN is required',
    'ENCRYPTION_KEYS is required',
  ]);
});

test('has no embedded database in the container image', () => {
  expect(problemsOf({ ...secrets, SOCIAL_PUBLISHER_IMAGE: '1' })).toEqual([
    'DATABASE_URL is required: the container image has no embedded database',
  ]);
  expect(problemsOf({ ...production, SOCIAL_PUBLISHER_IMAGE: '1' })).toEqual([]);
});

test('takes a direct address of the database only beside the other one', () => {
  expect(problemsOf({ ...secrets, DATABASE_DIRECT_URL: 'postgres://db' })).toEqual([
    'DATABASE_DIRECT_URL needs DATABASE_URL beside it',
  ]);
});

test('reads a variable from the file that NAME_FILE names, without its last line break', () => {
  const { ADMIN_TOKEN, ...rest } = production;
  for (const end of ['', '\n', '\r\n']) {
    const readFile = readFrom({ '/run/secrets/admin': `${ADMIN_TOKEN}${end}`, '/port': '8080\n' });
    const env = { ...rest, ADMIN_TOKEN_FILE: '/run/secrets/admin', PORT_FILE: '/port' };
    const config = loadConfig(env, { readFile });
    expect(config.adminTokens.map((token) => token.reveal())).toEqual(['operator-token-0001']);
    expect(config.http.port).toBe(8080);
  }
});

test('is not embedded when the address of the database comes from a file', () => {
  const env = { ...secrets, DATABASE_URL_FILE: '/url' };
  const config = loadConfig(env, { readFile: readFrom({ '/url': 'postgres://db/x\n' }) });
  expect(config.database.kind).toBe('url');
  expect(embeddedDataDir(env)).toBeUndefined();
});

test('names files that are unreadable, empty, or given beside the plain variable', () => {
  const { ADMIN_TOKEN, ...rest } = production;
  const env = {
    ...rest,
    ADMIN_TOKEN_FILE: '/planted/missing',
    REDIS_URL_FILE: '/planted/empty',
    LOG_LEVEL: 'info',
    LOG_LEVEL_FILE: '/planted/level',
  };
  const files = { '/planted/empty': '\n', '/planted/level': 'debug' };
  expect(ADMIN_TOKEN).toBe('operator-token-0001');
  expect(problemsOf(env, files)).toEqual([
    'REDIS_URL_FILE names a file that is empty',
    'ADMIN_TOKEN_FILE names a file that cannot be read (ENOENT)',
    'LOG_LEVEL and LOG_LEVEL_FILE are both set: leave one',
  ]);
});

test('takes an empty string for unset', () => {
  const config = loadConfig({
    ...secrets,
    DATABASE_URL: '',
    DATABASE_URL_FILE: '',
    PORT: '',
    GRAPH_VERSION: '',
    SOCIAL_PUBLISHER_IMAGE: '',
  });
  expect(config.database.kind).toBe('embedded');
  expect(config.http.port).toBe(3000);
  expect(config.graph.version).toBe('v26.0');
});

test('is frozen to its last corner', () => {
  const config = loadConfig(production);
  for (const part of [config, config.http, config.database, config.adminTokens, config.meta]) {
    expect(Object.isFrozen(part)).toBe(true);
  }
  expect(() => Object.assign(config.graph, { version: 'v1.0' })).toThrow(TypeError);
});

test('prints no secret of its own', () => {
  const config = loadConfig({
    ...production,
    META_APP_ID: '123456789012345',
    META_APP_SECRET: 'app-secret-planted',
    REDIS_URL: 'redis://:redis-planted@redis',
  });
  const printed = JSON.stringify(config) + inspect(config, { depth: null, showHidden: true });
  for (const value of ['planted', 'operator-token', key, key.slice(0, 10)]) {
    expect(printed).not.toContain(value);
  }
});

test('warns of names that are probably slips, and of nothing else in a shared environment', () => {
  const env = {
    ...production,
    ENCRYPTION_KEY: 'planted',
    GRAPH_TIMEOUT: '5',
    REDIS_URI: 'planted',
    ADMIN_TOKENS_FILE: '/planted',
    HOSTNAME: 'box',
    HOME: '/root',
    PATH: '/bin',
    NODE_ENV: 'production',
    npm_config_cache: '/x',
    REDIS_PASSWORD: 'x',
    POSTGRES_PASSWORD: 'x',
    LOG_FORMAT: 'x',
    DATABASE_URL_FILE: '',
  };
  expect(loadConfig(env).warnings).toEqual([
    'ENCRYPTION_KEY is not read; is ENCRYPTION_KEYS meant?',
    'GRAPH_TIMEOUT is not read; is GRAPH_TIMEOUT_MS meant?',
    'REDIS_URI is not read; is REDIS_URL meant?',
    'ADMIN_TOKENS_FILE is not read; is ADMIN_TOKEN meant?',
  ]);
});

test.each(['DATABSE_URL', 'DATABASE_URI', 'DATABSE_URL_FILE'])(
  'refuses to go on with a database of its own when %s was meant for another',
  (name) => {
    const { DATABASE_URL, ...rest } = production;
    const env = { ...rest, [name]: DATABASE_URL };
    expect(() => loadConfig(env)).toThrow(
      `${name} is not read; is DATABASE_URL meant? Without DATABASE_URL the program would start an empty database of its own`,
    );
    expect(embeddedDataDir(env)).toBeUndefined();
    expect(loadConfig({ ...rest, [name]: '' }).database.kind).toBe('embedded');
    expect(loadConfig({ ...production, [name]: 'planted' }).warnings).toHaveLength(1);
  },
);

test('warns when tokens would travel in clear text beyond this machine', () => {
  const clear = { ...production, GRAPH_BASE_URL: 'http://proxy.internal' };
  expect(loadConfig(clear).warnings).toEqual([
    'GRAPH_BASE_URL is not https: access tokens travel there in clear text',
  ]);
  const local = { ...production, GRAPH_BASE_URL: 'http://127.0.0.1:4000' };
  expect(loadConfig(local).warnings).toEqual([]);
});

test('keeps the embedded database where DATA_DIR says', () => {
  expect(embeddedDataDir({ DATA_DIR: '/srv/sp' })).toBe('/srv/sp');
  expect(embeddedDataDir({})).toBe(`${process.cwd()}/.data`);
  expect(embeddedDataDir({ DATABASE_URL: 'postgres://db' })).toBeUndefined();
  expect(embeddedDataDir({ SOCIAL_PUBLISHER_IMAGE: '1' })).toBeUndefined();
});

test('names the version of the Graph API in one place', () => {
  const root = new URL('../../../', import.meta.url).pathname;
  const files = globSync('{src,workers}/**/*.ts', {
    cwd: root,
    exclude: ['src/sandbox/**', 'src/db/generated/**'],
  });
  const naming = files.filter((file) =>
    /^(?!\s*(?:\/?\*|\/\/)).*['"`/]v\d\d\.0\b/m.test(readFileSync(`${root}${file}`, 'utf8')),
  );
  expect(files.length).toBeGreaterThan(5);
  expect(naming).toEqual(['src/config/variables.ts']);
  expect(defaultGraphVersion).toBe('v26.0');
});
