import { AppError } from './errors.ts';
import type { Logger } from './log.ts';
import type { Secret } from './secret.ts';

const tellEveryMs = 10_000;

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Where a URL of PostgreSQL or Redis leads to, without what is secret in it. */
export function placeOfUrl(url: string | Secret, defaultPort: number): Place {
  const { hostname, port } = new URL(typeof url === 'string' ? url : url.reveal());
  return { host: hostname, port: port === '' ? defaultPort : Number(port) };
}

/** Tells of something that is waited for, at once and then every ten seconds. `nowMs` is a monotonic clock. */
export function waitingTeller(
  log: Logger,
  what: string,
  place: Place,
  nowMs: () => number = () => performance.now(),
): (error: unknown) => void {
  const beganMs = nowMs();
  let toldMs = -Infinity;
  return (error) => {
    const now = nowMs();
    if (now - toldMs < tellEveryMs) return;
    toldMs = now;
    const forS = Math.round((now - beganMs) / 1000);
    log.warn({ ...place, forS, ...reasonOf(error) }, `waiting for the ${what}`);
  };
}

/** What a system, a database or we ourselves have a code for needs no stack; anything else is a defect. */
function reasonOf(error: unknown): object {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return { err: error };
  const code = 'code' in first ? first.code : undefined;
  const isKnown = first instanceof AppError || typeof code === 'string';
  return isKnown ? { code, reason: first.message } : { err: error };
}
