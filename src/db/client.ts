import { setTimeout as delay } from 'node:timers/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import { type ClientBase, Pool, type PoolClient, type QueryResult, type QueryResultRow } from 'pg';
import { afterConnect, connectionTypes, durableCommits, prepareConnection } from './connection.ts';
import { PrismaClient } from './generated/client.ts';

export interface Database extends Sql {
  readonly prisma: PrismaClient;
  /**
   * Commits what `work` did, or nothing of it. A deadlock or serialization failure runs `work` again
   * (three tries), so `work` must do nothing but talk to `tx`.
   */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
  /** Throws unless the database answers within 5 seconds. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** The part of the program's logger that this folder needs. */
export interface DatabaseLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface DatabaseOptions {
  readonly url: string;
  readonly maxConnections?: number;
  readonly applicationName?: string;
  readonly logger?: DatabaseLog;
}

/** Opens lazily: nothing connects before the first statement. One pool serves Prisma and plain SQL. */
export function openDatabase(options: DatabaseOptions): Database {
  const pool = openPool(options);
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, { schema: 'social_publisher' }),
  });
  const statements = statementRunner();
  let closing: Promise<void> | undefined;
  const closeOnce = async (): Promise<void> => {
    await prisma.$disconnect();
    await pool.end();
  };
  return {
    prisma,
    query: (statement) => queryPool(pool, statements, statement),
    transaction: (work) => runTransaction(pool, statements, work),
    ping: () => ping(pool),
    close: () => (closing ??= closeOnce()),
  };
}

function openPool(options: DatabaseOptions): Pool {
  const pool = new Pool({
    connectionString: options.url,
    max: options.maxConnections ?? 10,
    application_name: options.applicationName ?? 'social-publisher',
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // Statements that do not wait for each other's results share a round trip.
    pipeline: true,
    types: connectionTypes,
    verify: afterConnect(prepareConnection),
  });
  // Without listeners, a connection that the server closes would end the process; the next
  // statement simply gets a fresh one. Clients in use emit it too (closed between two statements).
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('error', (error) => {
    options.logger?.warn({ err: error }, 'database connection lost');
  });
  return pool;
}

async function queryPool<Row extends object>(
  pool: Pool,
  statements: StatementRunner,
  statement: Statement,
): Promise<Row[]> {
  try {
    return await statements.run<Row>(pool, statement);
  } catch (error) {
    if (!statements.renewAfter(error)) throw error;
    return statements.run<Row>(pool, statement);
  }
}

async function ping(pool: Pool): Promise<void> {
  const signal = AbortSignal.timeout(5_000);
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () =>
      reject(new Error('The database did not answer within 5 seconds.')),
    );
  });
  await Promise.race([pool.query('SELECT 1'), late]);
}

/** A statement with a `name` is prepared once per connection and planned by the server. */
interface Statement {
  readonly name?: string;
  /** For what runs seldom: a plan that was kept from when a table was empty would read all of it. */
  readonly isPlannedAnew?: true;
  readonly text: string;
  readonly values?: readonly unknown[];
}

export interface Sql {
  query<Row extends object>(statement: Statement): Promise<Row[]>;
}

/**
 * Runs statements, and keeps named ones usable across a migration made by a newer version:
 * PostgreSQL refuses a prepared statement whose result columns have changed, on every connection
 * that knows it, so after the first such answer all names carry a new number.
 */
interface StatementRunner {
  run<Row extends object>(on: ClientBase | Pool, statement: Statement): Promise<Row[]>;
  /** True when the error meant stale names; they are new from now on, and the statement did not run. */
  renewAfter(error: unknown): boolean;
}

function statementRunner(): StatementRunner {
  let generation = 0;
  return {
    async run<Row extends object>(on: ClientBase | Pool, statement: Statement): Promise<Row[]> {
      const result: QueryResult<Row & QueryResultRow> = await on.query({
        ...(statement.name === undefined || statement.isPlannedAnew === true
          ? {}
          : { name: `${statement.name}_${generation}` }),
        text: statement.text,
        values: [...(statement.values ?? [])],
      });
      return result.rows;
    },
    renewAfter(error) {
      const isStale = sqlState(error) === '0A000' && /cached plan/.test(messageOf(error));
      if (isStale) generation += 1;
      return isStale;
    },
  };
}

/** PostgreSQL's five-character code, or nothing when the error is not the database's answer. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

const maxTries = 3;

/** See `Database.transaction`. */
async function runTransaction<T>(
  pool: Pool,
  statements: StatementRunner,
  work: (tx: Sql) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await tryOnce(pool, statements, work);
    } catch (error) {
      const rolledBack = isConflict(error) || statements.renewAfter(error);
      if (!rolledBack || tries === maxTries) throw error;
      await delay(Math.random() * 20 * tries);
    }
  }
}

async function tryOnce<T>(
  pool: Pool,
  statements: StatementRunner,
  work: (tx: Sql) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    // Both in one round trip; again in each transaction because behind a pooler each may run on
    // another server connection, whose role or database may say otherwise.
    // Nobody waits for the answer: should it fail, the connection is gone or the transaction is aborted, and
    // whatever was sent behind it fails too.
    const begun = client.query(`BEGIN; ${durableCommits('local')}`);
    const [result] = await Promise.all([
      work({ query: (statement) => statements.run(client, statement) }),
      begun,
    ]);
    await commit(client);
    return result;
  } catch (error) {
    broken = await rollback(client);
    throw error;
  } finally {
    client.release(broken);
  }
}

/** A transaction that met an error answers COMMIT with ROLLBACK, as if all were well. */
async function commit(client: PoolClient): Promise<void> {
  const { command } = await client.query('COMMIT');
  if (command !== 'COMMIT') {
    throw new Error(
      'The transaction was rolled back: an error inside it was caught and passed over.',
    );
  }
}

/** Answers the error that makes this connection unfit for the pool, if any. */
async function rollback(client: PoolClient): Promise<Error | undefined> {
  try {
    await client.query('ROLLBACK');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error('ROLLBACK failed');
  }
}

/** serialization_failure and deadlock_detected: PostgreSQL has undone everything. */
function isConflict(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40001' || state === '40P01';
}
