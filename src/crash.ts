import type { Logger } from './log.ts';

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
