import { Client } from 'pg';
import { builtInOnly } from './connection.ts';

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
