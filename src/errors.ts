import { z } from 'zod';
import { maskSecrets } from './mask.ts';

/**
 * The errors of the program. Expected outcomes are values; these are thrown.
 * `code` is stable and snake_case; `message` is for the developer or operator who reads it.
 */
export class AppError extends Error {
  override name = 'AppError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Start-up cannot go on. `problems` names every variable or service at fault, never a value. */
export class ConfigError extends AppError {
  override name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      'configuration',
      `The configuration is not usable:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

/** No such thing, or it belongs to another tenant: callers cannot tell the two apart. */
export class NotFoundError extends AppError {
  override name = 'NotFoundError';
}

/** The thing is in a state that does not allow this. */
export class ConflictError extends AppError {
  override name = 'ConflictError';
}

/** Too much was asked for now. */
export class LimitedError extends AppError {
  override name = 'LimitedError';
  /** When it may be asked again, in milliseconds from now. */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super('too_many_requests', message);
    this.retryAfterMs = retryAfterMs;
  }
}

export interface FieldProblem {
  /** Where in the request, in the request's own names: `media[2].url`. */
  readonly path: string;
  readonly message: string;
  /** The stable id of the rule that was broken. */
  readonly rule: string;
}

/** A request that breaks a rule (422) or cannot be understood (400). */
export class InvalidRequestError extends AppError {
  override name = 'InvalidRequestError';
  readonly status: 400 | 422;
  readonly errors: readonly FieldProblem[];

  constructor(
    status: 400 | 422,
    code: string,
    message: string,
    errors: readonly FieldProblem[] = [],
  ) {
    super(code, message);
    this.status = status;
    this.errors = errors;
  }
}

export type ErrorClass =
  | 'retry'
  | 'rate_limited'
  | 'reauth'
  | 'permission'
  | 'invalid'
  | 'duplicate'
  | 'blocked'
  | 'not_ready'
  | 'unknown_outcome'
  | 'internal';

/**
 * Whom an error concerns: only what is about the post may cost it a try. `provider` is an outage of the network, or
 * of the way to it.
 */
export type ErrorScope = 'post' | 'account' | 'app' | 'provider';

export type ErrorActor = 'nobody' | 'author' | 'tenant_admin' | 'operator' | 'meta';

/** The one error record (design: invariant 10); API, log, rows and dashboard show it as it is. */
export interface ErrorRecord {
  readonly class: ErrorClass;
  /** Stable, for translations: `facebook_duplicate_post`. */
  readonly key: string;
  readonly provider_code: number | null;
  readonly provider_subcode: number | null;
  /** What the provider said, or what happened; without secrets, at most 500 characters. */
  readonly message: string;
  /** For the person who reads the calendar. */
  readonly user_message: string;
  /** The next step, in the imperative. */
  readonly action: string;
  readonly who: ErrorActor;
  readonly retryable: boolean;
  readonly fbtrace_id: string | null;
  /** ISO 8601 in UTC. */
  readonly at: string;
}

/** A call to a provider, or the work around it, that did not do what it should. */
export class PublishError extends AppError {
  override name = 'PublishError';
  readonly record: ErrorRecord;
  /** Earliest useful moment for another try, in milliseconds from now, where the provider said so. */
  readonly retryAfterMs: number | undefined;
  readonly scope: ErrorScope;
  /** False when the call that failed may have had its effect all the same. */
  readonly isProven: boolean;

  constructor(
    record: ErrorRecord,
    options?: ErrorOptions & {
      readonly retryAfterMs?: number;
      readonly scope?: ErrorScope;
      readonly isProven?: boolean;
    },
  ) {
    super(record.key, record.message, options);
    this.record = record;
    this.retryAfterMs = options?.retryAfterMs;
    this.scope = options?.scope ?? scopeOf(record.class);
    this.isProven = options?.isProven ?? true;
  }
}

/** Where nobody knows better: a token, a permission, a block and a limit are the account's. */
export function scopeOf(errorClass: ErrorClass): ErrorScope {
  const ofAccount: readonly ErrorClass[] = ['reauth', 'permission', 'blocked', 'rate_limited'];
  return ofAccount.includes(errorClass) ? 'account' : 'post';
}

/**
 * The one error record, wherever the API shows it. Stored ones are shown as they are: another version may have written
 * them.
 */
export const errorRecordSchema = z
  .strictObject({
    class: z.enum([
      'retry',
      'rate_limited',
      'reauth',
      'permission',
      'invalid',
      'duplicate',
      'blocked',
      'not_ready',
      'unknown_outcome',
      'internal',
    ]),
    key: z.string().meta({ description: 'Stable, for translations.' }),
    provider_code: z.number().nullable(),
    provider_subcode: z.number().nullable(),
    message: z.string(),
    user_message: z.string().meta({ description: 'For the person who reads the calendar.' }),
    action: z.string().meta({ description: 'The next step.' }),
    who: z.enum(['nobody', 'author', 'tenant_admin', 'operator', 'meta']),
    retryable: z.boolean(),
    fbtrace_id: z.string().nullable(),
    at: z.iso.datetime(),
  })
  .meta({
    id: 'Error',
    description: 'What went wrong, who must act, and how.',
  }) satisfies z.ZodType<ErrorRecord>;

/** An error of our own making, or of a defect, as the one record. */
export function ownFailure(
  errorClass: Extract<ErrorClass, 'internal' | 'retry' | 'unknown_outcome' | 'not_ready'>,
  key: string,
  message: string,
): ErrorRecord {
  return {
    class: errorClass,
    key,
    provider_code: null,
    provider_subcode: null,
    message: maskSecrets(message).slice(0, 500),
    user_message: userMessages[errorClass],
    action: actions[errorClass],
    who: errorClass === 'internal' ? 'operator' : 'nobody',
    retryable: errorClass !== 'unknown_outcome',
    fbtrace_id: null,
    at: new Date().toISOString(),
  };
}

const userMessages = {
  internal: 'Something went wrong on our side; nothing was made public.',
  retry: 'It did not work this time; nothing was made public. It is tried again.',
  not_ready: 'It has to wait a little; nothing was made public.',
  unknown_outcome: 'The network may have created this post: its answer was lost.',
} as const;

const actions = {
  internal: 'Look at the log of the publisher for this post id.',
  retry: 'Nothing to do.',
  not_ready: 'Nothing to do.',
  unknown_outcome: 'Wait: it is looked for on the account before anything is sent again.',
} as const;

/** What a failed call before the visible one means. Anything unforeseen is a defect, and nothing visible happened. */
export function toPublishError(error: unknown): PublishError {
  return unlessJudged(error, 'internal');
}

/** The same for the visible call: anything unforeseen leaves its outcome unknown. */
export function toSendError(error: unknown): PublishError {
  return unlessJudged(error, 'unknown_outcome');
}

function unlessJudged(error: unknown, otherwise: 'internal' | 'unknown_outcome'): PublishError {
  if (error instanceof PublishError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new PublishError(ownFailure(otherwise, otherwise, message), { cause: error });
}
