import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Who acts, for the record: the name that was given, and which of the operator's tokens was used. */
export function operatorName(headers: IncomingHttpHeaders, given: string | undefined): string {
  const token = (headers.authorization ?? '').split(' ').at(-1) ?? '';
  const mark = createHash('sha256').update(token).digest('hex').slice(0, 8);
  return given === undefined ? `operator (token ${mark})` : `${given} (token ${mark})`;
}
