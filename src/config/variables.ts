import { createSecretKey, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import { Secret } from '../secret.ts';

/**
 * The one place that names a version of the Graph API; everything else is handed it.
 * @internal for a test, which names it once more
 */
export const defaultGraphVersion = 'v26.0';

/** Every level of the log, loudest first; `silent` says nothing at all. */
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

// Each `error` is written out: zod's own texts may quote what came, and that can be a secret.

const text = () => z.string();
const secret = () => text().transform((value) => new Secret(value));

const integer = (min: number, max: number) =>
  text()
    .refine((value) => /^-?\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max, {
      error: `must be a whole number from ${min} to ${max}`,
    })
    .transform(Number);

const matching = (pattern: RegExp, error: string) => text().regex(pattern, { error });

const hasScheme = (value: string, schemes: readonly string[]) =>
  URL.canParse(value) && schemes.includes(new URL(value).protocol);

const secretUrl = (schemes: readonly string[]) =>
  text()
    .refine((value) => hasScheme(value, schemes), {
      error: `must be a URL that starts with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}; characters such as # / ? % @ in a password are percent-encoded`,
    })
    .transform((value) => new Secret(value));

const isPlainHttpUrl = (value: string) => {
  if (!hasScheme(value, ['http:', 'https:'])) return false;
  const { username, password, search, hash } = new URL(value);
  return username + password + search + hash === '';
};

/** Without a slash at its end. */
export const httpUrl = () =>
  text()
    .refine(isPlainHttpUrl, {
      error: 'must be an http:// or https:// URL without user, query or fragment',
    })
    .transform((value) => value.replace(/\/+$/, ''));

const rangeNames = ['loopback', 'linklocal', 'uniquelocal'];

function isProxy(proxy: string): boolean {
  const [address = '', bits] = proxy.split('/');
  const version = isIP(address);
  if (version === 0) return rangeNames.includes(proxy);
  if (bits === undefined) return true;
  // Every address of the internet is no proxy of anybody's.
  return /^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}

const trustedProxies = () =>
  text()
    .transform((value) => (value === 'none' ? [] : value.split(',').map((one) => one.trim())))
    .refine((proxies) => proxies.every(isProxy), {
      error: `must be none, or addresses, ranges such as 10.0.0.0/8, or ${rangeNames.join(', ')}, separated by commas`,
    });

const fewestLetters = 8;

const adminTokens = () =>
  text()
    .transform((value) => value.split(',').map((token) => token.trim()))
    .refine((tokens) => tokens.length <= 2, {
      error: 'must be one token, or two separated by a comma',
    })
    .refine((tokens) => tokens.every((token) => /^[\x21-\x7e]{16,}$/.test(token)), {
      error: 'must be tokens of at least 16 characters, ASCII without spaces',
      abort: true,
    })
    .refine((tokens) => tokens.every((token) => new Set(token).size >= fewestLetters), {
      error: `must be tokens of at least ${fewestLetters} different characters`,
    })
    .transform((tokens) => tokens.map((token) => new Secret(token)));

/** The entry as a key, or what is wrong with it, told without any part of it. */
function parseKey(entry: string): { id: string; key: KeyObject } | string {
  const border = entry.indexOf(':');
  const id = entry.slice(0, Math.max(border, 0));
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(id)) {
    return 'must be id:base64, the id 1 to 32 letters, digits, _ or -';
  }
  const bytes = Buffer.from(entry.slice(border + 1), 'base64');
  if (bytes.length !== 32 || bytes.toString('base64') !== entry.slice(border + 1)) {
    return 'must have exactly 32 bytes in base64 after its id';
  }
  return { id, key: createSecretKey(bytes) };
}

/** Nobody draws so few different bytes, or bytes in equal steps, by chance. */
function isWeak(key: KeyObject): boolean {
  const bytes = [...key.export()];
  const steps = bytes.slice(1).map((byte, index) => (byte - (bytes[index] ?? 0)) & 255);
  return new Set(bytes).size < 8 || new Set(steps).size === 1;
}

const encryptionKeys = () =>
  text().transform((value, context) => {
    const keys = new Map<string, KeyObject>();
    for (const [index, entry] of value.split(',').entries()) {
      const parsed = parseKey(entry.trim());
      const problem =
        typeof parsed === 'string' || !keys.has(parsed.id) ? parsed : 'repeats the id of another';
      if (typeof problem === 'string') {
        context.addIssue({ code: 'custom', message: `entry ${index + 1} ${problem}` });
      } else if (index === 0 && isWeak(problem.key)) {
        const message = 'entry 1 is not random, so it seals nothing: put one in front that is';
        context.addIssue({ code: 'custom', message });
      } else {
        keys.set(problem.id, problem.key);
      }
    }
    return [...keys].map(([id, key]) => ({ id, key }));
  });

/** As the header `From` has it: an address alone, or after a name. */
const mailFrom = () =>
  matching(
    /^(?:[^\s@<>]+@[^\s@<>]+|[^<>@\r\n]+<[^\s@<>]+@[^\s@<>]+>)$/,
    'must be an address, or a name and an address as in Social Publisher <publisher@example.com>',
  );

const metaAppId = () => matching(/^[\w-]{1,64}$/, 'must be the id of an app at Meta');

/** Every variable the program reads. `.env.example` lists the same keys; a test compares them. */
export const variables = z.object({
  DATABASE_URL: secretUrl(['postgres:', 'postgresql:']).optional(),
  DATABASE_DIRECT_URL: secretUrl(['postgres:', 'postgresql:']).optional(),
  DATABASE_POOL_SIZE: integer(2, 500).default(10),
  REDIS_URL: secretUrl(['redis:', 'rediss:']).optional(),
  QUEUE_PREFIX: matching(/^[\w-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -').optional(),
  DATA_DIR: text().default('.data'),

  HOST: matching(/^[\w.:-]+$/, 'must be a host name or an IP address').default('127.0.0.1'),
  PORT: integer(0, 65_535).default(3_000),
  HEALTH_PORT: integer(0, 65_535).optional(),
  PUBLIC_URL: httpUrl().optional(),
  TRUSTED_PROXIES: trustedProxies().default(['loopback']),
  TENANT_REQUESTS_PER_SECOND: integer(1, 1_000_000).default(200),

  ADMIN_TOKEN: adminTokens().default([]),
  ENCRYPTION_KEYS: encryptionKeys().default([]),

  GRAPH_BASE_URL: httpUrl().default('https://graph.facebook.com'),
  GRAPH_VERSION: matching(/^v\d+\.\d+$/, 'must be written as v<number>.<number>').default(
    defaultGraphVersion,
  ),
  GRAPH_TIMEOUT_MS: integer(100, 600_000).default(60_000),
  INSTAGRAM_GRAPH_BASE_URL: httpUrl().default('https://graph.instagram.com'),
  INSTAGRAM_API_BASE_URL: httpUrl().default('https://api.instagram.com'),
  RUPLOAD_BASE_URL: httpUrl().default('https://rupload.facebook.com'),
  FACEBOOK_DIALOG_BASE_URL: httpUrl().default('https://www.facebook.com'),
  INSTAGRAM_DIALOG_BASE_URL: httpUrl().default('https://www.instagram.com'),

  META_APP_ID: metaAppId().optional(),
  META_APP_SECRET: secret().optional(),
  META_CONFIG_ID: metaAppId().optional(),
  INSTAGRAM_APP_ID: metaAppId().optional(),
  INSTAGRAM_APP_SECRET: secret().optional(),

  SMTP_URL: secretUrl(['smtp:', 'smtps:']).optional(),
  MAIL_FROM: mailFrom().optional(),

  FACEBOOK_CALLS_PER_HOUR: integer(1, 1_000_000).default(200),
  INSTAGRAM_CALLS_PER_HOUR: integer(1, 1_000_000).default(200),
  FACEBOOK_STEPS: z.enum(['two', 'one']).default('two'),
  PREPARE_AHEAD_S: integer(0, 3600).default(120),
  RECONCILE_LOOKS: integer(1, 20).default(3),
  RECONCILE_INTERVAL_MS: integer(100, 3_600_000).default(60_000),
  RESEND_LIMIT: integer(0, 100).default(5),

  CONCURRENCY: integer(1, 1_000).default(50),
  QUEUE_DEPTH: integer(1, 1_000_000).default(2_000),
  LEASE_MS: integer(1_000, 3_600_000).default(60_000),
  STUCK_AFTER_MS: integer(1_000, 86_400_000).default(60_000),
  SHUTDOWN_TIMEOUT_MS: integer(0, 600_000).default(75_000),
  LOG_LEVEL: z.enum(logLevels, { error: `must be one of ${logLevels.join(', ')}` }).default('info'),

  SOCIAL_PUBLISHER_IMAGE: z
    .literal('1', { error: 'is set by the container image, to 1' })
    .optional(),
});

export type Variables = z.infer<typeof variables>;
export type LogLevel = Variables['LOG_LEVEL'];
export const variableNames: readonly string[] = Object.keys(variables.shape);
