import { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { agreeOnQueue } from '../../src/fence/store.ts';
import { createLogger, type Logger } from '../../src/log.ts';
import { prepareQueueBackend } from '../../src/queue/queues.ts';
import { type RoleName, type RunningRole, startRole } from '../../src/roles.ts';
import { openServices, queueBackendOf, type Services } from '../../src/services.ts';
import { type QueueBackend, redisUrl } from './redis.ts';
import { testKey } from './rows.ts';

export interface FleetOptions {
  readonly backend: QueueBackend;
  readonly databaseUrl: string;
  readonly metaUrl: string;
  /** The Redis of the run unless it is said. */
  readonly redisUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The program's own roles in this process, over real services, until closed. */
export interface Fleet {
  readonly services: Services;
  readonly db: Database;
  /** What was logged as an error, oldest first; nothing with `TEST_LOG=1`. */
  readonly errors: readonly string[];
  start(...roles: RoleName[]): Promise<void>;
  stop(): Promise<void>;
  close(): Promise<void>;
}

export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const errors: string[] = [];
  const log = quietLogger(errors);
  const config = configOf(options);
  const db = openDatabase({ url: options.databaseUrl, maxConnections: 10 });
  const services = openServices(config, db, log, options.databaseUrl);
  await prepareQueueBackend(queueBackendOf(config, options.databaseUrl));
  await agreeOnQueue(db, options.backend);
  let running: RunningRole[] = [];
  const stop = async (): Promise<void> => {
    const roles = running.splice(0);
    await Promise.all(roles.map((role) => role.close(5_000)));
  };
  return {
    services,
    db,
    errors,
    async start(...roles) {
      const started = roles.map((role) => startRole(role, services, options.databaseUrl));
      running = [...running, ...(await Promise.all(started))];
    },
    stop,
    async close() {
      await stop();
      await services.queues.close();
      await db.close();
    },
  };
}

function configOf(options: FleetOptions): Config {
  return loadConfig(environmentOf(options));
}

/** What a process of this fleet is started with. */
export function environmentOf({
  backend,
  databaseUrl,
  metaUrl,
  redisUrl: redisOfFleet,
  env,
}: FleetOptions): Record<string, string> {
  return {
    DATABASE_URL: databaseUrl,
    ...(backend === 'redis' ? { REDIS_URL: redisOfFleet ?? redisUrl() } : {}),
    QUEUE_PREFIX: `test-${process.pid}-${new URL(databaseUrl).pathname.slice(-12)}`,
    ADMIN_TOKEN: 'an-operator-token-for-tests',
    ENCRYPTION_KEYS: `${testKey.id}:${Buffer.from(testKey.key).toString('base64')}`,
    GRAPH_BASE_URL: metaUrl,
    GRAPH_TIMEOUT_MS: '5000',
    PORT: '0',
    LOG_LEVEL: 'warn',
    ...env,
  };
}

/** Shows the log of a failing test with `TEST_LOG=1`. */
function quietLogger(errors: string[]): Logger {
  const nowhere = new Writable({
    write(chunk: unknown, _encoding, done) {
      errors.push(String(chunk));
      done();
    },
  });
  const isShown = process.env['TEST_LOG'] === '1';
  return createLogger({
    level: isShown ? 'debug' : 'error',
    ...(isShown ? {} : { destination: nowhere }),
  });
}

/** Polls until it holds, the more seldom the longer it takes; the error names what did not come true. */
export async function until(
  what: string,
  holds: () => Promise<boolean>,
  timeoutMs = 120_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = 10; !(await holds()); pauseMs = Math.min(pauseMs + 5, 50)) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(pauseMs);
  }
}
