import { z } from 'zod';
import type { ErrorRecord } from '../errors.ts';
import { generalErrors } from './codes.ts';
import { refusalOf } from './errors.ts';

/** Ids have come as numbers too; those too long for a number are text by the time they are here. */
export const idSchema = z
  .union([z.string(), z.number().int()])
  .transform(String)
  .pipe(z.string().regex(/^\d+(?:_\d+)?$/));

/** Numbers have come as text too; what is neither was not told. */
export const maybeNumber = z
  .union([
    z.number().int(),
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
  ])
  .nullish()
  .catch(null)
  .transform((value) => value ?? null);

/** What is no text was not told. */
export const maybeText = z
  .string()
  .nullish()
  .catch(null)
  .transform((value) => value ?? null);

/** `/<account>`, or `/act_<account>`. Refuses ids that could lead anywhere else than to their account. */
export function accountPath(id: string, prefix: '' | 'act_' = ''): string {
  if (/^\d{1,32}$/.test(id)) return `/${prefix}${id}`;
  throw refusalOf(generalErrors.idMalformed, 'The id of the account is not a number');
}

type Told = Pick<ErrorRecord, 'class' | 'key' | 'who' | 'message' | 'user_message' | 'action'>;

/** The record of a failure that a network of ours finds itself, without an error of Meta's. */
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
