import pino from 'pino';
import pretty from 'pino-pretty';
import {
  describeDefect,
  serializeError,
  serializeErrors,
  serializeRequest,
} from './log/serialize.ts';
import { maskSecrets, secretNames } from './mask.ts';

export { describeDefect, maskSecrets };

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
