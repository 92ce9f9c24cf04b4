import pino from 'pino';
import pretty from 'pino-pretty';
import { AppError, ConfigError, InvalidRequestError, PublishError } from './errors.ts';
import { cutQueries, maskSecrets, secretNames } from './mask.ts';

export type Logger = pino.Logger;

export interface LogOptions {
  readonly level: string;
  /** By default when stdout is a terminal. */
  readonly pretty?: boolean;
  /** Instead of stdout. */
  readonly destination?: pino.DestinationStream;
}

/** By name at the top and one level down; `maskSecrets` reaches deeper. */
const redactedPaths = secretNames.flatMap((name) => [`["${name}"]`, `*["${name}"]`]);

/** A logger of JSON lines in which no secret survives: see `mask.ts`. */
export function createLogger(options: LogOptions): Logger {
  const { level, destination } = options;
  const isPretty = options.pretty ?? (destination === undefined && process.stdout.isTTY);
  return pino(
    {
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: serializeErrors },
      serializers: { err: serializeError, req: serializeRequest },
      redact: { paths: redactedPaths, censor: '[secret]' },
      hooks: { streamWrite: maskSecrets },
    },
    isPretty
      ? pretty({ sync: true, ...(destination === undefined ? {} : { destination }) })
      : (destination ?? pino.destination({ fd: 1, sync: true })),
  );
}

type Fields = Record<string, unknown>;

/** Causes are followed this far; a chain that is longer, or a ring, tells nothing more. */
const deepest = 5;

/**
 * An error as fields of the log: what it is and where it arose, never what it carries. An axios
 * error drags its request along, headers and body included, so the fields are picked by name.
 */
function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return depth === 0 ? error : describe(error);
  const fields: Fields = {
    type: error.name,
    ...pick(error),
    message: clean(error.message),
    ...ownFields(error),
    stack: clean(error.stack ?? ''),
  };
  if (depth >= deepest) return fields;
  if (error.cause !== undefined) fields['cause'] = serializeError(error.cause, depth + 1);
  if (error instanceof AggregateError) {
    const errors: readonly unknown[] = error.errors;
    fields['errors'] = errors.slice(0, deepest).map((one) => serializeError(one, depth + 1));
  }
  return fields;
}

/** Errors under any name, `err` or not: as they are, axios would write its headers into the line. */
function serializeErrors(line: Fields): Fields {
  if (!Object.values(line).some((value) => value instanceof Error)) return line;
  return Object.fromEntries(
    Object.entries(line).map(([name, value]) => [name, serializeError(value)]),
  );
}

/** With its stack, for a terminal: never what it carries along. */
export function describeDefect(error: unknown): string {
  return error instanceof Error ? clean(error.stack ?? error.message) : describe(error);
}

/** Of a request only what was asked for: the query holds OAuth codes, the headers bearer tokens. */
function serializeRequest(request: unknown): unknown {
  if (!isFields(request)) return undefined;
  const { id, method, url } = request;
  return { id, method, path: typeof url === 'string' ? url.split('?')[0] : undefined };
}

/** PostgreSQL's `detail` stays out, as it quotes rows. */
const harmless = new Set([
  'code',
  'status',
  'syscall',
  'address',
  'port',
  'constraint',
  'table',
  'column',
]);

function pick(error: Error): Fields {
  return Object.fromEntries(
    Object.entries(error).filter(
      ([name, value]) =>
        harmless.has(name) && (typeof value === 'string' || typeof value === 'number'),
    ),
  );
}

function ownFields(error: Error): Fields {
  if (error instanceof ConfigError) return { problems: error.problems };
  if (error instanceof InvalidRequestError) return { status: error.status, errors: error.errors };
  if (error instanceof PublishError) {
    return { record: error.record, retryAfterMs: error.retryAfterMs };
  }
  return error instanceof AppError ? { code: error.code } : {};
}

/** What was thrown without being an error: its kind, as its content is anybody's guess. */
function describe(thrown: unknown): string {
  return typeof thrown === 'string' ? clean(thrown) : `not an error but ${typeof thrown}`;
}

function clean(text: string): string {
  return maskSecrets(cutQueries(text));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/**
 * Ends the process on an error that nobody caught, which is a defect: rows and leases are made for processes that die,
 * not for such as go on in a state that nobody knows. It is told by the log: Node's own dump shows all that an error
 * carries along, headers with tokens for one.
 */
export function exitOnDefects(log: () => Logger): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (thrown: unknown) => {
      try {
        log().fatal({ err: asError(thrown), event }, 'a defect of the program ends this process');
      } finally {
        process.exit(1);
      }
    });
  }
}

function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(typeof thrown === 'string' ? thrown : `not an error but ${typeof thrown}`);
}
