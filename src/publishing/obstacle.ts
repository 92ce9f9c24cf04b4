import { readStanding } from '../integrations/health-store.ts';
import { adviceFor, heldText } from '../integrations/integration.ts';
import { type Pausable, type PauseScope, textOfPause } from '../pauses/pause.ts';
import { readPause } from '../pauses/pauses.ts';
import type { Services } from '../services.ts';

/** Why an account may not be called now. */
export interface Obstacle {
  /** `person`: it is not active, and somebody must act before it is. */
  readonly kind: 'paused' | 'held' | 'person';
  /** Of the pause that holds it; null: none does. */
  readonly scope: PauseScope | null;
  /** For people: what it is, and what ends it. */
  readonly text: string;
  /** When it ends by itself; null: somebody must act. */
  readonly endsInMs: number | null;
}

/**
 * What keeps an account from being called for somebody who waits for the answer; null: nothing does. Background jobs
 * need not ask: their claims pass such accounts over.
 */
export async function findObstacle(
  services: Pick<Services, 'db'>,
  account: Pausable,
): Promise<Obstacle | null> {
  const pause = await readPause(services, account);
  if (pause !== null) {
    return { kind: 'paused', scope: pause.scope, text: textOfPause(pause), endsInMs: null };
  }
  const { heldMs, ...health } = await readStanding(services.db, account.integrationId);
  const advice = adviceFor(health);
  if (advice !== null) {
    const text = `The account is not active and waits for a person: ${advice}`;
    return { kind: 'person', scope: null, text, endsInMs: null };
  }
  if (heldMs === null) return null;
  return { kind: 'held', scope: null, text: heldText, endsInMs: heldMs };
}
