import { describe, expect, it } from 'vitest';
import { findPause, type Pause, textOfPause } from '../../../src/integrations/pause.ts';

const row = { tenantId: 't1', integrationId: 'i1', provider: 'facebook' };
const pause = (scope: Pause['scope'], target: string, reason: string | null = null): Pause => ({
  id: `${scope}-${target}`,
  scope,
  target,
  reason,
  createdBy: 'operator',
  createdAt: new Date(0),
});

describe('a pause', () => {
  it.each([
    ['all', ''],
    ['provider', 'facebook'],
    ['tenant', 't1'],
    ['integration', 'i1'],
  ] as const)('of %s %s holds the row', (scope, target) => {
    expect(findPause([pause(scope, target)], row)?.scope).toBe(scope);
  });

  it('of somebody else holds nothing', () => {
    const others = [pause('provider', 't1'), pause('tenant', 'i1'), pause('integration', 't1')];
    expect(findPause(others, row)).toBeNull();
    expect(findPause([], row)).toBeNull();
  });

  it('is told of by the widest', () => {
    const found = findPause([pause('integration', 'i1'), pause('all', '')], row);
    expect(found?.scope).toBe('all');
  });

  it('says why', () => {
    expect(textOfPause(pause('tenant', 't1', 'unpaid'))).toBe(
      'This tenant is paused: unpaid. It goes on when the pause is lifted.',
    );
    expect(textOfPause(pause('all', ''))).toBe(
      'Everything is paused. It goes on when the pause is lifted.',
    );
  });
});
