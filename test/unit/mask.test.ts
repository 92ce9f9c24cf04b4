import { describe, expect, test } from 'vitest';
import { cutQueries, maskDeep, maskSecrets } from '../../src/mask.ts';

const pageToken = 'EAAGm0PX4ZCpsBAKZBplantedPageToken';
const longToken = `EAA${'xY7planted'.repeat(12)}`;

test.each([
  [`token ${pageToken} refused`, 'token [secret] refused'],
  ['IGAAplanted0123456789abcdef', '[secret]'],
  ['IGQWplanted_0123456789-abcdef', '[secret]'],
  [`https://x/?u=a%3D${pageToken}&b=1`, 'https://x/?u=a%3D[secret]&b=1'],
  [`glued${longToken}`, 'glued[secret]'],
  [`/connect/sp_connect_${'aZ0-_'.repeat(9)}/choose`, '/connect/[secret]/choose'],
  [`key sp_tenant_${'aZ0-_'.repeat(9)}`, 'key [secret]'],
  ['?access_token=short&limit=25', '?access_token=[secret]&limit=25'],
  ['?limit=25&ACCESS_TOKEN=short', '?limit=25&ACCESS_TOKEN=[secret]'],
  [
    'redirect=https%3A%2F%2Fx%3Faccess_token%3Dshort',
    'redirect=https%3A%2F%2Fx%3Faccess_token%3D[secret]',
  ],
  ['debug_token?input_token=short', 'debug_token?input_token=[secret]'],
  ['client_secret=a1, appsecret_proof=b2', 'client_secret=[secret], appsecret_proof=[secret]'],
  ['Authorization: Bearer abc123', 'Authorization: Bearer [secret]'],
  ['Authorization: Basic b3BlcmF0b3I=', 'Authorization: Basic [secret]'],
  ['bearer abcdefghijklmnopqrstuvwxyz', 'bearer [secret]'],
  ['app token 123456789012345|AbCdEfGhIjKlMnOpQrSt', 'app token [secret]'],
  ['postgresql://publisher:planted@db:5432/x', 'postgresql://publisher:[secret]@db:5432/x'],
  ['redis://:planted@redis', 'redis://:[secret]@redis'],
  ['{"access_token":"short","id":"1"}', '{"access_token":"[secret]","id":"1"}'],
  [
    '{"a":{"b":[{"token": "has \\"quotes\\""}]},"id":1}',
    '{"a":{"b":[{"token": "[secret]"}]},"id":1}',
  ],
  [
    '{"body":"{\\"access_token\\":\\"short\\",\\"id\\":\\"1\\"}"}',
    '{"body":"{\\"access_token\\":\\"[secret]\\",\\"id\\":\\"1\\"}"}',
  ],
  [
    '{"body":"{\\"token\\":\\"has \\\\\\"quotes\\\\\\" and \\\\\\\\\\",\\"id\\":\\"1\\"}"}',
    '{"body":"{\\"token\\":\\"[secret]\\",\\"id\\":\\"1\\"}"}',
  ],
  ['a path\\\\"token":"short"', 'a path\\\\"token":"[secret]"'],
  ['{"token":"cut off in the mid', '{"token":"[secret]'],
  [`{"msg":"line one\\n${pageToken}"}`, '{"msg":"line one\\n[secret]"}'],
])('masks the secret in %s', (text, expected) => {
  expect(maskSecrets(text)).toBe(expected);
});

test.each([
  'The bearer token is missing.',
  '(#190) Error validating access token: Session has expired',
  'https://www.facebook.com/permalink.php?story_fbid=pfbid0abcEAAdefghijklmnopqrstuvwxyz12&id=1000',
  '{"key":"facebook_token_expired","token_kind":"page","fbtrace_id":"AbCdEfGhIjKlMnOpQrStUvW"}',
  'https://graph.facebook.com:443/v26.0/123_456?fields=id',
  'postgresql://db:5432/publisher',
  '018f6a3c-EAA0-7000-8000-0123456789ab',
  'Café, 12:30 – 50% off 🎉 mail@example.com',
])('leaves as it is: %s', (text) => {
  expect(maskSecrets(text)).toBe(text);
});

test('changes nothing that is masked already', () => {
  const once = maskSecrets(`access_token=a Bearer ${pageToken} {"token":"b"}`);
  expect(maskSecrets(once)).toBe(once);
});

/** Runs and letters that a pattern may start at again and again, without ever coming to its end. */
const hostileRuns = [
  '\\',
  '\\\\"',
  '"',
  '{',
  ' ',
  'a',
  '1',
  ':',
  '@',
  '%3D',
  'a://',
  'a:/',
  'a://b:',
  'https://x/?',
  'EAA',
  'IGQ-',
  '\\nEAA',
  'Bearer ',
  'Authorization: ',
  'Authorization: x ',
  '&access_token=',
  'access_token=%3D',
  '"token"',
  '"token":',
  '"token":"',
  '\\"token\\":\\"',
  '12345678|',
  '\n',
];

/** What may stand before such a run, so that a pattern has begun. */
const beginnings = [
  '',
  '"token":"',
  '{"a":"{\\"token\\":\\"',
  `"token${'\\'.repeat(1_000)}":${'\\'.repeat(1_000)}"`,
  '"token" ',
  'Bearer ',
  'Authorization: ',
  'a://',
  'https://x/?access_token=',
];

function processorMs(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

const hostile = beginnings.flatMap((beginning) =>
  hostileRuns.map((run): [string, string] => [beginning.slice(0, 40), run]),
);
const fullBeginning = new Map(beginnings.map((beginning) => [beginning.slice(0, 40), beginning]));

describe.each([
  ['masking', maskSecrets],
  ['cutting queries', cutQueries],
])('%s takes time in proportion', (_name, work) => {
  test.each(hostile)('to %j and a megabyte of %j', (beginning, run) => {
    const text = `${fullBeginning.get(beginning) ?? ''}${run.repeat(2 ** 20 / run.length)}`;
    // The best of some, as another process may push this one off its core's caches.
    let best = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 5 && best >= 100; tries += 1) {
      best = Math.min(
        best,
        processorMs(() => work(text)),
      );
    }
    expect(best).toBeLessThan(100);
  });
});

test('masks a value of eight megabytes to its end', () => {
  const value = 'word \\\\ and \\" quote '.repeat(2 ** 23 / 20);
  expect(maskSecrets(`{"token":"${value}","id":1}`)).toBe('{"token":"[secret]","id":1}');
});

test.each([
  ['GET https://x.example/a?b=1&c=2 failed', 'GET https://x.example/a?[cut] failed'],
  [
    'see (https://x.example/a?b=1) and http://y#z',
    'see (https://x.example/a?[cut]) and http://y?[cut]',
  ],
  ['file:///srv/app/main.ts:3:5', 'file:///srv/app/main.ts:3:5'],
  ['why? because', 'why? because'],
])('cuts queries out of URLs only: %s', (text, expected) => {
  expect(cutQueries(text)).toBe(expected);
});

test('masks every string of a value, by what it is and by its name', () => {
  const value = {
    token: 'short',
    nested: [{ Access_Token: 'short', id: 7 }, `a ${pageToken}`, null, true],
    quoted: '{"password":"short","id":1}',
    [pageToken]: 1,
    tokens: 'many',
  };
  expect(maskDeep(value)).toEqual({
    token: '[secret]',
    nested: [{ Access_Token: '[secret]', id: 7 }, 'a [secret]', null, true],
    quoted: '{"password":"[secret]","id":1}',
    '[secret]': 1,
    tokens: 'many',
  });
});

test('a list under the name of a secret is masked entry by entry', () => {
  const value = {
    'Set-Cookie': ['sid=abc', 'lang=de'],
    token: ['abc', { id: 'kept' }],
    tokens: ['kept'],
  };
  expect(maskDeep(value)).toEqual({
    'Set-Cookie': ['[secret]', '[secret]'],
    token: ['[secret]', { id: 'kept' }],
    tokens: ['kept'],
  });
});
