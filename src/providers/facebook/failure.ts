import type { ErrorRecord } from '../../errors.ts';

type Told = Pick<ErrorRecord, 'class' | 'key' | 'who' | 'message' | 'user_message' | 'action'>;

/** The record of a failure that this provider finds itself, without an error of Meta's. */
export function failure(told: Told): ErrorRecord {
  return {
    ...told,
    provider_code: null,
    provider_subcode: null,
    retryable: told.class === 'retry' || told.class === 'not_ready',
    fbtrace_id: null,
    at: new Date().toISOString(),
  };
}
