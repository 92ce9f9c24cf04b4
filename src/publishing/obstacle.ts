import { readStanding, type Standing } from '../integrations/health-store.ts';
import { adviceFor, waitingWhileHeld } from '../integrations/integration.ts';
import { type Pausable, type Pause, type PauseScope, textOfPause } from '../pauses/pause.ts';
import { readPause } from '../pauses/pauses.ts';
import type { Services } from '../services.ts';

/** Why an account may not be called now. */
export interface Obstacle {
  /** `person`: it is not active, and somebody must act before it is. */
  readonly kind: 'fenced' | 'paused' | 'held' | 'person';
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
  return obstacleIn(pause, await readStanding(services.db, account.integrationId));
}

/** The same of what is read already. */
export function obstacleIn(pause: Pause | null, standing: Standing): Obstacle | null {
  if (pause !== null) {
    return { kind: 'paused', scope: pause.scope, text: textOfPause(pause), endsInMs: null };
  }
  const { heldMs, heldFor, ...health } = standing;
  const advice = adviceFor(health);
  if (advice !== null) {
    const text = `The account is not active and waits for a person: ${advice}`;
    return { kind: 'person', scope: null, text, endsInMs: null };
  }
  if (heldMs === null) return null;
  return { kind: 'held', scope: null, text: waitingWhileHeld(heldFor).text, endsInMs: heldMs };
}
