import type { Database, DatabaseLog } from './client.ts';

/**
 * Makes `jit = off` the default of our own role in this database, unless it is already. For connections behind a
 * pooler: there a session's settings reach one connection or another, and a role's default reaches each new one.
 */
export async function turnJitOff(db: Database, log: DatabaseLog): Promise<void> {
  const [found] = await db.query<{ alteration: string }>({
    text: `SELECT format('ALTER ROLE %I IN DATABASE %I SET jit = off', session_user, current_database()) AS alteration
           FROM pg_settings WHERE name = 'jit' AND reset_val = 'on'`,
  });
  if (found === undefined) return;
  const { alteration } = found;
  try {
    await db.transaction(async (tx) => {
      // Two processes that alter a role at once would fail with "tuple concurrently updated".
      await tx.query({ text: 'SELECT pg_advisory_xact_lock(7109)' });
      await tx.query({ text: alteration });
    });
    log.info({ alteration }, 'JIT compilation turned off for new connections of the pooler');
  } catch (error) {
    log.warn(
      { err: error, alteration },
      'JIT compilation is on behind the pooler and slows every post down: run this statement as an administrator',
    );
  }
}
