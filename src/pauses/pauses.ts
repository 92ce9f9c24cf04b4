import type { Sql } from '../db/client.ts';
import { findPause, type Pausable, type Pause } from './pause.ts';
import { readPauses } from './store.ts';

/** A pause is honoured this long after it was made, at the latest. */
const freshForMs = 1_000;

interface Known {
  readonly at: number;
  readonly pauses: Promise<readonly Pause[]>;
}

const known = new WeakMap<Sql, Known>();

/**
 * The pause that holds this row, or null. Asked right before anything is sent, read or changed at a provider; one read
 * a second answers the whole process. Throws while the database is away: then nothing may be sent anyway.
 */
export async function readPause(
  { db }: { readonly db: Sql },
  row: Pausable,
): Promise<Pause | null> {
  return findPause(await pausesOf(db), row);
}

/** After this process itself paused something, or lifted a pause. */
export function forgetPauses(db: Sql): void {
  known.delete(db);
}

function pausesOf(db: Sql): Promise<readonly Pause[]> {
  const last = known.get(db);
  const now = performance.now();
  if (last !== undefined && now - last.at < freshForMs) return last.pauses;
  const pauses = readPauses(db);
  known.set(db, { at: now, pauses });
  pauses.catch(() => known.delete(db));
  return pauses;
}
