import { type ClientBase, type CustomTypesConfig, defaults, type PoolConfig, types } from 'pg';

const statementTimeoutMs = 30_000;

// A Date goes out as UTC: node-postgres would write the machine's wall time, which a column without
// time zone would keep as it is.
defaults.parseInputDatesAsUTC = true;

const { INT8, TIMESTAMP, DATE } = types.builtins;
const parsers = new Map<number, (text: string) => unknown>([
  [INT8, parseInt8],
  [TIMESTAMP, (text) => new Date(`${text.replace(' ', 'T')}Z`)],
  [DATE, (text) => text],
]);

/** Counts come as numbers, instants as Date, calendar days as text. */
export const connectionTypes: CustomTypesConfig = {
  getTypeParser: (oid, format) => {
    const standard: unknown = types.getTypeParser(oid, format);
    return (format === 'binary' ? undefined : parsers.get(oid)) ?? standard;
  },
};

function parseInt8(text: string): number | bigint {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/**
 * Commits wait for the disk whatever role or database say (invariant 2). A server that waits for
 * its standbys too (`remote_apply`) is left at that.
 */
export function durableCommits(scope: 'session' | 'local'): string {
  return `SELECT set_config('synchronous_commit', 'on', ${scope === 'local'})
    WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')`;
}

/** A pool waits for `prepare` before it gives a new connection to anyone. */
export function afterConnect(
  prepare: (client: ClientBase) => Promise<unknown>,
): PoolConfig['verify'] {
  return (client, done) => {
    void settle(prepare(client), done);
  };
}

async function settle(work: Promise<unknown>, done: (error?: Error) => void): Promise<void> {
  try {
    await work;
    done();
  } catch (error) {
    done(error instanceof Error ? error : new Error('connection not usable', { cause: error }));
  }
}

/**
 * Built-in functions and nobody else's: whoever may create in `public`, as calendars often may in their own database,
 * could put a function there that fits better than a built-in one, and we would call it with our rights.
 */
export const builtInOnly = 'SET search_path = pg_catalog, pg_temp';

/**
 * Plain statements, not start-up options: poolers such as PgBouncer refuse connections with those. Compiling a plan
 * (`jit`) takes longer than any statement of this program.
 */
export async function prepareConnection(client: ClientBase): Promise<void> {
  await client.query(`
    ${builtInOnly};
    SET TIME ZONE 'UTC';
    SET jit = off;
    SET statement_timeout = ${statementTimeoutMs};
    SET idle_in_transaction_session_timeout = ${2 * statementTimeoutMs};
    ${durableCommits('session')}`);
}
