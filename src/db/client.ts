import { PrismaPg } from '@prisma/adapter-pg';
import { Pool } from 'pg';
import { afterConnect, connectionTypes, prepareConnection } from './connection.ts';
import { PrismaClient } from './generated/client.ts';
import { type Sql, type Statement, type StatementRunner, statementRunner } from './statement.ts';
import { runTransaction } from './transaction.ts';

export type { Sql } from './statement.ts';

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
