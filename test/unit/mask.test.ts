import { expect, test } from 'vitest';
import { cutQueries, maskSecrets } from '../../src/mask.ts';

const pageToken = 'EAAGm0PX4ZCpsBAKZBplantedPageToken';
const longToken = `EAA${'xY7planted'.repeat(12)}`;

test.each([
  [`token ${pageToken} refused`, 'token [secret] refused'],
  ['IGAAplanted0123456789abcdef', '[secret]'],
  ['IGQWplanted_0123456789-abcdef', '[secret]'],
  [`https://x/?u=a%3D${pageToken}&b=1`, 'https://x/?u=a%3D[secret]&b=1'],
  [`glued${longToken}`, 'glued[secret]'],
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

test('takes no longer than it should for text that almost matches', () => {
  const hostile = `"token":"${'\\"'.repeat(50_000)}${'Bearer '.repeat(10_000)}${'a:/'.repeat(10_000)}`;
  const startedAt = performance.now();
  maskSecrets(hostile);
  expect(performance.now() - startedAt).toBeLessThan(500);
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
