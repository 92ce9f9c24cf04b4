import { AppError, ConfigError, type FieldProblem, InvalidRequestError } from '../errors.ts';

/** Something that the person at the keyboard can put right; shown without a stack. */
export class CommandError extends AppError {
  override name = 'CommandError';
  readonly details: readonly FieldProblem[];

  constructor(code: string, message: string, details: readonly FieldProblem[] = []) {
    super(code, message);
    this.details = details;
  }
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly errors: readonly FieldProblem[];
}

const unreachableCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EHOSTUNREACH',
]);

/** What a person or a script is told; undefined for a defect of the program, whose stack is wanted. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof CommandError) {
    return { code: error.code, message: error.message, errors: error.details };
  }
  if (error instanceof InvalidRequestError) {
    return { code: error.code, message: error.message, errors: error.errors };
  }
  if (error instanceof ConfigError || error instanceof AppError) {
    return { code: error.code, message: error.message, errors: [] };
  }
  if (isUnreachable(error)) {
    const message =
      'The database cannot be reached: is DATABASE_URL right, and does the server run?';
    return { code: 'database_unreachable', message, errors: [] };
  }
  return undefined;
}

function isUnreachable(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isUnreachable);
  if (!(error instanceof Error) || !('code' in error)) return false;
  // 28…: the server is there and refuses the account; 3D000: no such database; 57P03: it is starting.
  const code = String(error.code);
  return unreachableCodes.has(code) || /^(?:28|08)\d{3}$|^3D000$|^57P03$/.test(code);
}
