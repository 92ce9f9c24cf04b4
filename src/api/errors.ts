import {
  AppError,
  ConflictError,
  InvalidRequestError,
  LimitedError,
  NotFoundError,
  PublishError,
} from '../errors.ts';
import { brokenBoundOf, isDatabaseAway, refusalOf } from './database-errors.ts';
import { type Problem, problemOf } from './problem.ts';
import { problemKindOf } from './problem-codes.ts';

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
