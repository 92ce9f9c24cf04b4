import { viewFence } from '../fence/view.ts';
import { within } from '../queue/deadline.ts';
import type { Services } from '../services.ts';
import { type Problem, problemOf } from './problem.ts';
import { hasTables } from './status/store.ts';

const deadlineMs = 2000;

type Needs = Pick<Services, 'db' | 'queues'>;

/**
 * What of the things this process needs does not answer within two seconds; empty when it is ready. A database without
 * our tables is not there yet.
 */
export async function findAway({ db, queues }: Needs): Promise<readonly string[]> {
  const [database, queue] = await Promise.all([
    answers(() => hasTables(db)),
    answers(async () => {
      await queues.ping();
      return true;
    }),
  ]);
  return [...(database ? [] : ['database']), ...(queue ? [] : ['queue'])];
}

export function notReady(away: readonly string[]): Problem {
  const detail = `The ${away.join(' and the ')} cannot be reached.`;
  const errors = away.map((path) => ({ path, message: 'cannot be reached', rule: 'reachable' }));
  return problemOf('not_ready', detail, { errors, retryAfterS: 5 });
}

async function answers(ask: () => Promise<boolean>): Promise<boolean> {
  try {
    return await within(deadlineMs, ask());
  } catch {
    return false;
  }
}

/** While fenced a process is ready, as posts can be created; that nothing is sent is said beside it. */
export async function readyAnswer({
  db,
}: Pick<Services, 'db'>): Promise<{ readonly status: 'ready'; readonly fenced?: string }> {
  // An older database lacks the columns until it is migrated: nothing of that is this answer's business.
  const fencedAt = await viewFence({ db }).then(
    (fence) => fence.fenced_at,
    () => null,
  );
  if (fencedAt === null) return { status: 'ready' };
  const fenced = `Nothing is sent since ${fencedAt}, until it is unfenced; /statusz says why.`;
  return { status: 'ready', fenced };
}
