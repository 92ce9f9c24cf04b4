import { Writable } from 'node:stream';
import { AxiosError, AxiosHeaders } from 'axios';
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  ConfigError,
  type ErrorRecord,
  InvalidRequestError,
  PublishError,
} from '../../src/errors.ts';
import { createLogger, type Logger } from '../../src/log.ts';
import { Secret } from '../../src/secret.ts';

const token = 'EAAGm0PX4ZCpsBAKZBplantedPageToken';

const anyLine = z.record(z.string(), z.unknown());

/** What the logger wrote, as text and as the one line that it should be. */
const logged = (write: (log: Logger) => void) => {
  let text = '';
  const destination = { write: (chunk: string) => void (text += chunk) };
  write(createLogger({ level: 'debug', destination }));
  return { text, line: anyLine.parse(JSON.parse(text)) };
};

test('writes one line of JSON with level, time and facts', () => {
  const { text, line } = logged((log) => {
    log.info({ postId: 'p1', provider: 'facebook', durationMs: 12 }, 'post published');
  });
  expect(text.endsWith('}\n')).toBe(true);
  expect(text.split('\n')).toHaveLength(2);
  expect(line).toMatchObject({
    level: 'info',
    postId: 'p1',
    provider: 'facebook',
    durationMs: 12,
    msg: 'post published',
  });
  expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('carries bound facts on every line of a child', () => {
  const { line } = logged((log) => {
    log.child({ tenantId: 't1', jobId: 'p1-3' }).warn('post delayed');
  });
  expect(line).toMatchObject({ level: 'warn', tenantId: 't1', jobId: 'p1-3', msg: 'post delayed' });
});

test('says nothing below its level', () => {
  let text = '';
  const log = createLogger({
    level: 'warn',
    destination: { write: (chunk) => void (text += chunk) },
  });
  log.info('post published');
  expect(text).toBe('');
});

test('writes for people when told to', async () => {
  let text = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  createLogger({ level: 'info', pretty: true, destination }).info({ token }, `post ${token}`);
  await expect.poll(() => text).toContain('INFO');
  expect(text).not.toContain('planted');
});

const leaks: readonly [string, (log: Logger) => void][] = [
  ['a message', (log) => log.info(`published with ${token}`)],
  ['an interpolated message', (log) => log.info('published with %s', token)],
  ['a field of any name', (log) => log.info({ anything: token }, 'x')],
  ['a deep field', (log) => log.info({ a: { b: { c: [{ access_token: 'planted' }] } } }, 'x')],
  ['a known field of any content', (log) => log.info({ token: { value: 'planted' } }, 'x')],
  ['a known field one level down', (log) => log.info({ account: { token: ['planted'] } }, 'x')],
  ['a header', (log) => log.info({ headers: { Authorization: 'Bearer planted' } }, 'x')],
  ['cookies', (log) => log.info({ headers: { 'set-cookie': ['sid=planted'] } }, 'x')],
  ['a child', (log) => log.child({ access_token: 'planted' }).info('x')],
  ['a URL', (log) => log.info({ url: 'https://x/?access_token=planted&a=1' }, 'x')],
  ['a body of JSON', (log) => log.info({ body: JSON.stringify({ access_token: 'planted' }) }, 'x')],
  ['a secret', (log) => log.info({ secret: new Secret('planted') }, 'x')],
  [
    'a request',
    (log) =>
      log.info({ req: { method: 'GET', url: '/cb?code=planted', headers: { a: 'planted' } } }, 'x'),
  ],
  ['an error', (log) => log.error(new Error(`refused ${token}`))],
  ['a cause', (log) => log.error({ err: new Error('x', { cause: new Error(token) }) }, 'x')],
  [
    'a cause of another kind',
    (log) => log.error({ err: new Error('x', { cause: { a: 'planted' } }) }, 'x'),
  ],
  [
    'a query in an error',
    (log) => log.error({ err: new Error('GET https://x/?code=planted failed') }, 'x'),
  ],
  [
    'one of several errors',
    (log) => log.error({ err: new AggregateError([new Error(token)], 'x') }, 'x'),
  ],
  ['an axios error', (log) => log.error({ err: axiosError() }, 'x')],
  ['an axios error under another name', (log) => log.error({ failure: axiosError() }, 'x')],
  [
    'an axios error as a cause',
    (log) => log.error({ err: new Error('x', { cause: axiosError() }) }, 'x'),
  ],
  ['an axios error of a child', (log) => log.child({ err: axiosError() }).error('x')],
  [
    'fields of an error',
    (log) => log.error({ err: Object.assign(new Error('x'), { detail: 'planted' }) }, 'x'),
  ],
];

test.each(leaks)('lets no secret out through %s', (_name, write) => {
  expect(logged(write).text).not.toContain('planted');
});

function axiosError(): AxiosError {
  const headers = new AxiosHeaders({ Authorization: 'Bearer planted', Cookie: 'planted' });
  const config = { headers, url: 'https://graph.facebook.com/me?fields=planted', data: 'planted' };
  return new AxiosError(
    'Request failed with status code 400',
    'ERR_BAD_REQUEST',
    config,
    { headers, path: '/planted' },
    { status: 400, statusText: 'planted', headers: {}, config, data: { a: 'planted' } },
  );
}

test('keeps of an axios error what helps: its code, status, message and stack', () => {
  const { line } = logged((log) => log.error({ err: axiosError() }, 'call failed'));
  const { stack, ...rest } = anyLine.parse(line['err']);
  expect(stack).toContain('AxiosError: Request failed with status code 400');
  expect(rest).toEqual({
    type: 'AxiosError',
    message: 'Request failed with status code 400',
    code: 'ERR_BAD_REQUEST',
    status: 400,
  });
});

const record: ErrorRecord = {
  class: 'reauth',
  key: 'facebook_token_expired',
  provider_code: 190,
  provider_subcode: 463,
  message: 'Session has expired',
  user_message: 'The connection to the Page has expired.',
  action: 'Reconnect the Page.',
  who: 'tenant_admin',
  retryable: false,
  fbtrace_id: 'A1b2',
  at: '2026-11-20T10:00:00.000Z',
};

test('keeps the record of a publishing error', () => {
  const { line } = logged((log) => log.error({ err: new PublishError(record) }, 'post failed'));
  expect(line['err']).toMatchObject({
    type: 'PublishError',
    code: 'facebook_token_expired',
    record: { provider_code: 190, provider_subcode: 463, fbtrace_id: 'A1b2' },
  });
});

test('keeps the problems of a configuration and the rules of a request', () => {
  const config = logged((log) => log.fatal({ err: new ConfigError(['PORT is odd']) }, 'no start'));
  expect(config.line['err']).toMatchObject({ code: 'configuration', problems: ['PORT is odd'] });

  const problem = { path: 'message', message: 'too long', rule: 'message_length' };
  const error = new InvalidRequestError(422, 'rules', 'Breaks rules.', [problem]);
  const request = logged((log) => log.debug({ err: error }, 'request refused'));
  expect(request.line['err']).toMatchObject({ code: 'rules', status: 422, errors: [problem] });
});

test('follows causes, and stops where they form a ring', () => {
  const below = new Error('connection reset');
  const { line } = logged((log) => {
    log.error({ err: new Error('call failed', { cause: below }) }, 'x');
  });
  expect(line['err']).toMatchObject({
    message: 'call failed',
    cause: { message: 'connection reset' },
  });

  const ring = new Error('ring');
  ring.cause = ring;
  expect(logged((log) => log.error({ err: ring }, 'x')).text.length).toBeLessThan(20_000);
});

test('says of a request what was asked for', () => {
  const { line } = logged((log) => {
    log.info({ req: { id: 'r1', method: 'GET', url: '/v1/posts?cursor=abc' } }, 'request');
  });
  expect(line['req']).toEqual({ id: 'r1', method: 'GET', path: '/v1/posts' });
});
