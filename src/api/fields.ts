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

/** One breach of one rule, in an error as in a warning. */
export const fieldProblemSchema = z
  .strictObject({
    path: z.string().meta({ description: 'In the names of the request: `media[2].url`.' }),
    message: z.string(),
    rule: z.string().meta({
      description:
        'The stable id of the rule. `/problems/<rule>` says what it means and what to do.',
    }),
  })
  .meta({ id: 'FieldProblem' });
