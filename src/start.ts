import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from './config.ts';
import { type Database, openDatabase } from './db/client.ts';
import { startEmbedded } from './db/embedded.ts';
import { migrate, pendingMigrations } from './db/migrate.ts';
import { turnJitOff } from './db/role-defaults.ts';
import { AppError, ConfigError } from './errors.ts';
import { enterFleet } from './fence/fleet.ts';
import { agreeOnQueue, requireKeys } from './instance-store.ts';
import type { Logger } from './log.ts';
import { requirePorts } from './ports.ts';
import { prepareQueueBackend } from './queue/queues.ts';
import { type RoleName, type RunningRole, startHealth, startRole } from './roles.ts';
import { openServices, queueBackendOf, type Services } from './services.ts';
import { placeOfUrl, waitingTeller } from './waiting.ts';

export interface Running {
  readonly services: Services;
  /** Where the API answers, if it is one of the roles. */
  readonly apiUrl?: string | undefined;
  /** Stops claiming, lets what is under way end within the deadline, closes everything. May be called twice. */
  close(): Promise<void>;
}

type Closer = (deadlineMs: number) => Promise<void>;

export interface StartOptions {
  readonly roles: readonly RoleName[];
  /** Applies migrations first; without it the process waits until somebody did. */
  readonly migrates: boolean;
  readonly log: Logger;
  /** Gives up waiting for what is not there yet. */
  readonly signal?: AbortSignal;
}

/**
 * Starts these roles in this process. The API and health answer at once and say what is missing; the others begin when
 * database and queue are there. Throws ConfigError where waiting would not help.
 */
export async function start(config: Config, options: StartOptions): Promise<Running> {
  const { log } = options;
  for (const warning of config.warnings) log.warn(warning);
  const stopping = new AbortController();
  options.signal?.addEventListener('abort', () => {
    stopping.abort();
  });
  const closers: Closer[] = [];
  const close = once(async () => {
    stopping.abort();
    const deadlineMs = config.shutdownTimeoutMs;
    for (const closeOne of closers.splice(0).toReversed()) await closeOne(deadlineMs);
  });
  try {
    // Before a PostgreSQL of our own is started, which takes seconds.
    await requirePorts(config.http, { api: options.roles.includes('api') });
    const { db, directUrl } = await openDatabaseOf(config, log, closers);
    const services = openServices(config, db, log, directUrl);
    closers.push(() => services.queues.close());
    const apiUrl = await startAnswering(services, options.roles, directUrl, closers);
    await becomeReady(services, directUrl, options, stopping.signal, closers);
    const working = options.roles.filter((role) => role !== 'api');
    const roles = await Promise.all(working.map((role) => startRole(role, services, directUrl)));
    closers.push(closeTogether(roles));
    log.info({ roles: options.roles }, 'started');
    return { services, apiUrl, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openDatabaseOf(
  config: Config,
  log: Logger,
  closers: Closer[],
): Promise<{ db: Database; directUrl: string }> {
  const urls = { url: '', directUrl: '' };
  if (config.database.kind === 'embedded') {
    const embedded = await startEmbedded({ dataDir: config.dataDir, logger: log });
    closers.push(() => embedded.stop());
    urls.url = urls.directUrl = embedded.url;
  } else {
    urls.url = config.database.url.reveal();
    urls.directUrl = config.database.directUrl.reveal();
  }
  const maxConnections = config.database.poolSize;
  const db = openDatabase({ url: urls.url, maxConnections, logger: log });
  closers.push(() => db.close());
  return { db, directUrl: urls.directUrl };
}

async function startAnswering(
  services: Services,
  roles: readonly RoleName[],
  directUrl: string,
  closers: Closer[],
): Promise<string | undefined> {
  const health = await startHealth(services);
  if (health !== null) closers.push((deadlineMs) => health.close(deadlineMs));
  if (!roles.includes('api')) return undefined;
  const api = await startRole('api', services, directUrl);
  closers.push((deadlineMs) => api.close(deadlineMs));
  return api.url;
}

/** Everything that needs the database, in order; an outage is waited for, a contradiction is not. */
async function becomeReady(
  services: Services,
  directUrl: string,
  options: StartOptions,
  signal: AbortSignal,
  closers: Closer[],
): Promise<void> {
  const { config, db, log, vault } = services;
  const backend = queueBackendOf(config, directUrl);
  const database = waitingTeller(log, 'database', placeOfUrl(directUrl, 5432));
  await waitUntil('database', { log, signal, tell: database }, async () => {
    if (options.migrates) await applyMigrations(directUrl, log);
    else await requireMigrations(directUrl);
    if (isPooled(config)) await turnJitOff(db, log);
    await agreeOnQueue(db, backend.kind);
    await requireKeys(db, vault);
    await prepareQueueBackend(backend);
    // Last: from here on the others count on this process.
    const membership = await enterFleet(services);
    closers.push(() => membership.leave());
  });
  const queue = waitingTeller(
    log,
    'queue',
    placeOfUrl(backend.url, backend.kind === 'redis' ? 6379 : 5432),
  );
  await waitUntil('queue', { log, signal, tell: queue }, () => services.queues.ping());
}

/** The operator has said that `DATABASE_URL` leads to a pooler: no setting of a session holds there. */
function isPooled({ database }: Config): boolean {
  return database.kind === 'url' && database.url.reveal() !== database.directUrl.reveal();
}

async function applyMigrations(directUrl: string, log: Logger): Promise<void> {
  const { applied } = await migrate(directUrl);
  if (applied.length > 0) log.info({ applied }, 'database migrated');
}

async function requireMigrations(directUrl: string): Promise<void> {
  const pending = await pendingMigrations(directUrl);
  if (pending.length === 0) return;
  throw new AppError(
    'migrations_pending',
    `Waiting for ${pending.length} migrations to be applied`,
  );
}

interface Waiting {
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly tell: (error: unknown) => void;
}

async function waitUntil(
  what: string,
  { log, signal, tell }: Waiting,
  work: () => Promise<void>,
): Promise<void> {
  for (let tries = 0; !signal.aborted; tries += 1) {
    try {
      await work();
      if (tries > 0) log.info(`the ${what} is there`);
      return;
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      tell(error);
    }
    await delay(Math.min(200 * 2 ** tries, 2_000), undefined, { signal }).catch(() => undefined);
  }
  throw new AppError('stopped', 'Stopped while starting');
}

function closeTogether(roles: readonly RunningRole[]): (deadlineMs: number) => Promise<void> {
  return async (deadlineMs) => {
    await Promise.all(roles.map((role) => role.close(deadlineMs)));
  };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}
