import { z } from 'zod';
import { brokenBound } from '../authoring/scope.ts';
import {
  AppError,
  ConflictError,
  type FieldProblem,
  InvalidRequestError,
  LimitedError,
  NotFoundError,
  PublishError,
} from '../errors.ts';
import { fieldProblemSchema } from './fields.ts';
import { type ProblemKind, problemKindOf, problemKinds } from './problem-codes.ts';

/** What the API itself refuses; `code` is one of `problemKinds` and decides the status. */
export class ApiError extends AppError {
  override name = 'ApiError';
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(code, message);
    this.headers = headers;
  }
}

/** A problem that is ready to be answered as it is. */
export class ProblemError extends AppError {
  override name = 'ProblemError';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.code, problem.detail);
    this.problem = problem;
  }
}

/** The one place where an error becomes an answer. Messages of 5xx stay in the log. */
export function toProblem(error: unknown): Problem {
  if (error instanceof InvalidRequestError) return fromRequest(error);
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof ApiError) {
    return problemOf(error.code, error.message, { headers: error.headers });
  }
  if (error instanceof LimitedError) {
    const retryAfterS = Math.max(1, Math.ceil(error.retryAfterMs / 1000));
    return problemOf(error.code, error.message, { retryAfterS });
  }
  if (error instanceof PublishError) return fromProvider(error);
  if (error instanceof AppError) return fromAppError(error);
  return fromDatabase(error) ?? fromFastify(error) ?? internal();
}

/** A refusal is never much longer than what was refused. */
const mostFields = 20;

function fromRequest({ code, message, errors, status }: InvalidRequestError): Problem {
  const more = errors.length - mostFields;
  const detail = more > 0 ? `${message} ${more} more than the ${mostFields} named here.` : message;
  return problemOf(code, detail, { errors: errors.slice(0, mostFields), status });
}

/** Codes of the problem table keep their status; other codes of a known kind fall back to that kind's. */
function fromAppError(error: AppError): Problem {
  const kind = problemKindOf(error.code);
  if (kind !== undefined && kind.status < 500) return problemOf(error.code, error.message);
  if (kind !== undefined) return problemOf(error.code, kind.meaning);
  if (error instanceof NotFoundError) return problemOf('not_found', error.message);
  if (error instanceof ConflictError) return problemOf('conflict', error.message);
  return (error.cause === undefined ? undefined : fromDatabase(error.cause)) ?? internal();
}

function fromProvider(error: PublishError): Problem {
  const retryAfterS = Math.max(1, Math.ceil((error.retryAfterMs ?? 30_000) / 1000));
  switch (error.record.class) {
    case 'reauth':
    case 'permission':
    case 'blocked':
      return problemOf('token_rejected', error.record.message);
    case 'invalid':
    case 'duplicate':
      return problemOf('invalid', error.record.message);
    case 'rate_limited':
      return problemOf('rate_limited', error.record.message, { retryAfterS });
    case 'retry':
    case 'not_ready':
    case 'unknown_outcome':
    case 'internal':
      return problemOf('provider_unreachable', error.record.message, { retryAfterS });
  }
}

function fromDatabase(error: unknown): Problem | undefined {
  const refusal = refusalOf(error);
  if (refusal !== undefined) return problemOf('conflict', refusal);
  const broken = brokenBoundOf(error);
  if (broken !== undefined) return toProblem(broken);
  if (!isDatabaseAway(error)) return undefined;
  return problemOf('database_unavailable', 'The database does not answer at the moment.');
}

const fastifyCodes: ReadonlyMap<string, readonly [code: string, detail: string]> = new Map([
  ['FST_ERR_CTP_BODY_TOO_LARGE', ['body_too_large', 'The body is larger than this address takes.']],
  [
    'FST_ERR_CTP_INVALID_MEDIA_TYPE',
    ['unsupported_media_type', 'Send the body with Content-Type: application/json.'],
  ],
  [
    'FST_ERR_CTP_INVALID_CONTENT_LENGTH',
    ['malformed_json', 'The body is not as long as announced.'],
  ],
  ['FST_ERR_BAD_URL', ['malformed_request', 'The address is not a valid URL path.']],
  ['FST_ERR_MAX_PARAM_LENGTH', ['uri_too_long', 'A part of the address is too long.']],
]);

function fromFastify(error: unknown): Problem | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const known = fastifyCodes.get(String(error.code));
  if (known !== undefined) return problemOf(...known);
  const status = 'statusCode' in error ? Number(error.statusCode) : 500;
  if (!(status >= 400 && status < 500)) return undefined;
  return problemOf('malformed_request', 'The request is not valid HTTP.', { status });
}

function internal(): Problem {
  return problemOf('internal', 'Something broke on our side; the log has it under the request id.');
}

/** A problem before it knows which request it answers. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly FieldProblem[];
  readonly retryAfterS?: number;
  /** Headers beyond those that every problem has. */
  readonly headers?: Readonly<Record<string, string>>;
}

export const problemSchema = z
  .strictObject({
    type: z.string().meta({ description: 'The address of a page about this `code`.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: 'Stable; see /problems for all of them.' }),
    instance: z.string().meta({ description: 'The address that was asked, without its query.' }),
    request_id: z.string(),
    errors: z.array(fieldProblemSchema).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details.' });

export type ProblemDocument = z.output<typeof problemSchema>;

/** A problem of a known code; a code that nobody listed is internal. */
export function problemOf(
  code: string,
  detail: string,
  more: Partial<Pick<Problem, 'errors' | 'retryAfterS' | 'headers' | 'status'>> = {},
): Problem {
  const kind: ProblemKind = problemKindOf(code) ?? problemKinds.internal;
  const status = more.status ?? kind.status;
  const waits = status === 503 || status === 429;
  return {
    ...(waits ? { retryAfterS: 5 } : {}),
    ...more,
    status,
    code,
    title: kind.title,
    detail,
  };
}

export function problemDocument(
  problem: Problem,
  request: { readonly publicUrl: string; readonly path: string; readonly id: string },
): ProblemDocument {
  return {
    type: `${request.publicUrl}/problems/${problem.code}`,
    title: problem.title,
    status: problem.status,
    detail: problem.detail,
    code: problem.code,
    instance: request.path,
    request_id: request.id,
    ...(problem.errors === undefined || problem.errors.length === 0
      ? {}
      : { errors: [...problem.errors] }),
  };
}

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
function isDatabaseAway(error: unknown): boolean {
  return chain(error).some(
    (one) => awayCodes.test(codeOf(one)) || awayMessages.test(messageOf(one)),
  );
}

/** The database's own words where a trigger refused a write because of the row's state (SP409). */
function refusalOf(error: unknown): string | undefined {
  const refused = chain(error).find((one) => codeOf(one) === 'SP409');
  return refused === undefined ? undefined : messageOf(refused);
}

/** The bound of the posts' table that the error says was broken. */
function brokenBoundOf(error: unknown): InvalidRequestError | undefined {
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
