import { z } from 'zod';
import type { CallRecord, StagedMedium } from '../attempts/attempt.ts';
import { keepLeftover, type Leftover, writeDropped } from '../attempts/leftover-store.ts';
import { bookLook, correctBooking } from '../budgets/look-budget.ts';
import { PublishError } from '../errors.ts';
import { readPause } from '../pauses/pauses.ts';
import { mediaItemSchema } from '../posts/post.ts';
import type { PublishRow } from '../posts/publish-row.ts';
import type { Account, CallContext, Look, Publishing } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { openAccount } from './account.ts';
import { callContext, noteFailure } from './health.ts';
import { budgetKeyOf } from './judge.ts';

/** Publishing comes first, and reads before this. */
const keptForOthers = 0.25;
const marginMs = 10 * 60_000;

const stagedMedia = z.array(z.object({ index: z.number(), id: z.string(), at: z.string() }));
const contentShape = z.object({
  message: z.string().nullable(),
  link: z.string().nullable(),
  media: z.array(mediaItemSchema),
});

interface Drop {
  readonly row: PublishRow;
  readonly provider: Publishing;
  readonly account: Account;
  readonly context: CallContext;
  readonly made: CallRecord[];
  readonly leftover: Leftover & { readonly attemptId: string };
}

/**
 * Deletes what is left of an attempt at the provider. Of an attempt that was sent only after a look: should a post
 * with these media be there after all, deleting them would maim it. Resolves with how many are gone.
 */
export async function dropLeftover(
  services: Services,
  row: PublishRow,
  leftover: Drop['leftover'],
): Promise<number> {
  const provider = services.publishers.get(row.provider);
  const isActive = row.integrationStatus === 'active' && row.sealedToken !== null;
  const isHeld = row.heldUntil !== null && row.heldUntil > row.now;
  if (provider === undefined || !isActive || isHeld) return 0;
  if ((await readPause(services, row)) !== null) return 0;

  const staged = stagedMedia.parse(leftover.staged);
  const used = new Set(leftover.used);
  const unused = staged.filter((medium) => !used.has(medium.id));
  const calls = unused.length + (leftover.sentAt === null ? 0 : provider.lookCalls);
  const limit = provider.callsPerHour;
  const wanted = { budgetKey: budgetKeyOf(row), calls, limit, leaves: limit * keptForOthers };
  const booked = await bookLook(services.db, wanted);
  if (booked === null) return 0;
  const made: CallRecord[] = [];
  const context = callContext(services, row, (call) => {
    made.push(call);
  });
  try {
    const account = openAccount(row, services.vault, services.config);
    return await drop(services, { row, provider, account, context, made, leftover }, unused);
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    await noteFailure(services, row, error, row.now);
    return 0;
  } finally {
    await correctBooking(services.db, booked, made.length);
  }
}

async function drop(
  services: Services,
  one: Drop,
  unused: readonly StagedMedium[],
): Promise<number> {
  const look = unused.length > 0 ? await lookBefore(one) : null;
  if (look !== null && !look.complete) return 0;
  if (look?.candidates.some((candidate) => candidate.certain) === true) {
    await keep(services, one, look);
    return 0;
  }
  const { gone, failure } = await unstageAll(one, unused);
  const staged = unused.filter((medium) => !gone.includes(medium));
  const evidence = { dropped_at: one.row.now.toISOString(), staged: gone };
  const { hiddenId, orphans: knownOrphans } = one.leftover;
  await writeDropped(services.db, one.leftover.attemptId, {
    staged,
    hiddenId,
    orphans: [],
    knownOrphans,
    calls: one.made,
    evidence,
  });
  if (failure !== null) throw failure;
  return gone.length;
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

async function lookBefore({ provider, account, context, leftover }: Drop): Promise<Look | null> {
  const { sentAt, mode, scheduledAt } = leftover;
  if (sentAt === null) return null;
  const content = contentShape.parse(leftover.content);
  const staged = stagedMedia.parse(leftover.staged);
  const since = new Date(sentAt.getTime() - marginMs);
  return provider.look({ account, content, mode, staged, scheduledAt, since }, context);
}

async function keep({ db }: Services, { row, leftover, made }: Drop, look: Look): Promise<void> {
  const at = row.now.toISOString();
  const found = look.candidates.map(({ externalId, url, isPublished, certain }) => {
    return { external_id: externalId, url, is_published: isPublished, certain };
  });
  await keepLeftover(db, leftover.attemptId, {
    post: { id: row.id, version: row.version, from: [row.status], to: row.status },
    attention: {
      reason: 'found_earlier_attempt',
      since: at,
      text: `The post is ${row.status}, but a post with its photos is on the page, from an attempt that was taken for absent. Delete it there if it must not be seen.`,
      who: 'author',
      evidence: found.map(({ external_id, url }) => ({ external_id, url, seen_at: at })),
      choices: [],
    },
    calls: made,
    evidence: {
      looked_at: at,
      complete: look.complete,
      counts: false,
      candidates: found,
      conclusion: 'found_leftovers_in_use',
    },
  });
}
