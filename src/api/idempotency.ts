import { createHash } from 'node:crypto';
import { type FieldProblem, InvalidRequestError } from '../errors.ts';
import { Secret } from '../secret.ts';
import type { Services } from '../services.ts';
import type { Binding } from '../vault.ts';
import { ApiError } from './errors.ts';
import {
  type Claim,
  claimKey,
  keepAnswer,
  releaseKey,
  type StoredAnswer,
} from './idempotency-store.ts';
import { type IdSource, repeatableIds } from './route.ts';

/**
 * How long a request may run before another is allowed to take it over. Nothing depends on it but the wait after a
 * crash: a request that is taken over while it still runs makes the same rows under the same ids.
 */
const lockMs = 60_000;

export interface KeyedRequest {
  /** A tenant's id, or `operator`. */
  readonly scope: string;
  readonly key: string;
  readonly method: string;
  readonly path: string;
  readonly query: unknown;
  readonly body: unknown;
  readonly secretAnswer: boolean;
}

/** An answer in the form in which it is sent and kept. */
export interface FinalAnswer {
  readonly status: number;
  readonly body: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** The key in the header, or undefined when there is none. Throws 400. */
export function readIdempotencyKey(
  header: string | readonly string[] | undefined,
): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  const problem: FieldProblem = {
    path: 'header.Idempotency-Key',
    message: 'must be 1 to 255 visible ASCII characters',
    rule: 'idempotency_key_format',
  };
  throw new InvalidRequestError(400, 'malformed_request', `${problem.path}: ${problem.message}.`, [
    problem,
  ]);
}

/**
 * Runs the request once for its key and answers every repetition with the same answer. Answers of 5xx and 429 are not
 * kept: the request may be sent again.
 */
export async function runOnce(
  services: Pick<Services, 'db' | 'vault' | 'log'>,
  request: KeyedRequest,
  run: (ids: IdSource) => Promise<FinalAnswer>,
): Promise<FinalAnswer> {
  const { scope, key } = request;
  const outcome = await claimKey(services.db, { scope, key, requestHash: hashOf(request) }, lockMs);
  switch (outcome.kind) {
    case 'claimed':
      return runClaimed(services, request, outcome.claim, run);
    case 'answered':
      return replay(services, request, outcome.answer);
    case 'in_progress':
      throw new ApiError('idempotency_in_progress', 'The same request is still under way.', {
        'retry-after': String(secondsUntil(outcome.lockedUntil)),
      });
    case 'reused':
      throw new ApiError(
        'idempotency_key_reused',
        'This Idempotency-Key was used for a request with another address or body.',
      );
  }
}

async function runClaimed(
  services: Pick<Services, 'db' | 'vault' | 'log'>,
  request: KeyedRequest,
  claim: Claim,
  run: (ids: IdSource) => Promise<FinalAnswer>,
): Promise<FinalAnswer> {
  const answer = await run(repeatableIds(claim));
  try {
    if (answer.status >= 500 || answer.status === 429) await releaseKey(services.db, claim);
    else await keepAnswer(services.db, claim, seal(services, request, answer));
  } catch (error) {
    // What happened has happened: say so. A repetition runs again once the lock has passed, under the same ids.
    services.log.warn({ err: error }, 'answer not kept for its idempotency key');
  }
  return answer;
}

function seal(
  { vault }: Pick<Services, 'vault'>,
  request: KeyedRequest,
  answer: FinalAnswer,
): StoredAnswer {
  if (!request.secretAnswer || answer.body === null || answer.status >= 300) {
    return { ...answer, sealed: false };
  }
  const body = vault.seal(new Secret(answer.body), answerBinding(request));
  return { ...answer, body, sealed: true };
}

function replay(
  { vault, log }: Pick<Services, 'vault' | 'log'>,
  request: KeyedRequest,
  { sealed, ...answer }: StoredAnswer,
): FinalAnswer {
  const headers = { ...answer.headers, 'idempotency-replayed': 'true' };
  if (!sealed || answer.body === null) return { ...answer, headers };
  try {
    return { ...answer, headers, body: vault.open(answer.body, answerBinding(request)).reveal() };
  } catch (error) {
    log.warn({ err: error }, 'kept answer cannot be opened');
    throw new ApiError('idempotency_answer_gone', 'The answer can no longer be opened.');
  }
}

/** What a kept answer is sealed for. */
export function answerBinding({ scope, key }: Pick<KeyedRequest, 'scope' | 'key'>): Binding {
  return { tenantId: scope, integrationId: key, purpose: 'idempotent_answer' };
}

function hashOf({ method, path, query, body }: KeyedRequest): string {
  return createHash('sha256')
    .update(canonical([method, path, query, body]))
    .digest('hex');
}

/** JSON with sorted names: clients do not always write the same object the same way. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function secondsUntil(moment: Date): number {
  return Math.min(60, Math.max(1, Math.ceil((moment.getTime() - Date.now()) / 1000)));
}
