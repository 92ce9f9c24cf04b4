import type { StagedMedium } from '../attempts/attempt.ts';
import { saveStaged } from '../attempts/send-store.ts';
import type { Database } from '../db/client.ts';
import type { PostContent } from '../posts/post.ts';
import { renewLease } from '../posts/store.ts';
import type { Account, CallContext } from '../providers/provider.ts';
import type { OpenAttempt } from './outcome.ts';

/**
 * Puts what is missing of a post's media at the provider, one by one and each saved before the next call, so that an
 * interrupted attempt goes on where it stopped. Throws what the provider throws: all of the media or none of the post.
 * Null: the attempt was taken from this worker meanwhile.
 */
export async function stageMedia(
  db: Database,
  attempt: OpenAttempt,
  request: {
    readonly account: Account;
    readonly content: PostContent;
    readonly staged: readonly StagedMedium[];
  },
): Promise<readonly StagedMedium[] | null> {
  const staged = [...request.staged];
  for (const [index, medium] of request.content.media.entries()) {
    if (staged.some((done) => done.index === index)) continue;
    const mode = attempt.decision.mode;
    staged.push(
      await attempt.provider.stage(
        { account: request.account, medium, index, mode },
        callsOf(attempt),
      ),
    );
    if (!(await saveStaged(db, attempt.id, staged, attempt.calls))) return null;
  }
  return staged.toSorted((a, b) => a.index - b.index);
}

export function callsOf(attempt: OpenAttempt): CallContext {
  const { onUsage } = attempt;
  return {
    onCall: (call) => {
      attempt.calls.push(call);
    },
    ...(onUsage === undefined ? {} : { onUsage }),
  };
}

/** Renews the lease while `work` is under way. A lease that is lost shows when the attempt is to be marked as sent. */
export async function whileLeased<T>(
  db: Database,
  attempt: OpenAttempt,
  leaseMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const renewal = setInterval(() => {
    renewLease(db, { id: attempt.row.id, run: attempt.run }, leaseMs).catch(() => undefined);
  }, leaseMs / 3);
  try {
    return await work();
  } finally {
    clearInterval(renewal);
  }
}
