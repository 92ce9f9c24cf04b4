import { ownFailure, PublishError } from '../errors.ts';
import { learn } from '../integrations/store.ts';
import type { Evidence } from '../posts/post.ts';
import type { Account, CallContext } from '../providers/account.ts';
import {
  type Capabilities,
  type CapabilityName,
  type CapabilityValue,
  listingOf,
  readCapabilities,
  readingOf,
} from '../providers/capabilities.ts';
import type { ListedPost, Listing, Publishing, SeenList } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import type { CandidateEntry, LookEntry } from './attempt.ts';
import { readOwnIds } from './leftover-store.ts';
import {
  type Finding,
  listsOf,
  type MatchContext,
  matchPosts,
  type Wanted,
  wantedByCalls,
} from './match.ts';
import { readCalls, readLastShownAt, readRivals, type SentCalls } from './read-store.ts';
import type { PublishRow, SentBefore } from './row.ts';

/** What was called may have been made a little earlier there, and Meta's pages end where they like. */
const marginMs = 10 * 60_000;

export type LookServices = Pick<Services, 'db' | 'config' | 'log'>;

/** What is looked for: the calls of one sent attempt, and of those of the same content that were taken for absent. */
export interface Sought {
  readonly row: PublishRow;
  readonly provider: Publishing;
  readonly account: Account;
  readonly attemptId: string;
  readonly sent: Pick<SentBefore, 'content' | 'mode' | 'scheduledAt'> & {
    readonly staged: readonly { readonly id: string }[];
  };
}

/** Why a look that was made to its end proves nothing. */
export type Doubt = 'not_shown_before' | 'forbidden' | 'too_many' | 'unreadable';

export type LookFinding =
  | Extract<Finding, { kind: 'bound' | 'ambiguous' | 'absent' }>
  | {
      readonly kind: 'unproven';
      readonly doubt: Doubt;
      readonly candidates: readonly ListedPost[];
    }
  /** An answer was missing: it says nothing, and the look comes again. */
  | { readonly kind: 'failed' };

export interface Looked {
  readonly finding: LookFinding;
  readonly lists: readonly SeenList[];
}

/** Looks on the account for what a sent attempt may have made; what belongs to other posts is left out. */
export async function lookFor(
  services: LookServices,
  sought: Sought,
  context: CallContext,
): Promise<Looked> {
  const { row, provider, account, sent } = sought;
  const calls = await readCalls(services.db, sought.attemptId);
  const certain = await askMedium(services, sought, context);
  if (certain !== null) {
    return { finding: { kind: 'bound', listed: certain, certain: true }, lists: [] };
  }
  const since = await sinceWhen(services, row, calls);
  const listing = await provider.list({ account, since, modes: listsOf(sent.mode) }, context);
  await learnReads(services, row, listing.lists);
  // Rivals first: one that is settled meanwhile is no rival any more, but its post is bound by then.
  const rivals = await readRivals(services.db, row);
  const posts = await withoutBound(services, row, listing.posts);
  const found = match(services, sought, { calls, rivals, listing: { ...listing, posts } });
  return { finding: judge(found, sought, listing.lists), lists: listing.lists };
}

/** A staged photo may name its post itself: one call decides. */
async function askMedium(
  services: LookServices,
  { row, provider, account, sent }: Sought,
  context: CallContext,
): Promise<ListedPost | null> {
  const [medium] = sent.staged;
  if (medium === undefined) return null;
  const externalId = await provider.postOfMedium({ account, mediumId: medium.id }, context);
  if (externalId === null || !provider.isPostOf(row.externalAccountId, externalId)) return null;
  const excluded = await excludedIds(services, row, [externalId]);
  if (excluded.has(externalId)) return null;
  await context.beforeRead?.();
  const read = await provider.read({ account, externalId }, context);
  if (read === null) return null;
  const { permalink: url, message, isPublished, createdAt, scheduledAt } = read;
  const told = { externalId, url, message, isPublished, createdAt, scheduledAt };
  return { ...told, links: [], mediaIds: [medium.id], mediaState: 'known', appId: null };
}

/** Back to a post of ours that is known to be there, if it is not long ago: it proves the order of what comes before. */
async function sinceWhen(
  { db }: LookServices,
  row: PublishRow,
  { windows }: SentCalls,
): Promise<Date> {
  const firstMs = Math.min(...windows.map(({ from }) => from.getTime())) - marginMs;
  const shownAt = await readLastShownAt(db, row);
  return new Date(Math.min(firstMs, (shownAt?.getTime() ?? Infinity) - 60_000));
}

async function withoutBound(
  services: LookServices,
  row: PublishRow,
  posts: readonly ListedPost[],
): Promise<readonly ListedPost[]> {
  const ids = posts.map(({ externalId }) => externalId);
  const excluded = await excludedIds(services, row, ids);
  return posts.filter(({ externalId }) => !excluded.has(externalId));
}

async function excludedIds(
  { db }: LookServices,
  row: PublishRow,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const bound = await readOwnIds(db, row.provider, ids);
  return new Set([...bound, ...row.dismissed]);
}

/** Together with other posts of ours that are on their way to the account: each of them takes its own. */
function match(
  { config }: LookServices,
  { row, provider, sent }: Sought,
  { calls, rivals, listing }: Seen,
): Finding {
  const scene: MatchContext = {
    network: provider,
    appId: appIdOf(row, config),
    aheadMs: (listing.aheadMs ?? 0) - calls.databaseAheadMs,
  };
  const own = wantedByCalls(wantedOf(row.id, sent), calls.windows, calls.areOwn);
  const all = [own, ...rivals.map(toWanted)];
  return matchPosts(all, listing.posts, scene).get(row.id) ?? { kind: 'absent' };
}

interface Seen {
  readonly calls: SentCalls;
  readonly rivals: Awaited<ReturnType<typeof readRivals>>;
  readonly listing: Listing;
}

function wantedOf(id: string, { content, mode, staged, scheduledAt }: Sought['sent']) {
  return { id, content, mode, scheduledAt, mediaIds: staged.map((medium) => medium.id) };
}

function toWanted(rival: Awaited<ReturnType<typeof readRivals>>[number]): Wanted {
  return wantedByCalls(wantedOf(rival.id, rival), [rival.window]);
}

/** Rows without an app id are of the operator's own app. */
export function appIdOf(
  { appId }: Pick<PublishRow, 'appId'>,
  { meta }: Pick<Services['config'], 'meta'>,
): string | null {
  return appId === '' ? (meta.appId ?? null) : appId;
}

export function isWhole({ lists }: Pick<Listing, 'lists'>): boolean {
  return lists.every(({ seen }) => seen === 'whole');
}

function judge(found: Finding, { row, sent }: Sought, lists: readonly SeenList[]): LookFinding {
  if (found.kind === 'bound' && found.certain) return found;
  if (lists.some(({ seen }) => seen === 'failed')) return { kind: 'failed' };
  if (found.kind === 'bound' || found.kind === 'ambiguous') return found;
  const candidates = found.kind === 'unclear' ? found.candidates : [];
  const doubt = found.kind === 'unclear' ? 'unreadable' : doubtOf(row, sent, lists);
  return doubt === null ? { kind: 'absent' } : { kind: 'unproven', doubt, candidates };
}

/** Null: every list where it would show was seen far enough, and has shown such a post before. */
function doubtOf(
  { capabilities, now }: PublishRow,
  { mode, scheduledAt }: Sought['sent'],
  lists: readonly SeenList[],
): Doubt | null {
  if (lists.some(({ seen }) => seen === 'forbidden')) return 'forbidden';
  if (lists.some(({ seen }) => seen === 'cut')) return 'too_many';
  const known = readCapabilities(capabilities);
  const isDue = mode === 'schedule' && scheduledAt !== null && scheduledAt <= now;
  const needed = isDue ? [mode, 'publish' as const] : [mode];
  const isProven = needed.every((one) => known[listingOf[one]]?.value === 'yes');
  return isProven ? null : 'not_shown_before';
}

/** A list that the token may not read stops no posts: the integration says so, once. */
async function learnReads(
  { db, log }: LookServices,
  { integrationId, capabilities }: PublishRow,
  lists: readonly SeenList[],
): Promise<void> {
  const known: Capabilities = readCapabilities(capabilities);
  const news: Partial<Record<CapabilityName, CapabilityValue>> = {};
  for (const { mode, seen } of lists) {
    const value = seen === 'forbidden' ? 'no' : 'yes';
    if (seen !== 'failed' && known[readingOf[mode]]?.value !== value) news[readingOf[mode]] = value;
  }
  if (Object.keys(news).length === 0) return;
  await learn(db, integrationId, news);
  const forbidden = lists.filter(({ seen }) => seen === 'forbidden').map(({ mode }) => mode);
  if (forbidden.length > 0) {
    log.warn({ integrationId, lists: forbidden }, 'the token may not read these lists of posts');
  }
}

/** Books each read beyond those that are booked already (design: invariant 6). */
export function beyond(booked: number, bookOne: () => Promise<boolean>): () => Promise<void> {
  let reads = 0;
  return async () => {
    reads += 1;
    if (reads > booked && !(await bookOne())) throw lookIncomplete();
  };
}

export function lookIncomplete(): PublishError {
  const text = 'The page could not be read back far enough, or shows what may be another post.';
  return new PublishError(ownFailure('not_ready', 'look_incomplete', text), {
    retryAfterMs: 60_000,
  });
}

/** What the attempt keeps of a look. */
export function lookEntry(
  { finding, lists }: Looked,
  at: Date,
  told: { readonly counts: boolean; readonly conclusion: string },
): LookEntry {
  return {
    looked_at: at.toISOString(),
    complete: isWhole({ lists }),
    counts: told.counts,
    lists: Object.fromEntries(lists.map(({ mode, seen }) => [mode, seen])),
    doubt: finding.kind === 'unproven' ? finding.doubt : null,
    candidates: candidatesOf(finding).map((post) => toEntry(post, isCertain(finding))),
    conclusion: told.conclusion,
  };
}

function isCertain(finding: LookFinding): boolean {
  return finding.kind === 'bound' && finding.certain;
}

function candidatesOf(finding: LookFinding): readonly ListedPost[] {
  if (finding.kind === 'bound') return [finding.listed];
  return 'candidates' in finding ? finding.candidates : [];
}

function toEntry({ externalId, url, isPublished }: ListedPost, certain: boolean): CandidateEntry {
  return { external_id: externalId, url, is_published: isPublished, certain };
}

/** What a person is shown. */
export function evidenceOf(finding: LookFinding, at: Date): readonly Evidence[] {
  return candidatesOf(finding).map(({ externalId, url }) => ({
    external_id: externalId,
    url,
    seen_at: at.toISOString(),
  }));
}
