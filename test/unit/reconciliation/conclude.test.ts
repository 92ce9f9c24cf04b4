import { describe, expect, test } from 'vitest';
import type { ListedPost } from '../../../src/providers/provider.ts';
import { conclude, gapMs, type ReconcileState } from '../../../src/reconciliation/conclude.ts';

const listed: ListedPost = {
  externalId: '1',
  url: null,
  message: 'x',
  links: [],
  mediaIds: [],
  mediaState: 'missing',
  appId: null,
  isPublished: true,
  createdAt: null,
  scheduledAt: null,
};
const standing: ReconcileState = {
  looks: 2,
  proofs: 2,
  looksNeeded: 3,
  counts: true,
  resend: true,
  asks: false,
  isRetryWished: false,
  resends: 0,
  resendLimit: 5,
  isDuplicate: false,
  plan: { kind: 'go', mode: 'draft', attention: null, revealAt: null },
};
const attention = {
  reason: 'missed',
  since: '',
  text: '',
  who: 'author',
  evidence: [],
  choices: [],
} as const;
const missed = { kind: 'missed', attention } as const;

describe('a look that proves absence', () => {
  test.each([
    ['is the third: it is sent again', {}, 'send_again'],
    ['is the second: it counts', { looks: 1, proofs: 1 }, 'count'],
    ['is the third that was made, and the second that proves it', { proofs: 1 }, 'count'],
    ['comes too early: it proves nothing', { counts: false }, 'look_again'],
    ['ends a post that was called off', { resend: false, plan: missed }, 'call_off'],
    [
      'asks about what the provider calls a duplicate and does not show',
      { isDuplicate: true },
      'ask',
    ],
    ['comes too late for its tenant', { plan: missed }, 'miss'],
    ['asks where the tenant wants to be asked', { asks: true }, 'ask'],
    ['does not ask what was answered', { asks: true, isRetryWished: true }, 'send_again'],
    ['ends with a question after so many', { resends: 5 }, 'ask'],
    [
      'goes on beyond that where a person wants it',
      { resends: 5, isRetryWished: true },
      'send_again',
    ],
    ['never resends where none are allowed', { resendLimit: 0 }, 'ask'],
  ] as const)('%s', (_what, more, kind) => {
    expect(conclude({ kind: 'absent' }, { ...standing, ...more }).kind).toBe(kind);
  });
});

describe('a look that can prove nothing', () => {
  const finding = { kind: 'unproven', doubt: 'not_shown_before', candidates: [] } as const;

  test.each([
    ['counts as a look', { looks: 1 }, 'count'],
    ['comes too early', { counts: false }, 'look_again'],
    ['is the last one, and asks', {}, 'ask'],
    ['asks whatever was wished, and never for ever', { looks: 9, isRetryWished: true }, 'ask'],
  ] as const)('%s', (_what, more, kind) => {
    expect(conclude(finding, { ...standing, ...more }).kind).toBe(kind);
  });
});

test('what is found is bound at any time, and a look that failed comes again', () => {
  const early = { ...standing, counts: false, resend: false };
  const found = { kind: 'bound', listed, certain: false } as const;
  expect(conclude(found, early)).toMatchObject({ kind: 'bind', listed: { externalId: '1' } });
  expect(conclude({ kind: 'failed' }, standing)).toEqual({ kind: 'look_again' });
  expect(conclude({ kind: 'ambiguous', candidates: [] }, standing)).toEqual({
    kind: 'ask',
    reason: 'ambiguous',
  });
});

test('looks come ever further apart', () => {
  expect([0, 1, 2, 3, 9].map((looks) => gapMs(looks, 60_000) / 60_000)).toEqual([1, 3, 8, 20, 20]);
});
