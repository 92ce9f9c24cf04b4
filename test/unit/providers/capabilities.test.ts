import { describe, expect, it } from 'vitest';
import { capabilityOf } from '../../../src/providers/capabilities.ts';

describe('a capability', () => {
  const at = '2026-11-21T18:00:00.000Z';

  it('is what was last seen', () => {
    const column = { lists_drafts: { value: 'no', seen_at: at } };
    expect(capabilityOf(column, 'lists_drafts')).toBe('no');
    expect(capabilityOf(column, 'photo_reuse')).toBe('unknown');
  });

  it('is unknown where its column cannot be read', () => {
    expect(capabilityOf(null, 'lists_drafts')).toBe('unknown');
    expect(capabilityOf({ lists_drafts: 'maybe' }, 'lists_drafts')).toBe('unknown');
  });

  it('is not lost among names that a newer version wrote', () => {
    const column = { dances: 7, lists_drafts: { value: 'yes', seen_at: at, why: 'seen' } };
    expect(capabilityOf(column, 'lists_drafts')).toBe('yes');
  });
});
