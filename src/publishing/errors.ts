import { type ErrorClass, type ErrorRecord, PublishError } from '../errors.ts';
import { maskSecrets } from '../mask.ts';

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
