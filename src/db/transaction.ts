import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { durableCommits } from './connection.ts';
import { type Sql, type StatementRunner, sqlState } from './statement.ts';

const maxTries = 3;

/** See `Database.transaction`. */
export async function runTransaction<T>(
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
