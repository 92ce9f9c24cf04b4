import { describe, expect, it } from 'vitest';
import { ApiError, toProblem } from '../../../src/api/errors.ts';
import {
  AppError,
  ConflictError,
  type ErrorClass,
  InvalidRequestError,
  NotFoundError,
  PublishError,
} from '../../../src/errors.ts';

const coded = (code: string, message = 'text'): Error =>
  Object.assign(new Error(message), { code });

const publishError = (errorClass: ErrorClass, retryAfterMs?: number): PublishError =>
  new PublishError(
    {
      class: errorClass,
      key: 'key',
      provider_code: null,
      provider_subcode: null,
      message: 'What Meta said',
      user_message: '',
      action: '',
      who: 'nobody',
      retryable: true,
      fbtrace_id: null,
      at: '2026-11-20T10:00:00.000Z',
    },
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );

describe('an error becomes', () => {
  it.each([
    [new NotFoundError('not_found', 'gone'), 404, 'not_found'],
    [new NotFoundError('post_not_found', 'gone'), 404, 'not_found'],
    [new ConflictError('conflict', 'no'), 409, 'conflict'],
    [new ConflictError('anything', 'no'), 409, 'conflict'],
    [new ConflictError('version_mismatch', 'no'), 412, 'version_mismatch'],
    [new InvalidRequestError(400, 'malformed_request', 'no'), 400, 'malformed_request'],
    [new InvalidRequestError(422, 'invalid', 'no'), 422, 'invalid'],
    [new ApiError('forbidden', 'no'), 403, 'forbidden'],
    [new AppError('queue_unavailable', 'redis at 10.0.0.1'), 503, 'queue_unavailable'],
    [new AppError('vault_tampered', 'secret detail'), 500, 'internal'],
    [coded('SP409', 'the post is published'), 409, 'conflict'],
    [new Error('wrapped', { cause: coded('SP409', 'the post is published') }), 409, 'conflict'],
    [coded('ECONNREFUSED'), 503, 'database_unavailable'],
    [coded('57P01'), 503, 'database_unavailable'],
    [coded('57P03'), 503, 'database_unavailable'],
    [coded('08006'), 503, 'database_unavailable'],
    [coded('P1001'), 503, 'database_unavailable'],
    [new AggregateError([coded('ECONNREFUSED')]), 503, 'database_unavailable'],
    [new Error('Connection terminated unexpectedly'), 503, 'database_unavailable'],
    [coded('23505'), 500, 'internal'],
    [new TypeError('x is not a function'), 500, 'internal'],
    ['a thrown string', 500, 'internal'],
    [undefined, 500, 'internal'],
    [publishError('reauth'), 422, 'token_rejected'],
    [publishError('permission'), 422, 'token_rejected'],
    [publishError('retry'), 503, 'provider_unreachable'],
    [publishError('rate_limited', 90_000), 429, 'rate_limited'],
  ])('%s: %i', (error, status, code) => {
    expect(toProblem(error)).toMatchObject({ status, code });
  });

  it('text that is for the caller below 500, and for nobody above', () => {
    expect(toProblem(coded('SP409', 'the post is published')).detail).toBe('the post is published');
    expect(toProblem(new AppError('queue_unavailable', 'redis at 10.0.0.1')).detail).not.toContain(
      '10.0.0.1',
    );
    expect(toProblem(new AppError('vault_tampered', 'secret detail')).detail).not.toContain(
      'secret',
    );
    expect(toProblem(coded('ECONNREFUSED', '10.0.0.1:5432')).detail).not.toContain('10.0.0.1');
  });

  it('a moment to come back where waiting helps', () => {
    expect(toProblem(publishError('rate_limited', 90_000)).retryAfterS).toBe(90);
    expect(toProblem(coded('ECONNREFUSED')).retryAfterS).toBe(5);
    expect(toProblem(new NotFoundError('not_found', 'x')).retryAfterS).toBeUndefined();
  });
});
