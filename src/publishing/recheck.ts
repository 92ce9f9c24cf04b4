import { loadRecheck, type Recheck, writeRecheck } from '../attempts/unknown-store.ts';
import type { Attention, Evidence } from '../posts/post.ts';
import type { PublishRow } from '../posts/publish-row.ts';
import type { PostChange } from '../posts/store.ts';
import type { Services } from '../services.ts';
import { evidenceOf, type Looked, lookEntry } from './look.ts';
import { lookBooked } from './reconcile-attempt.ts';

/**
 * One more look for an attempt that was taken for absent and sent again: an effect that was later than the proof is a
 * second post, and a person is told of both. Nothing is deleted. Resolves with what was concluded.
 */
export async function recheck(
  services: Services,
  row: PublishRow,
  attemptId: string,
): Promise<string> {
  const provider = services.publishers.get(row.provider);
  const sent = await loadRecheck(services.db, attemptId);
  if (provider === undefined || sent === null) return 'nothing to look for';
  const result = await lookBooked(services, { row, provider, attemptId, sent });
  if (result.looked === null) return result.told;
  const { looked, calls } = result;
  if (looked.finding.kind === 'failed') return 'look again';
  const seen = evidenceOf(looked.finding, row.now);
  const conclusion = seen.length > 0 ? 'duplicate_found' : 'no_duplicate';
  await writeRecheck(services.db, attemptId, {
    evidence: lookEntry(looked, row.now, { counts: false, conclusion }),
    calls,
    post: seen.length > 0 ? tellOf(row, sent, looked, seen) : null,
  });
  return conclusion;
}

function tellOf(
  row: PublishRow,
  { externalId, publishUrl: url }: Recheck,
  { finding }: Looked,
  seen: readonly Evidence[],
): PostChange {
  const { id, version, status } = row;
  const own = { external_id: externalId, url, seen_at: row.now.toISOString() };
  const isSure = finding.kind === 'bound';
  const attention: Attention = {
    reason: 'duplicate_found',
    since: row.now.toISOString(),
    text: `The post ${isSure ? 'is' : 'may be'} on the page twice: its answer was lost, it was not to be seen and was sent again, and the first one came after all. Delete the one that is too many.`,
    who: 'author',
    evidence: [own, ...seen],
    choices: ['resolve_live'],
  };
  return { id, version, from: [status], to: status, set: { attention } };
}
