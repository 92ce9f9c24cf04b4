import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { Arena } from './arena.ts';

const gateNumber = 770_077;

/**
 * A gate in front of every commit that settles a sent attempt, and of the first that follows a call which made a hidden
 * post, where that is the call of the cell. While it is closed workers know their answers and cannot write them down.
 */
export interface Gate {
  close(): Promise<void>;
  /** Whoever was killed before the gate never gets through it; everybody else does. */
  open(): Promise<void>;
  /** Ends the sessions of workers that were killed while they waited. */
  clear(): Promise<void>;
  end(): Promise<void>;
}

export async function buildGate(arena: Arena): Promise<Gate> {
  await arena.db.query({
    text: `CREATE OR REPLACE FUNCTION public.chaos_gate() RETURNS trigger LANGUAGE plpgsql AS $$
           BEGIN
             IF (OLD.state = 'sent' AND NEW.state <> 'sent')
               OR (OLD.state = 'prepared' AND NOT OLD.resting AND (NEW.state <> 'prepared' OR NEW.resting)
                 AND OLD.content ->> 'message' LIKE 'create %') THEN
               PERFORM pg_advisory_xact_lock_shared(${gateNumber});
             END IF;
             RETURN NEW;
           END $$`,
  });
  await arena.db.query({
    text: `CREATE OR REPLACE TRIGGER chaos_gate BEFORE UPDATE ON social_publisher.publish_attempts
           FOR EACH ROW EXECUTE FUNCTION public.chaos_gate()`,
  });
  const keeper = new Client({ connectionString: arena.databaseUrl });
  await keeper.connect();
  return {
    close: async () => {
      await keeper.query(`SELECT pg_advisory_lock(${gateNumber})`);
    },
    open: async () => {
      await keeper.query(`SELECT pg_advisory_unlock(${gateNumber})`);
    },
    clear: async () => {
      const waiting = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`;
      await keeper.query(`SELECT pg_terminate_backend(pid) ${waiting}`);
      for (let left = 1; left > 0; await delay(20)) {
        const { rows } = await keeper.query<{ left: number }>(
          `SELECT count(*)::int AS left ${waiting}`,
        );
        left = rows[0]?.left ?? 0;
      }
    },
    end: () => keeper.end(),
  };
}
