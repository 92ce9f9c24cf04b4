import { EventEmitter } from 'node:events';
import {
  assertSchemaCompatibility,
  type BackendFactory,
  ConnectionClosedError,
  type PgPoolConfig,
  PostgresConnection,
  type PostgresConnectionOptions,
  type PostgresPoolConfig,
  PostgresQueueBackend,
  Queue,
  runMigrations,
  setDefaultBackendFactory,
  Worker,
} from 'bullmq';
import { Client, type ClientBase, escapeLiteral } from 'pg';
import { z } from 'zod';
import {
  answerDeadlineMs,
  deadConsumerMs,
  deadProducerMs,
  keptByPostgres,
  type QueueBackend,
  type QueueLink,
  queueOptions,
  type ReportError,
  revealUrl,
  workerOptions,
} from './contract.ts';

export type PostgresPlace = Extract<QueueBackend, { kind: 'postgres' }>;

const defaultSchema = 'social_publisher_queue';
const producerConnections = 4;

/** More connections than this only wait for each other: measured, see the README. */
const workerConnections = (concurrency: number) =>
  Math.min(Math.max(2, Math.ceil(concurrency / 4)), 8);

/** Makes or upgrades BullMQ's tables. Safe to run from many processes at once: it takes an advisory lock. */
export async function preparePostgres(place: PostgresPlace): Promise<void> {
  const client = new Client({ connectionString: revealUrl(place.url) });
  await client.connect();
  try {
    await client.query('SET search_path = pg_catalog, pg_temp');
    await runMigrations(client, place.schema ?? defaultSchema);
    await closeFunctions(client, place.schema ?? defaultSchema);
  } finally {
    await client.end();
  }
}

/**
 * BullMQ leaves its functions executable by everybody, whom only the closed schema keeps away. One start at a time: two
 * that revoke the same right fail each other.
 */
async function closeFunctions(client: ClientBase, schema: string): Promise<void> {
  await client.query(`DO $$ DECLARE open regprocedure; BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(${escapeLiteral(schema)}, 7108));
    FOR open IN SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
      WHERE n.nspname = ${escapeLiteral(schema)} AND pg_has_role(p.proowner, 'USAGE')
        AND has_function_privilege('public', p.oid, 'EXECUTE')
    LOOP EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', open); END LOOP;
  END $$`);
}

export function openPostgres(place: PostgresPlace, report: ReportError): QueueLink {
  const shared = connect(place, {
    max: producerConnections,
    connectionTimeoutMillis: answerDeadlineMs,
    query_timeout: deadProducerMs,
  });
  shared.on('error', report);

  return {
    openQueue: (name) =>
      withFactory(
        (queueName) => new ReconnectingBackend(shared, queueName, { connection: '' }, false),
        () => new Queue(name, { connection: {}, ...queueOptions(keptByPostgres) }),
      ),
    openWorker: (settings, processor) => {
      const own = connect(place, {
        max: workerConnections(settings.concurrency),
        connectionTimeoutMillis: deadConsumerMs,
        query_timeout: deadConsumerMs,
      });
      return withFactory(
        (queueName, options) => new ReconnectingBackend(own, queueName, options, true, queueName),
        () =>
          new Worker(settings.queueName, processor, { connection: {}, ...workerOptions(settings) }),
      );
    },
    ready: () => shared.waitUntilReady(),
    ping: async () => {
      await shared.pool.query('SELECT 1');
    },
    carried: (queueName, ids) => unfinished(shared, queueName, ids),
    close: () => shared.close(),
  };
}

/** A worker's connection opens one more, outside this limit, for LISTEN. */
function connect(place: PostgresPlace, limits: PgPoolConfig) {
  return new ReconnectingPostgres({
    connectionString: revealUrl(place.url),
    schema: place.schema ?? defaultSchema,
    ...limits,
    // One stays open, so that the first job after a quiet time need not wait for a connection.
    min: 1,
    keepAlive: true,
    // The queue is a cache, put back from the rows: it need not wait for the disk at every step. Compiling a plan takes
    // longer than running it.
    options: '-c synchronous_commit=off -c jit=off',
  });
}

/**
 * BullMQ types a queue by its backend, and everything that shows queues wants Redis's type. A default factory
 * in force while the queue is made is the library's own way to one type for both.
 */
function withFactory<Made>(
  factory: BackendFactory<PostgresQueueBackend, PostgresConnectionOptions>,
  make: () => Made,
): Made {
  setDefaultBackendFactory(factory);
  try {
    return make();
  } finally {
    setDefaultBackendFactory();
  }
}

const idRows = z.array(z.object({ id: z.string() }));

async function unfinished(
  connection: PostgresConnection,
  queueName: string,
  ids: readonly string[],
): Promise<string[]> {
  const { rows } = await connection.pool.query(
    `SELECT id FROM job WHERE queue = $1 AND id = ANY($2) AND state NOT IN ('completed', 'failed')`,
    [queueName, ids],
  );
  return idRows.parse(rows).map((row) => row.id);
}

/**
 * BullMQ's connection, without two habits of 6.7.0 that would outlive an outage: it remembers a first check
 * that failed for ever, and it takes a server that is going down or coming up for an ordinary error, on which
 * a worker spins without a pause and a job that had completed is recorded as failed.
 * @internal for tests
 */
export class ReconnectingPostgres extends PostgresConnection {
  #checked: Promise<void> | undefined;

  constructor(config: PostgresPoolConfig) {
    super(config);
    hearErrors(this.pool);
    const query = this.pool.query.bind(this.pool);
    this.pool.query = async (text, params) => {
      try {
        return await query(text, params);
      } catch (error) {
        throw isOutage(error) ? asOutage(error) : error;
      }
    };
  }

  override async waitUntilReady(): Promise<void> {
    this.#checked ??= this.#check();
    try {
      await this.#checked;
    } catch (error) {
      this.#checked = undefined;
      throw asOutage(error);
    }
  }

  async #check(): Promise<void> {
    const client = await this.pool.connect();
    try {
      await assertSchemaCompatibility(client, this.schema);
    } finally {
      client.release();
    }
  }
}

/**
 * BullMQ's backend, which would remember a first look at its connection that failed for ever: every job that one such
 * queue hands out could then not be removed, for the life of the process.
 */
class ReconnectingBackend extends PostgresQueueBackend {
  override async waitUntilReady(): Promise<void> {
    await this.connection.waitUntilReady();
    await super.waitUntilReady();
  }
}

/**
 * A connection that breaks while it is lent out and asked nothing tells nobody of it, and an error event without a
 * listener ends the process. Whoever has it finds it broken at the next question.
 */
function hearErrors(pool: unknown): void {
  if (!(pool instanceof EventEmitter)) return;
  pool.on('connect', (client: unknown) => {
    if (client instanceof EventEmitter) client.on('error', () => undefined);
  });
}

function asOutage(cause: unknown): ConnectionClosedError {
  const message = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new ConnectionClosedError(message, cause instanceof Error ? cause : undefined);
}

/** PostgreSQL's classes 08 (connection) and 57P (shutdown, starting up), 53300 (too many connections). */
const outageCode = /^(08...|57P..|53300|ECONN.*|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN)$/;
/** The driver gives these no code. */
const outageMessage =
  /^Connection terminated|^timeout exceeded when trying to connect|^Query read timeout|not queryable$/;

function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return outageCode.test(code) || outageMessage.test(error.message);
}
