import { describe, expect, it } from 'vitest';
import { type Answer, type CallFacts, type Failure, judge } from '../../../src/graph/errors.ts';
import type { Effect } from '../../../src/providers/content.ts';

const at = new Date('2026-11-20T12:00:00Z');
const error = (status: number, fields: object): Answer => ({
  status,
  text: JSON.stringify({ error: { message: 'said', type: 'OAuthException', ...fields } }),
});
const classOf = (effect: Effect, seen: Answer | Failure) => {
  const verdict = judge(effect, seen, at);
  return verdict.ok ? 'ok' : verdict.record.class;
};
const recordOf = (effect: Effect, seen: Answer | Failure) => {
  const verdict = judge(effect, seen, at);
  if (verdict.ok) throw new Error('judged ok');
  return verdict.record;
};

const scopeOf = (effect: Effect, seen: Answer | Failure, facts?: CallFacts) => {
  const verdict = judge(effect, seen, at, facts);
  return verdict.ok ? null : verdict.scope;
};

const waitOf = (answer: Answer) => {
  const verdict = judge('publishes', answer, at);
  return verdict.ok ? null : verdict.retryAfterMs;
};

/** code, subcode, class on a read or staging call, class on a publishing call. */
type Row = readonly [number, number | undefined, string, string];
const rows: readonly Row[] = [
  [1, undefined, 'retry', 'unknown_outcome'],
  [1, 99, 'retry', 'unknown_outcome'],
  [1, 2853001, 'permission', 'permission'],
  [1, 2207057, 'invalid', 'invalid'],
  [2, undefined, 'retry', 'unknown_outcome'],
  [3, undefined, 'permission', 'permission'],
  [4, undefined, 'rate_limited', 'rate_limited'],
  [4, 1504022, 'rate_limited', 'rate_limited'],
  [4, 1504039, 'rate_limited', 'rate_limited'],
  [4, 2207051, 'blocked', 'unknown_outcome'],
  [5, undefined, 'permission', 'permission'],
  [9, 2207042, 'rate_limited', 'rate_limited'],
  [10, undefined, 'permission', 'permission'],
  [12, undefined, 'permission', 'permission'],
  [17, undefined, 'rate_limited', 'rate_limited'],
  [17, 2446079, 'rate_limited', 'rate_limited'],
  [21, undefined, 'reauth', 'reauth'],
  [24, 2207006, 'retry', 'retry'],
  [24, 2207008, 'retry', 'retry'],
  [25, 2207050, 'blocked', 'blocked'],
  [32, undefined, 'rate_limited', 'rate_limited'],
  [100, undefined, 'invalid', 'invalid'],
  [100, 33, 'invalid', 'invalid'],
  [100, 1504018, 'invalid', 'invalid'],
  [100, 4834011, 'invalid', 'invalid'],
  [100, 2207023, 'invalid', 'invalid'],
  [100, 2207028, 'invalid', 'invalid'],
  [100, 2207035, 'invalid', 'invalid'],
  [100, 2207036, 'invalid', 'invalid'],
  [100, 2207037, 'invalid', 'invalid'],
  [100, 2207040, 'invalid', 'invalid'],
  [102, undefined, 'reauth', 'reauth'],
  [102, 463, 'reauth', 'reauth'],
  [102, 459, 'permission', 'permission'],
  [104, undefined, 'permission', 'permission'],
  [105, undefined, 'permission', 'permission'],
  [190, undefined, 'reauth', 'reauth'],
  [190, 458, 'reauth', 'reauth'],
  [190, 459, 'permission', 'permission'],
  [190, 460, 'reauth', 'reauth'],
  [190, 463, 'reauth', 'reauth'],
  [190, 464, 'permission', 'permission'],
  [190, 467, 'reauth', 'reauth'],
  [190, 492, 'permission', 'permission'],
  [190, 2069032, 'reauth', 'reauth'],
  [190, 999, 'reauth', 'reauth'],
  [197, undefined, 'invalid', 'invalid'],
  [200, undefined, 'permission', 'permission'],
  [200, 1609008, 'invalid', 'invalid'],
  [210, undefined, 'reauth', 'reauth'],
  [270, undefined, 'permission', 'permission'],
  [283, undefined, 'permission', 'permission'],
  [294, undefined, 'permission', 'permission'],
  [299, undefined, 'permission', 'permission'],
  [324, undefined, 'retry', 'retry'],
  [341, undefined, 'rate_limited', 'rate_limited'],
  [352, undefined, 'invalid', 'invalid'],
  [352, 2207026, 'invalid', 'invalid'],
  [368, undefined, 'blocked', 'blocked'],
  [368, 1390008, 'rate_limited', 'rate_limited'],
  [368, 1346003, 'invalid', 'invalid'],
  [450, undefined, 'reauth', 'reauth'],
  [452, undefined, 'reauth', 'reauth'],
  [506, undefined, 'duplicate', 'duplicate'],
  [613, undefined, 'rate_limited', 'rate_limited'],
  [613, 1996, 'rate_limited', 'rate_limited'],
  [803, undefined, 'invalid', 'invalid'],
  [1500, undefined, 'invalid', 'invalid'],
  [1500, 1611248, 'invalid', 'invalid'],
  [2500, undefined, 'permission', 'permission'],
  [2635, undefined, 'permission', 'permission'],
  [2695, undefined, 'invalid', 'invalid'],
  [3018, undefined, 'invalid', 'invalid'],
  [5101, undefined, 'invalid', 'invalid'],
  [6000, undefined, 'retry', 'unknown_outcome'],
  [6000, 1363005, 'invalid', 'invalid'],
  [6000, 1363019, 'retry', 'unknown_outcome'],
  [6000, 1363020, 'invalid', 'invalid'],
  [6000, 1363021, 'retry', 'unknown_outcome'],
  [6000, 1363022, 'invalid', 'invalid'],
  [6000, 1363023, 'invalid', 'invalid'],
  [6000, 1363024, 'invalid', 'invalid'],
  [6000, 1363025, 'invalid', 'invalid'],
  [6000, 1363026, 'invalid', 'invalid'],
  [6000, 1363030, 'retry', 'unknown_outcome'],
  [6000, 1363031, 'invalid', 'invalid'],
  [6000, 1363032, 'invalid', 'invalid'],
  [6000, 1363033, 'retry', 'unknown_outcome'],
  [6000, 1363037, 'retry', 'unknown_outcome'],
  [6000, 1363041, 'retry', 'unknown_outcome'],
  [6000, 1363042, 'permission', 'permission'],
  [6000, 1363045, 'invalid', 'invalid'],
  [6000, 1363047, 'retry', 'unknown_outcome'],
  [100, 1366046, 'invalid', 'invalid'],
  [100, 1366051, 'duplicate', 'duplicate'],
  [100, 2069019, 'retry', 'retry'],
  [100, 2061006, 'invalid', 'invalid'],
  [100, 1349125, 'invalid', 'invalid'],
  [368, 1404078, 'permission', 'permission'],
  [368, 1404102, 'invalid', 'invalid'],
  [368, 1404112, 'blocked', 'blocked'],
  [368, 1404006, 'permission', 'permission'],
  [200, 4854002, 'permission', 'permission'],
  [1609005, undefined, 'retry', 'retry'],
  [100, 1609005, 'retry', 'retry'],
  [1609010, undefined, 'retry', 'unknown_outcome'],
  [-2, 2207003, 'retry', 'unknown_outcome'],
  [-2, 2207020, 'retry', 'unknown_outcome'],
  [-1, 2207001, 'retry', 'unknown_outcome'],
  [-1, 2207032, 'retry', 'unknown_outcome'],
  [-1, 2207053, 'retry', 'unknown_outcome'],
  [9004, 2207052, 'retry', 'retry'],
  [9007, 2207027, 'not_ready', 'not_ready'],
  [36000, 2207004, 'invalid', 'invalid'],
  [36001, 2207005, 'invalid', 'invalid'],
  [36003, 2207009, 'invalid', 'invalid'],
  [36004, 2207010, 'invalid', 'invalid'],
  [80000, 2446079, 'rate_limited', 'rate_limited'],
  [80000, undefined, 'rate_limited', 'rate_limited'],
  [80001, undefined, 'rate_limited', 'rate_limited'],
  [80002, undefined, 'rate_limited', 'rate_limited'],
  [80008, undefined, 'rate_limited', 'rate_limited'],
  [80014, undefined, 'rate_limited', 'rate_limited'],
  [9, undefined, 'rate_limited', 'rate_limited'],
  [190, 490, 'permission', 'permission'],
  [77777, undefined, 'retry', 'unknown_outcome'],
];

describe('judging a code', () => {
  it.each(rows)('%i/%s is %s, and %s for a publishing call', (code, subcode, staged, published) => {
    const answer = error(400, { code, error_subcode: subcode });
    expect([classOf('reads', answer), classOf('stages', answer)]).toEqual([staged, staged]);
    expect(classOf('publishes', answer)).toBe(published);
    expect(classOf('reveals', answer)).toBe(staged);
  });

  it.each([
    [2207076, 'invalid'],
    [2207077, 'retry'],
    [2207081, 'invalid'],
    [2207082, 'retry'],
    [2207083, 'invalid'],
    [2207085, 'retry'],
  ])('subcode %i decides whatever its code: %s', (subcode, expected) => {
    expect(classOf('stages', error(400, { code: 100, error_subcode: subcode }))).toBe(expected);
    expect(classOf('stages', error(400, { code: 77777, error_subcode: subcode }))).toBe(expected);
    expect(classOf('stages', error(400, { error_subcode: subcode }))).toBe(expected);
  });

  it('reads numbers that came as text', () => {
    const record = recordOf('reads', error(400, { code: '190', error_subcode: '463' }));
    expect(record).toMatchObject({
      key: 'token_expired',
      provider_code: 190,
      provider_subcode: 463,
    });
  });

  it('believes a code more than the HTTP status', () => {
    expect(classOf('publishes', error(403, { code: 4 }))).toBe('rate_limited');
    expect(classOf('publishes', error(401, { code: 100 }))).toBe('invalid');
    expect(classOf('publishes', error(200, { code: 190 }))).toBe('reauth');
    expect(classOf('reads', error(500, { code: 190 }))).toBe('reauth');
  });

  it('takes a publishing call for open under any 5xx, even with a code that rejects', () => {
    expect(classOf('publishes', error(500, { code: 100 }))).toBe('unknown_outcome');
    expect(classOf('publishes', error(503, { code: 190 }))).toBe('unknown_outcome');
  });

  it('takes a bare permanent code for passing when Meta says so', () => {
    expect(classOf('stages', error(400, { code: 100, is_transient: true }))).toBe('retry');
    expect(classOf('publishes', error(400, { code: 100, is_transient: true }))).toBe(
      'unknown_outcome',
    );
    expect(classOf('stages', error(400, { code: 77777, is_transient: true }))).toBe('retry');
    expect(classOf('publishes', error(400, { code: 80001, is_transient: true }))).toBe(
      'rate_limited',
    );
  });

  it('takes a publishing call for open when the error came with an id', () => {
    const text = JSON.stringify({ id: '1_2', error: { message: 'x', code: 100 } });
    expect(classOf('publishes', { status: 400, text })).toBe('unknown_outcome');
  });
});

describe('whom an error concerns', () => {
  it.each([
    [3, undefined],
    [4, undefined],
    [5, undefined],
    [12, undefined],
    [104, undefined],
    [105, undefined],
    [341, undefined],
    [2500, undefined],
    [2635, undefined],
  ])('%i is about the app, and its operator must act or wait', (code, subcode) => {
    const answer = error(400, { code, error_subcode: subcode });
    expect(scopeOf('stages', answer, { hasProof: true })).toBe('app');
    expect(scopeOf('publishes', answer, { hasProof: true })).toBe('app');
    expect(['operator', 'nobody']).toContain(recordOf('stages', answer).who);
  });

  it.each([
    [4, 2207051],
    [10, undefined],
    [17, undefined],
    [21, undefined],
    [80001, undefined],
    [190, 460],
    [210, undefined],
    [368, undefined],
    [368, 1390008],
  ])('%i/%s is about the account', (code, subcode) => {
    expect(scopeOf('stages', error(400, { code, error_subcode: subcode }))).toBe('account');
  });

  it.each([
    [100, undefined],
    [197, undefined],
    [324, undefined],
    [506, undefined],
    [77777, undefined],
  ])('%i/%s is about the post', (code, subcode) => {
    expect(scopeOf('stages', error(400, { code, error_subcode: subcode }))).toBe('post');
  });

  it.each<[string, Answer | Failure]>([
    ['an unknown error of its own', error(500, { code: 1 })],
    ['a service that is down', error(503, { code: 2, is_transient: true })],
    ['an error that passes', error(400, { code: 100, is_transient: true })],
    ['an unlisted code under 5xx', error(500, { code: 77777 })],
    ['a page in HTML', { status: 502, text: '<html>Sorry, something went wrong</html>' }],
    ['no answer', { reached: true, reason: 'ECONNRESET' }],
    ['no connection', { reached: false, reason: 'ECONNREFUSED' }],
  ])('%s is about Meta, whatever the call', (_case, seen) => {
    expect(scopeOf('stages', seen)).toBe('provider');
    expect(scopeOf('reveals', seen)).toBe('provider');
    expect(scopeOf('publishes', seen)).toBe('provider');
  });

  it('tells a refused appsecret_proof from a refused post by the type of the error', () => {
    const proof = error(400, { code: 100, type: 'GraphMethodException' });
    expect(recordOf('publishes', proof)).toMatchObject({
      class: 'permission',
      key: 'app_secret_wrong',
      who: 'operator',
    });
    expect(scopeOf('publishes', proof, { hasProof: true })).toBe('app');
    // Without a proof of ours it tells of the app of the token, which may be anybody's.
    expect(scopeOf('publishes', proof)).toBe('account');
    const gone = error(400, { code: 100, error_subcode: 33, type: 'GraphMethodException' });
    expect(recordOf('reads', gone).key).toBe('object_not_found');
  });

  it.each([
    [100, 33],
    [803, undefined],
  ])('takes %i/%s for trouble of the account where the account itself was called', (code, sub) => {
    const answer = error(400, { code, error_subcode: sub });
    expect(recordOf('stages', answer)).toMatchObject({ class: 'invalid', key: 'object_not_found' });
    const verdict = judge('publishes', answer, at, { isOnAccount: true });
    expect(verdict).toMatchObject({
      scope: 'account',
      record: { class: 'reauth', key: 'account_not_visible', who: 'tenant_admin' },
    });
  });
});

describe('judging without a code', () => {
  it.each([
    ['(#324) Missing or invalid image file', 400, 'retry'],
    ['(#80001) There have been too many calls', 400, 'rate_limited'],
    ['(#200) Requires permission', 403, 'permission'],
    ['Error validating access token', 400, 'reauth'],
    ['Invalid OAuth access token', 401, 'reauth'],
    ['anything', 403, 'permission'],
    ['anything', 404, 'retry'],
    ['anything', 429, 'rate_limited'],
    ['anything', 500, 'retry'],
  ])('%s under %i is %s', (message, status, expected) => {
    expect(classOf('reads', error(status, { message }))).toBe(expected);
  });

  it('never reads anything else out of a message', () => {
    const message = 'Token 190 expired, see code 4, (#368) and error 506';
    expect(classOf('reads', error(400, { message, type: 'GraphMethodException' }))).toBe('retry');
    expect(classOf('publishes', error(400, { message, type: 'Exception' }))).toBe(
      'unknown_outcome',
    );
  });

  it.each<[string, number, unknown, string]>([
    [
      'the flat form',
      400,
      { error_type: 'OAuthException', code: 400, error_message: 'used' },
      'reauth',
    ],
    [
      'the flat form under 200',
      200,
      { error_type: 'OAuthException', code: 400, error_message: 'used' },
      'reauth',
    ],
    [
      'a flat limit',
      429,
      { error_type: 'OAuthRateLimitException', code: 429, error_message: 'max' },
      'rate_limited',
    ],
    [
      'a flat code',
      400,
      { error_type: 'OAuthException', code: 190, error_message: 'bad' },
      'reauth',
    ],
    [
      'the form inside meta',
      400,
      { meta: { error_type: 'OAuthException', code: 400, error_message: 'bad' } },
      'reauth',
    ],
    ['the form of old', 200, { error_code: 190, error_msg: 'bad' }, 'reauth'],
    [
      'an upload to go on with',
      400,
      { debug_info: { retriable: false, type: 'X', message: 'm' } },
      'invalid',
    ],
    [
      'an upload to repeat',
      400,
      { debug_info: { retriable: true, type: 'ProcessingFailedError', message: 'm' } },
      'retry',
    ],
    [
      'an upload at another place',
      400,
      { debug_info: { type: 'OffsetInvalidError', message: 'm' } },
      'retry',
    ],
    [
      'an error without its envelope',
      400,
      { message: 'm', type: 'OAuthException', code: 10 },
      'permission',
    ],
  ])('%s', (_form, status, body, expected) => {
    expect(classOf('reads', { status, text: JSON.stringify(body) })).toBe(expected);
  });

  it('leaves a publishing call open after an upload error', () => {
    const text = JSON.stringify({ debug_info: { retriable: false, type: 'X', message: 'm' } });
    expect(classOf('publishes', { status: 400, text })).toBe('unknown_outcome');
  });
});

describe('judging answers that are none', () => {
  const html = '<!DOCTYPE html><title>Error</title>Sorry, something went wrong.';
  it.each<[string, Answer]>([
    ['HTML under 502', { status: 502, text: html }],
    ['HTML under 200', { status: 200, text: html }],
    ['HTML under 400', { status: 400, text: html }],
    ['nothing under 200', { status: 200, text: '' }],
    ['nothing under 400', { status: 400, text: '' }],
    ['JSON cut off', { status: 200, text: '{"id":"12345_6' }],
    ['an error cut off', { status: 400, text: '{"error":{"message":"(#100) Inv' }],
    ['a redirect', { status: 302, text: '' }],
    ['a bare word', { status: 200, text: 'true' }],
    ['null', { status: 200, text: 'null' }],
    ['JSON that is no error under 400', { status: 400, text: '{"hello":1}' }],
  ])('%s is retry, and leaves a publishing call open', (_case, answer) => {
    expect(classOf('reads', answer)).toBe('retry');
    expect(classOf('stages', answer)).toBe('retry');
    expect(classOf('publishes', answer)).toBe('unknown_outcome');
  });

  it.each(['{}', '{"id":""}', '{"success":false}', '{"id":null}', '[]'])(
    'takes %s under 200 for an open outcome of a publishing call',
    (text) => {
      expect(classOf('publishes', { status: 200, text })).toBe('unknown_outcome');
      expect(classOf('changes', { status: 200, text })).toBe('retry');
    },
  );

  it('takes an id, or success, for what it is', () => {
    expect(classOf('publishes', { status: 200, text: '{"id":"1_2"}' })).toBe('ok');
    expect(classOf('publishes', { status: 200, text: '{"success":true,"post_id":"3"}' })).toBe(
      'ok',
    );
    expect(classOf('changes', { status: 200, text: '{"success":true}' })).toBe('ok');
    expect(classOf('reads', { status: 200, text: '{"data":[]}' })).toBe('ok');
  });

  it('keeps ids whole that are too long for a number', () => {
    const verdict = judge(
      'publishes',
      { status: 200, text: '{"id":122104512345678907,"n":5}' },
      at,
    );
    expect(verdict).toEqual({ ok: true, body: { id: '122104512345678907', n: 5 } });
  });

  it('judges a broken connection by whether anything was sent', () => {
    const never = { reached: false, reason: 'ECONNREFUSED' };
    const later = { reached: true, reason: 'ECONNRESET' };
    expect(recordOf('publishes', never)).toMatchObject({
      class: 'retry',
      key: 'provider_unreachable',
    });
    expect(recordOf('publishes', later)).toMatchObject({
      class: 'unknown_outcome',
      key: 'outcome_unknown',
    });
    expect(recordOf('stages', later)).toMatchObject({ class: 'retry', key: 'provider_no_answer' });
  });
});

describe('the record', () => {
  it('says what was said, who must act, and what to do', () => {
    const answer = error(400, {
      message: 'Error validating access token: Session has expired',
      code: 190,
      error_subcode: 463,
      fbtrace_id: 'EJplcsCHuLu',
    });
    expect(recordOf('publishes', answer)).toEqual({
      class: 'reauth',
      key: 'token_expired',
      provider_code: 190,
      provider_subcode: 463,
      message: 'Error validating access token: Session has expired',
      user_message: 'The connection to Meta has expired.',
      action: 'Reconnect the account.',
      who: 'tenant_admin',
      retryable: false,
      fbtrace_id: 'EJplcsCHuLu',
      at: '2026-11-20T12:00:00.000Z',
    });
  });

  it('takes the trace of the header where the body has none', () => {
    expect(
      recordOf('reads', { ...error(400, { code: 2 }), fbtraceId: 'FromHeader' }).fbtrace_id,
    ).toBe('FromHeader');
  });

  it('masks secrets before it cuts at 500 characters', () => {
    const token = `EAA${'b'.repeat(180)}`;
    const { message } = recordOf(
      'reads',
      error(400, { code: 100, message: `${'x'.repeat(460)} ${token}` }),
    );
    expect(message).toBe(`${'x'.repeat(460)} [secret]`);
    const long = recordOf('reads', error(400, { code: 100, message: 'y'.repeat(2000) })).message;
    expect(long).toBe('y'.repeat(500));
  });

  it('is text that PostgreSQL takes', () => {
    const { message } = recordOf('reads', error(400, { code: 100, message: 'a\u0000b\ud83d' }));
    expect(message).toBe('a b\ufffd');
  });

  it('carries the words that Meta meant for the end user', () => {
    const answer = error(400, {
      code: 100,
      error_user_title: 'Wrong',
      error_user_msg: 'Pick another',
    });
    expect(recordOf('publishes', answer).message).toBe('said (Wrong: Pick another)');
  });

  it('waits as told, else five minutes, or as long as the code is known to last', () => {
    expect(waitOf(error(400, { code: 80001 }))).toBe(300_000);
    expect(waitOf(error(400, { code: 341 }))).toBe(3_600_000);
    expect(
      waitOf({
        ...error(400, { code: 80001 }),
        usage: { percent: 100, regainMs: 720_000, appPercent: null },
      }),
    ).toBe(720_000);
    expect(waitOf(error(400, { code: 190 }))).toBeUndefined();
  });
});
