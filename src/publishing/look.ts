import type { CandidateEntry, LookEntry } from '../attempts/evidence.ts';
import { readRivalTexts } from '../attempts/unknown-store.ts';
import type { Database } from '../db/client.ts';
import { PublishError } from '../errors.ts';
import type { Evidence } from '../posts/post.ts';
import type { PublishRow, SentBefore } from '../posts/publish-row.ts';
import { readBoundIds } from '../posts/read-back-store.ts';
import type { Account, CallContext, Candidate, Look, Publishing } from '../providers/provider.ts';
import { ownFailure } from './errors.ts';
import { callsOf, type OpenAttempt } from './open-attempt.ts';
import { type Finding, judgeLook } from './reconcile.ts';

/** Meta's clock and ours may differ, and what we call sent may have been made a little earlier there. */
const marginMs = 10 * 60_000;

/** What is looked for: a sent attempt of a post. */
export interface Wanted {
  readonly row: PublishRow;
  readonly provider: Publishing;
  readonly account: Account;
  readonly before: SentBefore;
  /** When the first call was made that may have had its effect. */
  readonly firstSentAt: Date;
}

export interface Looked {
  readonly look: Look;
  readonly finding: Finding;
}

/** Looks on the account for an earlier attempt, and leaves out what belongs to other posts. */
export async function lookFor(
  db: Database,
  { row, provider, account, before, firstSentAt }: Wanted,
  context: CallContext,
): Promise<Looked> {
  const { content, mode, staged, scheduledAt } = before;
  const since = new Date(firstSentAt.getTime() - marginMs);
  const sentBetween = { from: before.sentAt, until: before.ownedUntil };
  const look = await provider.look(
    { account, content, mode, staged, scheduledAt, since, sentBetween },
    context,
  );
  const ids = look.candidates.map((candidate) => candidate.externalId);
  const bound = await readBoundIds(db, provider.name, ids);
  const excluded = new Set([...bound, ...row.dismissed]);
  const hasRival = needsRivals(look, excluded) && (await isRivalled(db, row, before));
  return { look, finding: judgeLook(look, excluded, hasRival) };
}

/** Only where it would decide. */
function needsRivals({ candidates }: Look, excluded: ReadonlySet<string>): boolean {
  return candidates.some(
    ({ externalId, likeness }) => likeness !== 'same' && !excluded.has(externalId),
  );
}

/** Another post of ours that is on its way to the account, without photos: what is found may be that one. */
async function isRivalled(db: Database, row: PublishRow, before: SentBefore): Promise<boolean> {
  const texts = await readRivalTexts(db, row);
  const own = comparable(before.content.message);
  return texts.some((text) => comparable(text) === own);
}

function comparable(text: string | null): string {
  return (text ?? '').replaceAll('\r\n', '\n').trim().normalize('NFC');
}

/**
 * The complete look that must come before an attempt which follows a sent one (design: invariant 2). Throws a
 * `not_ready` while it could not be completed, or what it found may be another post's.
 */
export async function lookForEarlier(
  db: Database,
  attempt: OpenAttempt,
  account: Account,
  before: SentBefore,
): Promise<Looked> {
  const { row, provider } = attempt;
  const { firstSentAt } = before;
  const looked = await lookFor(
    db,
    { row, provider, account, before, firstSentAt },
    callsOf(attempt),
  );
  if (looked.finding.kind === 'unclear') throw lookIncomplete();
  return looked;
}

export function lookIncomplete(): PublishError {
  const text = 'The page could not be read back far enough, or shows what may be another post.';
  return new PublishError(ownFailure('not_ready', 'look_incomplete', text), {
    retryAfterMs: 60_000,
  });
}

/** What the attempt keeps of a look. */
export function lookEntry(
  { look, finding }: Looked,
  at: Date,
  told: { readonly counts: boolean; readonly conclusion: string },
): LookEntry {
  return {
    looked_at: at.toISOString(),
    complete: look.complete,
    counts: told.counts,
    candidates: candidatesOf(finding).map(toEntry),
    conclusion: told.conclusion,
  };
}

function candidatesOf(finding: Finding): readonly Candidate[] {
  if (finding.kind === 'one') return [finding.candidate];
  return finding.kind === 'several' ? finding.candidates : [];
}

function toEntry({ externalId, url, isPublished, certain }: Candidate): CandidateEntry {
  return { external_id: externalId, url, is_published: isPublished, certain };
}

/** What a person is shown. */
export function evidenceOf(finding: Finding, at: Date): readonly Evidence[] {
  return candidatesOf(finding).map(({ externalId, url }) => ({
    external_id: externalId,
    url,
    seen_at: at.toISOString(),
  }));
}
