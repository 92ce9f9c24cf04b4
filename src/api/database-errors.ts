import type { InvalidRequestError } from '../errors.ts';
import { brokenBound } from '../posts/author-outcome.ts';

/**
 * SQL states, Prisma codes and socket codes that mean: the database cannot be asked at the moment. Tables that are not
 * there (3F000, 42P01, P2021) are still being made by whoever migrates.
 */
const awayCodes =
  /^(08...|3F000|42P01|P2021|57P0[123]|53300|ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|EPIPE|ETIMEDOUT|P1001|P1002|P1008|P1017|P2024)$/;

/** node-postgres tells these by their text alone. */
const awayMessages =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Cannot use a pool after calling end|The database did not answer)/;

/** Whether the error says that the database is away, rather than that it refused something. */
export function isDatabaseAway(error: unknown): boolean {
  return chain(error).some(
    (one) => awayCodes.test(codeOf(one)) || awayMessages.test(messageOf(one)),
  );
}

/** The database's own words where a trigger refused a write because of the row's state (SP409). */
export function refusalOf(error: unknown): string | undefined {
  const refused = chain(error).find((one) => codeOf(one) === 'SP409');
  return refused === undefined ? undefined : messageOf(refused);
}

/** The bound of the posts' table that the error says was broken. */
export function brokenBoundOf(error: unknown): InvalidRequestError | undefined {
  return chain(error)
    .map(brokenBound)
    .find((broken) => broken !== undefined);
}

/** The error and what lies beneath it: Prisma and AggregateError wrap what the driver said. */
function chain(error: unknown, depth = 0): unknown[] {
  if (!(error instanceof Error) || depth > 4) return [];
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [];
  const below = [error.cause, ...errors].flatMap((one) => chain(one, depth + 1));
  return [error, ...below];
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error) return String(error.code);
  return 'originalCode' in error ? String(error.originalCode) : '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}
