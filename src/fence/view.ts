import type { Services } from '../services.ts';
import { parseUnfencing, type Unfencing } from './progress.ts';
import { readInstance } from './store.ts';

export interface FenceView {
  readonly fenced: boolean;
  readonly fenced_at: string | null;
  readonly reason: string | null;
  /** Of the last unfencing, also when nothing is fenced any more. */
  readonly unfencing: Unfencing | null;
}

export async function viewFence({ db }: Pick<Services, 'db'>): Promise<FenceView> {
  const { fencedAt, reason, unfencing } = await readInstance(db);
  return {
    fenced: fencedAt !== null,
    fenced_at: fencedAt?.toISOString() ?? null,
    reason,
    unfencing: parseUnfencing(unfencing),
  };
}
