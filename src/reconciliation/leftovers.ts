import { z } from 'zod';
import type { EvidenceEntry } from '../attempts/attempt.ts';
import {
  isCreating,
  keepLeftover,
  type Leftover,
  readOwnIds,
  writeDropped,
} from '../attempts/leftover-store.ts';
import { readBoundIds } from '../attempts/read-store.ts';
import type { PublishRow } from '../attempts/row.ts';
import {
  appIdOf,
  evidenceOf,
  isWhole,
  type Looked,
  lookEntry,
  lookFor,
} from '../attempts/search.ts';
import { PublishError } from '../errors.ts';
import { budgetKeyOf } from '../integrations/booking.ts';
import { type CallPlan, withAccount } from '../integrations/call.ts';
import type { Evidence } from '../posts/post.ts';
import type { Account, CallContext } from '../providers/account.ts';
import {
  type CallRecord,
  contentSchema,
  type StagedMedium,
  stagedMediaSchema,
} from '../providers/content.ts';
import type { Publishing } from '../providers/provider.ts';
import type { Services } from '../services.ts';

/** What a lost answer may have left hidden. */
const orphanSchema = z.object({
  /** Of the hidden post; null: only its photos and moments are known. */
  id: z.string().nullable(),
  media: stagedMediaSchema,
  /** The call's own moments; absent of photos that are in no post. */
  from: z.coerce.date().optional(),
  until: z.coerce.date().optional(),
  /** It could not be told, or not be deleted: it is counted, and left where it is. */
  kept: z.string().optional(),
});
type Orphan = z.output<typeof orphanSchema>;

interface Drop {
  readonly row: PublishRow;
  readonly provider: Publishing;
  readonly account: Account;
  readonly context: CallContext;
  readonly made: CallRecord[];
  readonly leftover: Leftover & { readonly attemptId: string };
}

/** What nothing will use any more: photos, a hidden post that was discarded, and what lost answers may have made. */
interface Remains {
  readonly media: readonly StagedMedium[];
  readonly hiddenId: string | null;
  readonly orphans: readonly Orphan[];
}

/**
 * Deletes what is left of an attempt at the provider. A hidden post is read before: one that people see is never
 * deleted. The photos of an attempt that was sent go only after a look: should a post with them be there after all,
 * deleting them would maim it. Resolves with how many objects are gone.
 */
export async function dropLeftover(
  services: Services,
  post: PublishRow,
  leftover: Drop['leftover'],
): Promise<number> {
  const row = { ...post, ...leftover.account };
  const provider = services.publishers.get(row.provider);
  if (provider === undefined) return 0;
  const remains = remainsOf(leftover);
  const made: CallRecord[] = [];
  const plan: CallPlan = {
    calls: callsFor(remains, leftover, provider),
    priority: 'idle',
    onCall: (call) => void made.push(call),
  };
  const outcome = await withAccount(services, row, plan, (account, context) =>
    drop(services, { row, provider, account, context, made, leftover }, remains),
  );
  return outcome.kind === 'done' ? outcome.value : 0;
}

/** Of an attempt that is alive only what its lost answers may have left. */
function remainsOf(leftover: Leftover): Remains {
  const orphans = z.array(orphanSchema).parse(leftover.orphans);
  const isOver = leftover.state === 'rejected' || leftover.state === 'abandoned';
  if (!isOver) return { media: [], hiddenId: null, orphans };
  const used = new Set(leftover.used);
  const media = stagedMediaSchema.parse(leftover.staged).filter(({ id }) => !used.has(id));
  return { media, hiddenId: leftover.hiddenId, orphans };
}

function callsFor(
  { media, hiddenId, orphans }: Remains,
  { sentAt }: Leftover,
  { lookCalls }: Publishing,
): number {
  const ofOrphans = orphans.map((orphan) => 2 + orphan.media.length * 2);
  const hidden = hiddenId === null ? 0 : 2;
  const look = sentAt === null || media.length === 0 ? 0 : lookCalls;
  return media.length + hidden + look + ofOrphans.reduce((sum, calls) => sum + calls, 0);
}

async function drop(services: Services, one: Drop, remains: Remains): Promise<number> {
  const { leftover } = one;
  const hidden = await dropHidden(services, one, remains.hiddenId);
  const orphans = await dropOrphans(services, one, remains.orphans);
  const isFree =
    hidden === 'gone' && (leftover.hiddenId !== null || (await isUnused(services, one, remains)));
  const { gone, failure } = isFree ? await unstageAll(one, remains.media) : nothing;
  const evidence = {
    dropped_at: one.row.now.toISOString(),
    staged: gone,
    hidden: [...(hidden === 'gone' && remains.hiddenId ? [remains.hiddenId] : []), ...orphans.gone],
  };
  await writeDropped(services.db, leftover.attemptId, {
    staged: hidden === 'bound' ? [] : remains.media.filter((medium) => !gone.includes(medium)),
    isGone: hidden !== 'public',
    orphans: orphans.left,
    knownOrphans: leftover.orphans,
    calls: one.made,
    evidence,
  });
  if (failure !== null) throw failure;
  return evidence.hidden.length + gone.length;
}

const nothing = { gone: [], failure: null } as const;

/** Photos of an attempt that was sent in one step. What is not proven absent is left alone. */
async function isUnused(services: Services, one: Drop, { media }: Remains): Promise<boolean> {
  const looked = media.length > 0 ? await lookBefore(services, one) : null;
  if (looked?.finding.kind === 'bound') {
    await keep(services, one, seenIn(looked, one.row.now));
    return false;
  }
  return looked === null || looked.finding.kind === 'absent';
}

/**
 * `bound`: found some other way, say after a backup was restored, it is a post of our rows. `public` by whomever else:
 * a person is told. Nothing of either is touched.
 */
async function dropHidden(
  services: Services,
  one: Drop,
  externalId: string | null,
): Promise<'gone' | 'bound' | 'public'> {
  if (externalId === null) return 'gone';
  const bound = await readBoundIds(services.db, one.row.provider, [externalId]);
  if (bound.has(externalId)) return 'bound';
  const { provider, account, context, row } = one;
  const post = await provider.read({ account, externalId }, context);
  if (post?.isPublished === true) {
    const at = row.now.toISOString();
    const { permalink: url } = post;
    await keep(services, one, {
      evidence: [{ external_id: externalId, url, seen_at: at }],
      entry: {
        looked_at: at,
        complete: true,
        counts: false,
        candidates: [{ external_id: externalId, url, is_published: true, certain: true }],
        conclusion: 'found_leftovers_in_use',
      },
    });
    return 'public';
  }
  if (post !== null) await provider.delete({ account, externalId }, context);
  return 'gone';
}

async function dropOrphans(
  services: Services,
  one: Drop,
  orphans: readonly Orphan[],
): Promise<{ readonly left: readonly Orphan[]; readonly gone: readonly string[] }> {
  const left: Orphan[] = [];
  const gone: string[] = [];
  for (const orphan of orphans) {
    const found = orphan.kept === undefined ? await dropOrphan(services, one, orphan) : orphan;
    if (typeof found === 'object') left.push(found);
    else if (found !== '') gone.push(found);
  }
  return { left, gone };
}

/** The id of what was deleted, '' where there was nothing; or what is left of it. */
async function dropOrphan(services: Services, one: Drop, orphan: Orphan): Promise<string | Orphan> {
  const id = orphan.id ?? (await findOrphan(services, one, orphan));
  if (typeof id === 'object' && id !== null) {
    return id.doubt === null ? orphan : { ...orphan, kept: id.doubt };
  }
  const hidden = await dropHidden(services, one, id);
  if (hidden === 'public') return { ...orphan, kept: hidden };
  if (hidden === 'bound') return '';
  const { failure } = await unstageAll(one, orphan.media);
  if (failure !== null) throw failure;
  return id ?? '';
}

interface Doubt {
  /** Null: an answer was missing, and it is asked for again later. */
  readonly doubt: string | null;
}

/**
 * The hidden post of a call whose answer was lost: by its photos, which nothing else has; else what our app made in the
 * very moments of that call, hidden and with this text, if it is the only one. Null: there is none.
 */
async function findOrphan(
  services: Services,
  one: Drop,
  { media, from, until }: Orphan,
): Promise<string | Doubt | null> {
  const { provider, account, context, row, leftover } = one;
  for (const { id: mediumId } of media) {
    const id = await provider.postOfMedium({ account, mediumId }, context);
    if (id !== null) return id;
  }
  if (from === undefined || until === undefined) return null;
  // Meta's times are whole seconds, by its own clock.
  const since = new Date(from.getTime() - slackMs);
  const listing = await provider.list({ account, since, modes: ['draft'] }, context);
  const appId = appIdOf(row, services.config);
  const isText = textTest(provider, contentSchema.parse(leftover.content).message);
  const candidates = listing.posts.filter(
    (post) =>
      !post.isPublished &&
      post.scheduledAt === null &&
      (post.appId === null || post.appId === appId) &&
      isWithin(post.createdAt, { from, until }) &&
      isText(post.message),
  );
  // One that is being made has no known id yet; asked before the ids, so that none falls between.
  const isUnread = listing.lists.some(({ seen }) => seen === 'failed');
  if (isUnread || (await isCreating(services.db, budgetKeyOf(row)))) return { doubt: null };
  const ids = candidates.map(({ externalId }) => externalId);
  const known = await readOwnIds(services.db, row.provider, ids);
  const [only, ...more] = candidates.filter(({ externalId }) => !known.has(externalId));
  if (only === undefined) return isWhole(listing) ? null : { doubt: 'lists_incomplete' };
  const isOurs = more.length === 0 && appId !== null && only.appId === appId;
  return isOurs ? only.externalId : { doubt: more.length > 0 ? 'several' : 'app_unknown' };
}

/** As it was sent, or as the network may have rewritten it. */
function textTest(provider: Publishing, sent: string | null): (shown: string | null) => boolean {
  const [key, skeleton] = [provider.textKeyOf(sent), provider.skeletonOf(sent)];
  return (shown) =>
    provider.textKeyOf(shown) === key ||
    (skeleton !== '' && provider.skeletonOf(shown) === skeleton);
}

/** Clocks differ, and an effect can come late. */
const slackMs = 120_000;

function isWithin(at: Date | null, { from, until }: { from: Date; until: Date }): boolean {
  if (at === null) return false;
  return at.getTime() >= from.getTime() - slackMs && at.getTime() <= until.getTime() + slackMs;
}

async function unstageAll(
  { provider, account, context }: Drop,
  media: readonly StagedMedium[],
): Promise<{ readonly gone: readonly StagedMedium[]; readonly failure: PublishError | null }> {
  const gone: StagedMedium[] = [];
  for (const medium of media) {
    try {
      await provider.unstage({ account, id: medium.id }, context);
    } catch (error) {
      if (!(error instanceof PublishError)) throw error;
      // What is refused for good is not asked for again.
      if (!refusals.has(error.record.class)) return { gone, failure: error };
    }
    gone.push(medium);
  }
  return { gone, failure: null };
}

/** A missing permission for deleting photos says nothing about publishing. */
const refusals: ReadonlySet<string> = new Set(['invalid', 'permission', 'duplicate']);

async function lookBefore(services: Services, one: Drop): Promise<Looked | null> {
  const { row, provider, account, context, leftover } = one;
  const { sentAt, mode, scheduledAt, attemptId } = leftover;
  if (sentAt === null) return null;
  const content = contentSchema.parse(leftover.content);
  const staged = stagedMediaSchema.parse(leftover.staged);
  const sent = { content, mode, staged, scheduledAt };
  return lookFor(services, { row, provider, account, attemptId, sent }, context);
}

interface Seen {
  readonly evidence: readonly Evidence[];
  readonly entry: EvidenceEntry;
}

function seenIn(looked: Looked, at: Date): Seen {
  const told = { counts: false, conclusion: 'found_leftovers_in_use' };
  return { evidence: evidenceOf(looked.finding, at), entry: lookEntry(looked, at, told) };
}

async function keep(
  { db }: Services,
  { row, leftover, made }: Drop,
  { evidence, entry }: Seen,
): Promise<void> {
  await keepLeftover(db, leftover.attemptId, {
    post: { id: row.id, version: row.version, from: [row.status], to: row.status },
    attention: {
      reason: 'found_earlier_attempt',
      since: row.now.toISOString(),
      text: `The post is ${row.status}, but what an earlier attempt made of it is on the page. Delete it there if it must not be seen.`,
      who: 'author',
      evidence,
      choices: [],
    },
    calls: made,
    evidence: entry,
  });
}
