import { z } from 'zod';
import type { ErrorRecord } from './errors.ts';

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
