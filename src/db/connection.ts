import {
  Client,
  type ClientBase,
  type CustomTypesConfig,
  defaults,
  type PoolConfig,
  types,
} from 'pg';

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

/** Keeps the hashes apart from those of other advisory locks in this database. */
const seed = 7107;

/**
 * Does `work` while nobody else does work under one of these names; `onWait` is called if it is not its turn yet. The
 * turn ends with its connection, so a process that dies hands it on. `url` must reach PostgreSQL past any pooler.
 */
export async function inTurn<T>(
  url: string,
  names: readonly string[],
  work: () => Promise<T>,
  onWait: () => void,
): Promise<T> {
  const session = new Client({
    connectionString: url,
    application_name: 'social-publisher turn',
    keepAlive: true,
  });
  session.on('error', () => undefined);
  await session.connect();
  try {
    await session.query(builtInOnly);
    // In one order everywhere, or two who want the same names could wait for each other.
    for (const name of [...new Set(names)].toSorted()) await take(session, name, onWait);
    return await work();
  } finally {
    await session.end();
  }
}

async function take(session: Client, name: string, onWait: () => void): Promise<void> {
  const lock = [name, seed];
  const tried = await session.query<{ taken: boolean }>(
    'SELECT pg_try_advisory_lock(hashtextextended($1, $2)) AS taken',
    lock,
  );
  if (tried.rows[0]?.taken === true) return;
  onWait();
  await session.query('SELECT pg_advisory_lock(hashtextextended($1, $2))', lock);
}
