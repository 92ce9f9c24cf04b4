import type { Database } from '../db/client.ts';
import { PublishError } from '../errors.ts';
import type { Evidence } from '../posts/post.ts';
import type { SentBefore } from '../posts/publish-row.ts';
import { readBoundIds } from '../posts/read-back-store.ts';
import type { Account } from '../providers/provider.ts';
import { ownFailure } from './errors.ts';
import type { OpenAttempt } from './outcome.ts';
import { callsOf } from './stage.ts';

/** Meta's clock and ours may differ, and what we call sent may have been made a little earlier there. */
const marginMs = 10 * 60_000;

/**
 * The complete look that must come before an attempt which follows a sent one (design: invariant 2). Resolves with
 * what was found, hopefully nothing; throws a `not_ready` while the look could not be completed.
 */
export async function lookForEarlier(
  db: Database,
  attempt: OpenAttempt,
  account: Account,
  before: SentBefore,
): Promise<readonly Evidence[]> {
  const since = new Date(before.firstSentAt.getTime() - marginMs);
  const look = await attempt.provider.look({ ...before, account, since }, callsOf(attempt));
  if (!look.complete) {
    throw new PublishError(
      ownFailure('not_ready', 'look_incomplete', 'The page could not be read back far enough.'),
      { retryAfterMs: 60_000 },
    );
  }
  const seenAt = attempt.now().toISOString();
  const ids = look.candidates.map((candidate) => candidate.externalId);
  const bound = await readBoundIds(db, attempt.provider.name, ids);
  return look.candidates
    .filter((candidate) => !bound.has(candidate.externalId))
    .map(({ externalId, url }) => ({ external_id: externalId, url, seen_at: seenAt }));
}
