import type { Visibility } from './model.ts';

export type EffectKind = 'post' | 'photo' | 'edit' | 'delete' | 'publish' | 'vanish';

/** One thing that really happened on a Page. */
export interface Effect {
  readonly kind: EffectKind;
  readonly id: string;
  readonly pageId: string;
  readonly by: 'app' | 'person' | 'clock';
  readonly visibility: Visibility | 'staged';
  readonly message: string | null;
  readonly link: string | null;
  readonly photoIds: readonly string[];
  readonly scheduledAt: number | null;
  readonly at: number;
  readonly bodyHash: string | null;
  readonly requestId: string | null;
}

export interface NumberedEffect extends Effect {
  readonly seq: number;
}

/** Every effect in order. Only grows; a reset makes a new one. */
export class Ledger {
  readonly entries: NumberedEffect[] = [];

  add(effect: Effect): void {
    this.entries.push({ seq: this.entries.length + 1, ...effect });
  }
}
