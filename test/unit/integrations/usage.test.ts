import { describe, expect, it } from 'vitest';
import { isNews, percentOf, restMs } from '../../../src/integrations/usage.ts';

const said = (percent: number | null, more: { regainMs?: number; appPercent?: number } = {}) => ({
  percent,
  regainMs: more.regainMs ?? null,
  appPercent: more.appPercent ?? null,
});

describe('how long an account rests', () => {
  it.each([
    [0, 0],
    [74, 0],
    [75, 1_000],
    [80, 2_000],
    [90, 8_000],
    [95, 16_000],
    [100, 300_000],
    [131, 300_000],
  ])('at %i percent for %i ms', (percent, ms) => {
    expect(restMs(said(percent))).toBe(ms);
  });

  it('is what it was told when it is full, to the millisecond', () => {
    expect(restMs(said(101, { regainMs: 420_000 }))).toBe(420_000);
    expect(restMs(said(100, { regainMs: 7_000 }))).toBe(7_000);
  });

  it('is short when only the app is full: the account has a budget of its own', () => {
    expect(restMs(said(10, { appPercent: 140 }))).toBe(32_000);
    expect(restMs(said(null, { appPercent: 80 }))).toBe(2_000);
  });

  it('is not known from an answer that says nothing', () => {
    expect(percentOf(said(null))).toBeNull();
    expect(restMs(said(null))).toBe(0);
  });
});

describe('what is worth a write', () => {
  const known = { percent: 60, writtenAtMs: 0 };

  it('is the first word, a change of five points, and a bound that was crossed', () => {
    expect(isNews(undefined, 0, 0)).toBe(true);
    expect(isNews(known, 64, 1_000)).toBe(false);
    expect(isNews(known, 65, 1_000)).toBe(true);
    expect(isNews({ percent: 74, writtenAtMs: 0 }, 75, 1_000)).toBe(true);
    expect(isNews({ percent: 90, writtenAtMs: 0 }, 89, 1_000)).toBe(true);
  });

  it('is the same again after five minutes, before it stops counting', () => {
    expect(isNews(known, 60, 299_999)).toBe(false);
    expect(isNews(known, 60, 300_000)).toBe(true);
  });
});
