import { describe, expect, it } from 'vitest';
import { readUsage } from '../../../src/graph/usage.ts';

const header = (pct: number) => ({
  'x-ad-account-usage': JSON.stringify({ acc_id_util_pct: pct, reset_time_duration: 100 }),
});

const business = (of: Record<string, object[]>) => ({
  'x-business-use-case-usage': JSON.stringify(of),
});

describe('reading usage headers', () => {
  it('knows nothing without a header', () => {
    expect(readUsage({ date: 'Fri, 20 Nov 2026 12:00:00 GMT' })).toBeNull();
  });

  it('tells the fullest of the numbers of an app apart from those of the account', () => {
    const headers = { 'x-app-usage': '{"call_count":28,"total_time":25,"total_cputime":131}' };
    expect(readUsage(headers, '111')).toEqual({ percent: null, regainMs: null, appPercent: 131 });
  });

  const pages = { type: 'pages', call_count: 97, total_cputime: 23, total_time: 99 };

  it('takes the minutes of the very object', () => {
    const headers = business({
      '111': [{ ...pages, estimated_time_to_regain_access: 12 }],
      '222': [{ type: 'pages', call_count: 300, estimated_time_to_regain_access: 90 }],
    });
    expect(readUsage(headers, '111')).toEqual({
      percent: 99,
      regainMs: 720_000,
      appPercent: null,
    });
  });

  it('knows nothing when only others are named', () => {
    expect(readUsage(business({ '222': [pages], '333': [pages] }), '111')).toBeNull();
  });

  it('takes a single one for what was called: its key may be that of the business', () => {
    expect(readUsage(business({ '222': [pages] }), '111')).toMatchObject({ percent: 99 });
  });

  it('does not take a full bucket of messages for one of posts', () => {
    const messenger = {
      type: 'messenger',
      call_count: 100,
      total_cputime: 1,
      total_time: 1,
      estimated_time_to_regain_access: 12,
    };
    const posts = { percent: 99, regainMs: null, appPercent: null };
    expect(readUsage(business({ '111': [messenger, pages] }), '111')).toEqual(posts);
    expect(readUsage(business({ '111': [messenger] }), '111')).toMatchObject({ percent: 100 });
  });

  it('takes the seconds of an ad account once it is full', () => {
    expect(readUsage(header(9.67))).toMatchObject({ percent: 9.67, regainMs: null });
    expect(readUsage(header(100))).toMatchObject({ percent: 100, regainMs: 100_000 });
  });

  it('takes the legacy header of Pages and a Retry-After', () => {
    const headers = { 'x-page-usage': '{"call_count":40}', 'retry-after': '30' };
    expect(readUsage(headers)).toMatchObject({ percent: 100, regainMs: 30_000 });
  });

  it('survives headers that are none', () => {
    const headers = {
      'x-app-usage': '{"call_count":',
      'x-business-use-case-usage': '{"1":7,"2":[{"call_count":"x"}]}',
    };
    expect(readUsage(headers)).toEqual({ percent: 0, regainMs: null, appPercent: null });
    expect(readUsage({ 'x-app-usage': '{"call_count":' })).toBeNull();
  });
});
