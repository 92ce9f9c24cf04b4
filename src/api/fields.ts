import { IANAZone } from 'luxon';
import { z } from 'zod';

/** An id of anything of ours. PostgreSQL writes them in lower case. */
export const id = z
  .guid({ error: 'must be an id (a UUID)' })
  .transform((value) => value.toLowerCase())
  .meta({ format: 'uuid' });

export const idParams = z.strictObject({ id });

/** In answers: UTC, to the millisecond. */
export const time = z.iso.datetime().meta({ description: 'UTC, ISO 8601 with `Z`.' });

export function text(maxLength: number) {
  return z.string().min(1).max(maxLength);
}

/** A zone that has an entry in the tz database; offsets such as `UTC+2` have none. */
export const timezone = z
  .string()
  .max(64)
  .refine((zone) => IANAZone.isValidZone(zone) && !/^[+-]/.test(zone), {
    error: 'must be an IANA zone such as Europe/Berlin',
    params: { rule: 'timezone_unknown' },
  })
  .meta({ examples: ['Europe/Berlin'] });

/** The one error record, wherever the API shows it. */
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
    at: time,
  })
  .meta({ id: 'Error', description: 'What went wrong, who must act, and how.' });
