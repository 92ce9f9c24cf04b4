import { expect, test } from 'vitest';
import { judgeToken, renewalPauseMs, renewsInMs } from '../../../src/connecting/lifetime.ts';
import type { Scope, TokenFacts } from '../../../src/providers/connecting.ts';

const dayMs = 86_400_000;
const facts: TokenFacts = {
  error: null,
  appId: null,
  userId: null,
  expiresAt: 'never',
  dataAccessExpiresAt: null,
  issuedAt: null,
  scopes: ['publish'],
};
const refused = (errorClass: 'reauth' | 'permission' | 'retry' | 'rate_limited') =>
  ({
    class: errorClass,
    key: 'said',
    provider_code: 190,
    provider_subcode: null,
    message: 'said',
    user_message: 'said',
    action: 'act',
    who: 'tenant_admin',
    retryable: false,
    fbtrace_id: null,
    at: '2026-11-21T12:00:00.000Z',
  }) as const;
const scopes: readonly Scope[] = [
  { name: 'publish', why: 'publish', isRequired: true },
  { name: 'measure', why: 'measure', isRequired: false },
];

test.each([
  ['nothing was told', null, 'untold'],
  ['nothing is wrong', facts, 'whole'],
  ['a permission is gone that it can do without', { ...facts, scopes: ['publish'] }, 'whole'],
  ['a permission is gone that it needs', { ...facts, scopes: ['measure'] }, 'doubtful'],
  ['permissions were not told', { ...facts, scopes: null }, 'whole'],
  ['it is refused', { ...facts, error: refused('reauth') }, 'dead'],
  ['a person is to confirm something', { ...facts, error: refused('permission') }, 'dead'],
  ['the network could not say', { ...facts, error: refused('retry') }, 'untold'],
  ['there were too many calls', { ...facts, error: refused('rate_limited') }, 'untold'],
] as const)('where %s, the token is judged', (_name, told, kind) => {
  expect(judgeToken(told, scopes).kind).toBe(kind);
});

const instagram = { earliestDay: 1, fromDay: 30, toDay: 50 };

test.each([
  [60, 0, 30],
  [60, 1, 50],
  [null, 0.5, 40],
  // What was not made longer by an exchange is tried again in what is left.
  [12, 0, 6],
  [12, 1, 10],
  [1, 0, 1],
])('a token of %s days is renewed, by chance %s, after %s', (life, chance, days) => {
  const lifeMs = life === null ? null : life * dayMs;
  expect(renewsInMs(instagram, lifeMs, chance) / dayMs).toBeCloseTo(days);
});

test('pauses between renewals that fail grow up to half a day', () => {
  const minutes = [1, 2, 3, 6, 7, 100].map((failures) => renewalPauseMs(failures) / 60_000);
  expect(minutes).toEqual([20, 40, 80, 640, 720, 720]);
});
