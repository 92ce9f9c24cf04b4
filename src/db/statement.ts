import type { ClientBase, Pool, QueryResult, QueryResultRow } from 'pg';

/** A statement with a `name` is prepared once per connection and planned by the server. */
export interface Statement {
  readonly name?: string;
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
export interface StatementRunner {
  run<Row extends object>(on: ClientBase | Pool, statement: Statement): Promise<Row[]>;
  /** True when the error meant stale names; they are new from now on, and the statement did not run. */
  renewAfter(error: unknown): boolean;
}

export function statementRunner(): StatementRunner {
  let generation = 0;
  return {
    async run<Row extends object>(on: ClientBase | Pool, statement: Statement): Promise<Row[]> {
      const result: QueryResult<Row & QueryResultRow> = await on.query({
        ...(statement.name === undefined ? {} : { name: `${statement.name}_${generation}` }),
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
