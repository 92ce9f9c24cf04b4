import type { IncomingHttpHeaders } from 'node:http';
import { ConflictError, InvalidRequestError } from '../errors.ts';

/**
 * The version that the caller decided on, from If-Match or the body; undefined when any will do. Throws 400 for an
 * If-Match that is none, and `version_mismatch` (412) for one that no version of ours can have.
 */
export function expectedVersion(
  headers: IncomingHttpHeaders,
  inBody: number | undefined,
): number | undefined {
  const given = headers['if-match']?.trim();
  if (given === undefined || given === '*') return inBody;
  if (!/^(?:W\/)?"[^"]*"$/.test(given)) {
    const problem = {
      path: 'header.If-Match',
      message: 'must be an ETag of ours, such as "3" with its quotes',
      rule: 'if_match_format',
    };
    const detail = `${problem.path}: ${problem.message}.`;
    throw new InvalidRequestError(400, 'malformed_request', detail, [problem]);
  }
  const version = /^"([1-9]\d{0,8})"$/.exec(given)?.[1];
  if (version === undefined || (inBody !== undefined && inBody !== Number(version))) {
    throw new ConflictError(
      'version_mismatch',
      'If-Match names no version that the post can have.',
    );
  }
  return Number(version);
}
