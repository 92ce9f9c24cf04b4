import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from './config/config.ts';
import { type Database, openDatabase } from './db/client.ts';
import { startEmbedded } from './db/embedded/embedded.ts';
import { migrate, pendingMigrations, turnJitOff } from './db/migrate.ts';
import { AppError, ConfigError } from './errors.ts';
import { enterFleet } from './fence/fleet.ts';
import { agreeOnQueue, requireKeys } from './fence/store.ts';
import type { Logger } from './log.ts';
import { prepareQueueBackend } from './queue/queues.ts';
import { type RoleName, type RunningRole, startHealth, startRole } from './roles.ts';
import type { Secret } from './secret.ts';
import { openServices, queueBackendOf, type Services } from './services.ts';

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
  const close = runOnce(async () => {
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

function runOnce(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}

/** Throws ConfigError that names the variable at fault when this process could not listen where it is told to. */
async function requirePorts(
  { host, port, healthPort }: Config['http'],
  needs: { readonly api: boolean },
): Promise<void> {
  const wanted = [
    ...(needs.api ? [{ name: 'PORT', port }] : []),
    ...(healthPort === undefined ? [] : [{ name: 'HEALTH_PORT', port: healthPort }]),
  ];
  const open: Server[] = [];
  try {
    for (const one of wanted) open.push(await listen(host, one));
  } finally {
    await Promise.all(open.map(closeServer));
  }
}

async function listen(
  host: string,
  { name, port }: { readonly name: string; readonly port: number },
): Promise<Server> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return server;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new ConfigError([problemOf(code, name, host, port)]);
  }
}

function problemOf(code: string, name: string, host: string, port: number): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${name}: ${host}:${port} is in use already: stop what listens there, or set ${name} to another port`;
    case 'EACCES':
      return `${name}: this account may not listen on ${host}:${port} (${code}): set ${name} to a port above 1023`;
    default:
      return `HOST: this machine cannot listen on ${host} (${code}): set HOST to one of its addresses`;
  }
}

async function closeServer(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

const tellEveryMs = 10_000;

export interface Place {
  readonly host: string;
  readonly port: number;
}

/**
 * Where a URL of PostgreSQL or Redis leads to, without what is secret in it.
 * @internal for tests
 */
export function placeOfUrl(url: string | Secret, defaultPort: number): Place {
  const { hostname, port } = new URL(typeof url === 'string' ? url : url.reveal());
  return { host: hostname, port: port === '' ? defaultPort : Number(port) };
}

/**
 * Tells of something that is waited for, at once and then every ten seconds. `nowMs` is a monotonic clock.
 * @internal for tests
 */
export function waitingTeller(
  log: Logger,
  what: string,
  place: Place,
  nowMs: () => number = () => performance.now(),
): (error: unknown) => void {
  const beganMs = nowMs();
  let toldMs = -Infinity;
  return (error) => {
    const now = nowMs();
    if (now - toldMs < tellEveryMs) return;
    toldMs = now;
    const forS = Math.round((now - beganMs) / 1000);
    log.warn({ ...place, forS, ...reasonOf(error) }, `waiting for the ${what}`);
  };
}

/** What a system, a database or we ourselves have a code for needs no stack; anything else is a defect. */
function reasonOf(error: unknown): object {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return { err: error };
  const code = 'code' in first ? first.code : undefined;
  const isKnown = first instanceof AppError || typeof code === 'string';
  return isKnown ? { code, reason: first.message } : { err: error };
}
