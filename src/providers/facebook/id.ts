import { z } from 'zod';

/** Ids have come as numbers too; those too long for a number are text by the time they are here. */
export const idSchema = z
  .union([z.string(), z.number().int()])
  .transform(String)
  .pipe(z.string().regex(/^\d+(?:_\d+)?$/));

/** `<Page>_<post>`: what every call to `/feed` answers, whatever the mode. */
export const postIdSchema = z.string().regex(/^\d+_\d+$/);
