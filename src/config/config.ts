import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { ConfigError } from '../errors.ts';
import type { Secret } from '../secret.ts';
import type { EncryptionKey } from '../vault.ts';
import {
  type Environment,
  findLikelyTypos,
  isGiven,
  type ReadFile,
  resolveVariables,
  type Slip,
} from './environment.ts';
import { type LogLevel, type Variables, variables } from './variables.ts';

/** Which part of the program this process is; `all` is every part in one. */
export type Role = 'all' | 'api' | 'scheduler' | 'publisher' | 'background' | 'cli';

export type DatabaseConfig =
  | { readonly kind: 'embedded'; readonly dataDir: string; readonly poolSize: number }
  | {
      readonly kind: 'url';
      readonly url: Secret;
      /** Past any pooler, for LISTEN; the same as `url` when not given. */
      readonly directUrl: Secret;
      readonly poolSize: number;
    };

interface AppConfig {
  readonly appId: string | undefined;
  readonly appSecret: Secret | undefined;
  /** Of Facebook Login for Business. */
  readonly configId?: string | undefined;
}

/** Everything the environment decides, read once at start-up and frozen. */
export interface Config {
  readonly role: Role;
  readonly database: DatabaseConfig;
  /** Absolute. */
  readonly dataDir: string;
  /** Undefined means that the queue lives in PostgreSQL. */
  readonly redisUrl: Secret | undefined;
  /** Sets several fleets apart in one Redis. */
  readonly queuePrefix: string | undefined;
  readonly http: {
    readonly host: string;
    /** 0 takes a free port. */
    readonly port: number;
    readonly healthPort: number | undefined;
    /** Without a slash at its end. Ends in `:0` when the port is free and nothing else was said. */
    readonly publicUrl: string;
  };
  /** Whose X-Forwarded-For is believed: addresses, ranges, or names of ranges. */
  readonly trustedProxies: readonly string[];
  /** One, or two while rotating; any of them is the operator's. */
  readonly adminTokens: readonly Secret[];
  /** The first seals, all open. */
  readonly encryptionKeys: readonly EncryptionKey[];
  readonly graph: {
    readonly baseUrl: string;
    readonly version: string;
    readonly timeoutMs: number;
  };
  readonly hosts: {
    readonly instagramGraph: string;
    readonly instagramApi: string;
    readonly rupload: string;
    readonly facebookDialog: string;
    readonly instagramDialog: string;
  };
  /** The operator's own app: both of its fields are set, or neither. */
  readonly meta: AppConfig;
  readonly instagram: AppConfig;
  /** Null: no mail is sent. */
  readonly mail: { readonly url: Secret; readonly from: string } | null;
  /** Made hidden and then revealed by id, or by one visible call. */
  readonly facebookSteps: 'two' | 'one';
  /** How long before its time a post that we make public is prepared. */
  readonly prepareAheadMs: number;
  readonly limits: {
    readonly facebookCallsPerHour: number;
    readonly instagramCallsPerHour: number;
    /** Of one tenant to one process, in the long run. */
    readonly tenantRequestsPerSecond: number;
  };
  readonly reconcile: {
    readonly looks: number;
    readonly intervalMs: number;
    readonly resendLimit: number;
  };
  readonly concurrency: number;
  /** The most jobs that the scheduler keeps in the queue of one provider. */
  readonly queueDepth: number;
  readonly leaseMs: number;
  /** A due post that has not started for so long is stuck. */
  readonly stuckAfterMs: number;
  readonly shutdownTimeoutMs: number;
  readonly logLevel: LogLevel;
  /** What is odd but usable; for the log at start-up. */
  readonly warnings: readonly string[];
}

export interface LoadOptions {
  readonly role?: Role;
  readonly readFile?: ReadFile;
}

const readText: ReadFile = (path) => readFileSync(path, 'utf8');

/**
 * The configuration that the environment asks for. Throws one `ConfigError` that names every
 * variable at fault and prints no value.
 */
export function loadConfig(env: Environment, options: LoadOptions = {}): Config {
  const { values, problems } = resolveVariables(env, options.readFile ?? readText);
  const parsed = variables.safeParse(values);
  const malformed = (parsed.error?.issues ?? []).map(
    ({ path, message }) => `${String(path[0])} ${message}`,
  );
  const all = [...problems, ...malformed, ...findLostDatabase(env), ...findMissing(env)];
  if (!parsed.success || all.length > 0) throw new ConfigError(all);
  const warnings = [...findLikelyTypos(env).map(tellSlip), ...findClearTextHosts(parsed.data)];
  return freeze(arrange(parsed.data, options.role ?? 'all', warnings));
}

function tellSlip({ name, meant }: Slip): string {
  return `${name} is not read; is ${meant} meant?`;
}

/** A database that was meant and is not read: the program would go on with an empty one of its own. */
function findLostDatabase(env: Environment): string[] {
  if (isGiven(env, 'DATABASE_URL')) return [];
  return findLikelyTypos(env)
    .filter(({ name, meant }) => meant === 'DATABASE_URL' && Boolean(env[name]))
    .map(
      (slip) =>
        `${tellSlip(slip)} Without DATABASE_URL the program would start an empty database of its own: correct the name, or unset it`,
    );
}

/** Where the embedded database and its secrets live, or undefined when `DATABASE_URL` is given. */
export function embeddedDataDir(
  env: Environment,
  readFile: ReadFile = readText,
): string | undefined {
  if (isGiven(env, 'DATABASE_URL') || isGiven(env, 'SOCIAL_PUBLISHER_IMAGE')) return undefined;
  if (findLostDatabase(env).length > 0) return undefined;
  const { values } = resolveVariables(env, readFile);
  return resolve(variables.shape.DATA_DIR.parse(values['DATA_DIR']));
}

/** Judged on what is given and not on what parsed, so that one start-up names all of it. */
function findMissing(env: Environment): string[] {
  const embedded = !isGiven(env, 'DATABASE_URL');
  const inImage = isGiven(env, 'SOCIAL_PUBLISHER_IMAGE');
  const problems: string[] = [];
  if (embedded && inImage) {
    problems.push('DATABASE_URL is required: the container image has no embedded database');
  }
  if (embedded && isGiven(env, 'DATABASE_DIRECT_URL')) {
    problems.push('DATABASE_DIRECT_URL needs DATABASE_URL beside it');
  }
  for (const name of ['ADMIN_TOKEN', 'ENCRYPTION_KEYS']) {
    if (!isGiven(env, name)) problems.push(`${name} is required`);
  }
  if (isGiven(env, 'SMTP_URL') && !isGiven(env, 'MAIL_FROM')) {
    problems.push('SMTP_URL needs MAIL_FROM beside it');
  }
  return [...problems, ...findHalfApp(env, 'META'), ...findHalfApp(env, 'INSTAGRAM')];
}

function mailOf({ SMTP_URL: url, MAIL_FROM: from }: Variables): Config['mail'] {
  return url === undefined || from === undefined ? null : { url, from };
}

function findHalfApp(env: Environment, app: string): string[] {
  const [id, secret] = [`${app}_APP_ID`, `${app}_APP_SECRET`];
  if (isGiven(env, id) === isGiven(env, secret)) return [];
  return [isGiven(env, id) ? `${id} needs ${secret} beside it` : `${secret} needs ${id} beside it`];
}

function arrange(from: Variables, role: Role, warnings: readonly string[]): Config {
  const dataDir = resolve(from.DATA_DIR);
  return {
    role,
    database: databaseOf(from, dataDir),
    dataDir,
    redisUrl: from.REDIS_URL,
    queuePrefix: from.QUEUE_PREFIX,
    http: {
      host: from.HOST,
      port: from.PORT,
      healthPort: from.HEALTH_PORT,
      publicUrl: from.PUBLIC_URL ?? addressOf(from.HOST, from.PORT),
    },
    trustedProxies: from.TRUSTED_PROXIES,
    adminTokens: from.ADMIN_TOKEN,
    encryptionKeys: from.ENCRYPTION_KEYS,
    graph: {
      baseUrl: from.GRAPH_BASE_URL,
      version: from.GRAPH_VERSION,
      timeoutMs: from.GRAPH_TIMEOUT_MS,
    },
    hosts: {
      instagramGraph: from.INSTAGRAM_GRAPH_BASE_URL,
      instagramApi: from.INSTAGRAM_API_BASE_URL,
      rupload: from.RUPLOAD_BASE_URL,
      facebookDialog: from.FACEBOOK_DIALOG_BASE_URL,
      instagramDialog: from.INSTAGRAM_DIALOG_BASE_URL,
    },
    meta: {
      appId: from.META_APP_ID,
      appSecret: from.META_APP_SECRET,
      configId: from.META_CONFIG_ID,
    },
    instagram: { appId: from.INSTAGRAM_APP_ID, appSecret: from.INSTAGRAM_APP_SECRET },
    mail: mailOf(from),
    facebookSteps: from.FACEBOOK_STEPS,
    prepareAheadMs: from.PREPARE_AHEAD_S * 1000,
    limits: {
      facebookCallsPerHour: from.FACEBOOK_CALLS_PER_HOUR,
      instagramCallsPerHour: from.INSTAGRAM_CALLS_PER_HOUR,
      tenantRequestsPerSecond: from.TENANT_REQUESTS_PER_SECOND,
    },
    reconcile: {
      looks: from.RECONCILE_LOOKS,
      intervalMs: from.RECONCILE_INTERVAL_MS,
      resendLimit: from.RESEND_LIMIT,
    },
    concurrency: from.CONCURRENCY,
    queueDepth: from.QUEUE_DEPTH,
    leaseMs: from.LEASE_MS,
    stuckAfterMs: from.STUCK_AFTER_MS,
    shutdownTimeoutMs: from.SHUTDOWN_TIMEOUT_MS,
    logLevel: from.LOG_LEVEL,
    warnings,
  };
}

function databaseOf(from: Variables, dataDir: string): DatabaseConfig {
  const { DATABASE_URL: url, DATABASE_DIRECT_URL: directUrl, DATABASE_POOL_SIZE: poolSize } = from;
  if (url === undefined) return { kind: 'embedded', dataDir, poolSize };
  return { kind: 'url', url, directUrl: directUrl ?? url, poolSize };
}

function addressOf(host: string, port: number): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

const hostVariables = [
  'GRAPH_BASE_URL',
  'INSTAGRAM_GRAPH_BASE_URL',
  'INSTAGRAM_API_BASE_URL',
  'RUPLOAD_BASE_URL',
] as const;

/** A sandbox on this machine is the reason for http; anywhere else tokens could be read on the way. */
function findClearTextHosts(from: Variables): string[] {
  return hostVariables.flatMap((name) => {
    const { protocol, hostname } = new URL(from[name]);
    const isHere = /^(localhost|127\..+|\[::1\])$/.test(hostname);
    if (protocol === 'https:' || isHere) return [];
    return [`${name} is not https: access tokens travel there in clear text`];
  });
}

/** Arrays and plain objects only: secrets and keys guard themselves. */
function freeze<T>(value: T): T {
  if (!isPlain(value)) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
