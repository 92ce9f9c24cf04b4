import {
  type BackendFactory,
  type PgPoolConfig,
  type PostgresConnection,
  type PostgresConnectionOptions,
  type PostgresQueueBackend,
  Queue,
  runMigrations,
  setDefaultBackendFactory,
  Worker,
} from 'bullmq';
import { Client, type ClientBase, escapeLiteral } from 'pg';
import { z } from 'zod';
import { type QueueBackend, type QueueLink, type ReportError, revealUrl } from './link.ts';
import { ReconnectingBackend, ReconnectingPostgres } from './reconnecting-postgres.ts';
import {
  answerDeadlineMs,
  deadConsumerMs,
  deadProducerMs,
  keptByPostgres,
  queueOptions,
  workerOptions,
} from './settings.ts';

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
