import type { StagedMedium } from '../attempts/attempt.ts';
import type { Beginning } from '../attempts/begin-store.ts';
import { markSent, saveStaged } from '../attempts/send-store.ts';
import type { Settlement } from '../attempts/settle-store.ts';
import { textOfPause } from '../pauses/pause.ts';
import { readPause } from '../pauses/pauses.ts';
import { type SentBefore, sentBefore } from '../posts/publish-row.ts';
import type { Account } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { openAccount } from './account.ts';
import { decideRow } from './judge.ts';
import { type Looked, lookForEarlier } from './look.ts';
import type { OpenAttempt } from './outcome.ts';
import { foundEarlier, gone, missed, rest, waitForEqual } from './rest.ts';
import { stageMedia } from './stage.ts';

/** Ready for the visible call, or how the attempt ends without one. */
export type Prepared =
  | {
      readonly kind: 'ready';
      readonly account: Account;
      readonly staged: readonly StagedMedium[];
      /** When the commit of `sent` began, by the monotonic clock. */
      readonly beganAt: number;
    }
  /** Without a settlement the attempt is no longer this worker's to settle. */
  | { readonly kind: 'stopped'; readonly settlement: Settlement | null };

/** Everything before the visible call: look, stage, judge again, commit `sent`. Throws what the provider throws. */
export async function prepare(
  services: Services,
  attempt: OpenAttempt,
  beginning: Beginning,
): Promise<Prepared> {
  const account = openAccount(attempt.row, services.vault, services.config);
  const before = sentBefore(attempt.row);
  if (before !== null) {
    const looked = await lookForEarlier(services.db, attempt, account, before);
    if (isEarlier(looked, before)) {
      return { kind: 'stopped', settlement: foundEarlier(attempt, before, looked) };
    }
    const isOurs = await saveStaged(services.db, attempt.id, beginning.staged, attempt.calls);
    if (!isOurs) return { kind: 'stopped', settlement: null };
  }
  const staged = await stageMedia(services.db, attempt, { account, ...beginning });
  if (staged === null) return { kind: 'stopped', settlement: null };
  const notNow = (await restIfPaused(services, attempt)) ?? judgeAgain(attempt);
  if (notNow !== null) return { kind: 'stopped', settlement: notNow };
  return commitSent(services, attempt, { account, staged });
}

/** An altered post says nothing against a rejection that was proven. */
function isEarlier({ finding }: Looked, before: SentBefore): boolean {
  if (finding.kind === 'none') return false;
  const isAltered =
    finding.kind === 'several' &&
    finding.candidates.every(({ likeness }) => likeness === 'altered');
  return !isAltered || before.state === 'abandoned';
}

/** Staging takes its time: lateness and window are judged again, with a fresh clock. */
function judgeAgain(attempt: OpenAttempt): Settlement | null {
  const decision = decideRow(attempt.row, attempt.provider, attempt.now());
  switch (decision.kind) {
    case 'missed':
      return missed(attempt, decision.attention);
    case 'hold':
      return rest(attempt, decision.until, decision.waiting);
    case 'go':
      return decision.mode === attempt.decision.mode ? null : rest(attempt, attempt.now(), null);
  }
}

/** A pause that came while it was prepared: what is staged is kept. */
async function restIfPaused(services: Services, attempt: OpenAttempt): Promise<Settlement | null> {
  const pause = await readPause(services, attempt.row);
  if (pause === null) return null;
  const waiting = { reason: 'paused', until: null, text: textOfPause(pause) } as const;
  return rest(attempt, attempt.now(), waiting);
}

async function commitSent(
  services: Services,
  attempt: OpenAttempt,
  ready: { readonly account: Account; readonly staged: readonly StagedMedium[] },
): Promise<Prepared> {
  const beganAt = performance.now();
  const { id, run, row } = attempt;
  const sent = await markSent(
    services.db,
    { id, run, postId: row.id, version: row.version },
    services.config.graph.timeoutMs,
  );
  switch (sent) {
    case 'sent':
      return { kind: 'ready', beganAt, ...ready };
    case 'gone':
      return { kind: 'stopped', settlement: gone(attempt) };
    case 'equal_in_flight': {
      const { nextRunAt, waiting } = waitForEqual(attempt.now());
      return { kind: 'stopped', settlement: rest(attempt, nextRunAt, waiting) };
    }
  }
}
