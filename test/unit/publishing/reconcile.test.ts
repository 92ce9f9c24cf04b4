import { describe, expect, test } from 'vitest';
import type { Candidate } from '../../../src/providers/provider.ts';
import { conclude, judgeLook, type Standing } from '../../../src/publishing/reconcile.ts';

const now = new Date('2026-11-20T12:00:00Z');
const candidate = (externalId: string, more: Partial<Candidate> = {}): Candidate => ({
  externalId,
  url: null,
  isPublished: false,
  certain: false,
  likeness: 'same',
  createdAt: now,
  scheduledAt: null,
  ...more,
});
const look = (candidates: readonly Candidate[], complete = true) => ({ complete, candidates });
const alike = { likeness: 'alike' } as const;
const altered = { likeness: 'altered' } as const;
const nobody: ReadonlySet<string> = new Set();

describe('a look', () => {
  test.each([
    ['nothing', look([]), false, 'none'],
    ['one that is the same', look([candidate('1')]), false, 'one'],
    ['one that is alike', look([candidate('1', alike)]), false, 'one'],
    [
      'one alike, while another post of ours may be it',
      look([candidate('1', alike)]),
      true,
      'unclear',
    ],
    ['one that is the same, whoever else is on the way', look([candidate('1')]), true, 'one'],
    ['the same and one alike', look([candidate('1'), candidate('2', alike)]), false, 'one'],
    ['two that are the same', look([candidate('1'), candidate('2')]), false, 'several'],
    ['two that are alike', look([candidate('1', alike), candidate('2', alike)]), false, 'several'],
    ['one that was altered', look([candidate('1', altered)]), false, 'several'],
    [
      'one alike and one altered',
      look([candidate('1', alike), candidate('2', altered)]),
      false,
      'one',
    ],
    ['nothing, but not everywhere', look([], false), false, 'unclear'],
    ['the same, but not everywhere', look([candidate('1')], false), false, 'unclear'],
    [
      'our photos, though not everywhere',
      look([candidate('1', { certain: true })], false),
      true,
      'one',
    ],
    [
      'our photos twice',
      look(['1', '2'].map((id) => candidate(id, { certain: true }))),
      false,
      'several',
    ],
  ] as const)('that finds %s', (_what, seen, hasRival, kind) => {
    expect(judgeLook(seen, nobody, hasRival).kind).toBe(kind);
  });

  test('leaves out what belongs to other posts', () => {
    const seen = look([candidate('1', { certain: true }), candidate('2')]);
    expect(judgeLook(seen, new Set(['1', '2']), false)).toEqual({ kind: 'none' });
    expect(judgeLook(seen, new Set(['1']), false)).toMatchObject({
      candidate: { externalId: '2' },
    });
  });
});

const standing: Standing = {
  looks: 2,
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

describe('a look that finds nothing', () => {
  test.each([
    ['is the third: it is sent again', {}, 'send_again'],
    ['is the second: it counts', { looks: 1 }, 'count'],
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
    expect(conclude({ kind: 'none' }, { ...standing, ...more }).kind).toBe(kind);
  });
});

test('what is found is bound at any time, and what is unclear is looked for again', () => {
  const found = { kind: 'one', candidate: candidate('1') } as const;
  const early = { ...standing, counts: false, resend: false };
  expect(conclude(found, early)).toMatchObject({ kind: 'bind', candidate: { externalId: '1' } });
  expect(conclude({ kind: 'unclear' }, standing)).toEqual({ kind: 'look_again' });
  expect(conclude({ kind: 'several', candidates: [] }, standing)).toEqual({
    kind: 'ask',
    reason: 'ambiguous',
  });
});
