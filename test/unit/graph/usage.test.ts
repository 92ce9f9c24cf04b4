import { describe, expect, it } from 'vitest';
import { readUsage } from '../../../src/graph/usage.ts';

const header = (pct: number) => ({
  'x-ad-account-usage': JSON.stringify({ acc_id_util_pct: pct, reset_time_duration: 100 }),
});

describe('reading usage headers', () => {
  it('knows nothing without a header', () => {
    expect(readUsage({ date: 'Fri, 20 Nov 2026 12:00:00 GMT' })).toBeNull();
  });

  it('takes the fullest of the numbers of an app', () => {
    const headers = { 'x-app-usage': '{"call_count":28,"total_time":25,"total_cputime":131}' };
    expect(readUsage(headers)).toEqual({ percent: 131, regainMs: null });
  });

  it('takes the minutes of the very object, of all its types', () => {
    const headers = {
      'x-business-use-case-usage': JSON.stringify({
        '111': [
          {
            type: 'pages',
            call_count: 97,
            total_cputime: 23,
            total_time: 23,
            estimated_time_to_regain_access: 0,
          },
          {
            type: 'messenger',
            call_count: 3,
            total_cputime: 1,
            total_time: 1,
            estimated_time_to_regain_access: 12,
          },
        ],
        '222': [{ type: 'pages', call_count: 100, estimated_time_to_regain_access: 90 }],
      }),
    };
    expect(readUsage(headers, '111')).toEqual({ percent: 97, regainMs: 720_000 });
    expect(readUsage(headers, '333')).toEqual({ percent: 100, regainMs: 5_400_000 });
  });

  it('takes the seconds of an ad account once it is full', () => {
    expect(readUsage(header(9.67))).toEqual({ percent: 9.67, regainMs: null });
    expect(readUsage(header(100))).toEqual({ percent: 100, regainMs: 100_000 });
  });

  it('takes the legacy header of Pages and a Retry-After', () => {
    const headers = { 'x-page-usage': '{"call_count":40}', 'retry-after': '30' };
    expect(readUsage(headers)).toEqual({ percent: 100, regainMs: 30_000 });
  });

  it('survives headers that are none', () => {
    const headers = {
      'x-app-usage': '{"call_count":',
      'x-business-use-case-usage': '{"1":7,"2":[{"call_count":"x"}]}',
    };
    expect(readUsage(headers)).toEqual({ percent: 0, regainMs: null });
  });
});
