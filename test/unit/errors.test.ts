import { expect, test } from 'vitest';
import {
  AppError,
  ConfigError,
  ConflictError,
  type ErrorRecord,
  InvalidRequestError,
  NotFoundError,
  PublishError,
} from '../../src/errors.ts';

const record: ErrorRecord = {
  class: 'rate_limited',
  key: 'facebook_page_limit',
  provider_code: 32,
  provider_subcode: null,
  message: '(#32) Page request limit reached',
  user_message: 'Facebook asks us to slow down.',
  action: 'Wait.',
  who: 'nobody',
  retryable: true,
  fbtrace_id: 'A1b2',
  at: '2026-11-20T10:00:00.000Z',
};

test('keeps code, message and cause', () => {
  const cause = new Error('below');
  const error = new AppError('some_code', 'What failed.', { cause });
  expect(error).toMatchObject({ name: 'AppError', code: 'some_code', message: 'What failed.' });
  expect(error.cause).toBe(cause);
});

test('names every problem of a configuration, one a line', () => {
  const error = new ConfigError(['PORT is odd', 'HOST is odd']);
  expect(error.code).toBe('configuration');
  expect(error.problems).toEqual(['PORT is odd', 'HOST is odd']);
  expect(error.message).toBe('The configuration is not usable:\n  - PORT is odd\n  - HOST is odd');
});

test.each([
  ['NotFoundError', new NotFoundError('post_not_found', 'No such post.')],
  ['ConflictError', new ConflictError('post_sent', 'Already sent.')],
  ['InvalidRequestError', new InvalidRequestError(422, 'rules', 'Breaks rules.')],
  ['ConfigError', new ConfigError([])],
  ['PublishError', new PublishError(record)],
])('is told apart by its name: %s', (name, error) => {
  expect(error.name).toBe(name);
  expect(error).toBeInstanceOf(AppError);
});

test('carries the status and the broken rules of a request', () => {
  const problem = { path: 'media[2].url', message: 'must be https', rule: 'media_scheme' };
  const error = new InvalidRequestError(422, 'rules', 'Breaks rules.', [problem]);
  expect(error.status).toBe(422);
  expect(error.errors).toEqual([
    { path: 'media[2].url', message: 'must be https', rule: 'media_scheme' },
  ]);
  expect(new InvalidRequestError(400, 'malformed', 'Not JSON.').errors).toEqual([]);
});

test('takes the key and the message of a publishing error from its record', () => {
  const error = new PublishError(record, { retryAfterMs: 90_000 });
  expect(error.code).toBe('facebook_page_limit');
  expect(error.message).toBe('(#32) Page request limit reached');
  expect(error.record).toBe(record);
  expect(error.retryAfterMs).toBe(90_000);
  expect(new PublishError(record).retryAfterMs).toBeUndefined();
});
