import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../src/secret.ts';

const secret = new Secret('planted-token');

test('gives its value to reveal() only', () => {
  expect(secret.reveal()).toBe('planted-token');
});

test.each([
  ['a text', () => `token: ${String(secret)}`, 'token: [secret]'],
  ['JSON', () => JSON.stringify({ secret }), '{"secret":"[secret]"}'],
  ['the inspector', () => inspect({ deep: { secret } }), '{ deep: { secret: [secret] } }'],
  [
    'the inspector that shows hidden things',
    () => inspect(secret, { showHidden: true }),
    '[secret]',
  ],
  ['format', () => format('%s %o', secret, secret), '[secret] [secret]'],
  ['its keys', () => Object.keys(secret).join(), ''],
  ['a copy', () => JSON.stringify(Object.assign({}, secret)), '{}'],
  ['a structured clone', () => JSON.stringify(structuredClone(secret)), '{}'],
])('prints as [secret] or nothing in %s', (_name, print, expected) => {
  expect(print()).toBe(expected);
});
