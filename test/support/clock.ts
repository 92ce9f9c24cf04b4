import type { Database } from '../../src/db/client.ts';

export interface Clock {
  /** Time passes, for the database and for whatever else the test has named the same. */
  advance(ms: number): Promise<void>;
}

const functions = ['clock_timestamp', 'statement_timestamp'];

/**
 * Gives a test database a clock that the test turns: functions of its own stand where PostgreSQL's were, and everything
 * that the program decides by time it decides by these. `others` are to follow: the sandbox's clock, say.
 */
export async function openClock(
  db: Database,
  others: (ms: number) => Promise<unknown> | void,
): Promise<Clock> {
  await db.query({ text: 'CREATE TABLE public.test_clock (ahead interval NOT NULL)' });
  await db.query({ text: `INSERT INTO public.test_clock VALUES ('0')` });
  for (const name of functions) {
    await db.query({ text: `ALTER FUNCTION pg_catalog.${name}() RENAME TO real_${name}` });
    await db.query({
      text: `CREATE FUNCTION pg_catalog.${name}() RETURNS timestamptz LANGUAGE sql STABLE AS $$
               SELECT pg_catalog.real_${name}() + (SELECT ahead FROM public.test_clock) $$`,
    });
  }
  return {
    async advance(ms) {
      await db.query({
        text: `UPDATE public.test_clock SET ahead = ahead + $1 * interval '1 millisecond'`,
        values: [ms],
      });
      await others(ms);
    },
  };
}
