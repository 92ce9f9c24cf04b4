import { z } from 'zod';
import { type Finding, matchPosts, type Wanted, wantedByPlan } from '../attempts/search.ts';
import { reserveRead } from '../budgets/reads.ts';
import { AppError, PublishError } from '../errors.ts';
import { requireFleetsNetwork } from '../fence/same-fleet.ts';
import { publishModes, requestedMode } from '../posts/post.ts';
import { readContent } from '../posts/publish-row.ts';
import { readBoundIds } from '../posts/read-back-store.ts';
import type { Account, CallContext, Publishing } from '../providers/provider.ts';
import { openAccount } from '../publishing/account.ts';
import { isShown } from '../publishing/found.ts';
import { callContext, noteFailure } from '../publishing/health.ts';
import { budgetKeyOf } from '../publishing/judge.ts';
import { appIdOf, isWhole } from '../publishing/look.ts';
import { findObstacle } from '../publishing/obstacle.ts';
import type { Services } from '../services.ts';
import type { ReplayPost } from './store.ts';

const marginMs = 10 * 60_000;
/** A dry run is an answer to a person who waits: what it does not look at, the replay itself does. */
const mostAccounts = 50;

/** Of a hidden post that was to be shown: it was read by its id. */
type Read =
  | { readonly kind: 'shown'; readonly externalId: string; readonly url: string | null }
  | { readonly kind: 'hidden' | 'gone'; readonly externalId: string };

export type Sighting = Finding | Read | { readonly kind: 'not_looked'; readonly reason: string };

/** What the accounts show of posts that an attempt was sent for, one reading an account. Writes nothing. */
export async function lookFor(
  services: Services,
  posts: readonly ReplayPost[],
): Promise<ReadonlyMap<string, Sighting>> {
  const sent = posts.filter((post) => post.firstSentAt !== null || post.hidden.length > 0);
  const accounts = [...Map.groupBy(sent, (post) => post.integrationId).values()];
  const sightings = new Map<string, Sighting>();
  for (const [index, own] of accounts.entries()) {
    const seen =
      index < mostAccounts
        ? await lookAtAccount(services, own).catch((error: unknown) => notLooked(own, error))
        : notLooked(own, new AppError('too_many', `more than ${mostAccounts} accounts`));
    for (const [id, sighting] of seen) sightings.set(id, sighting);
  }
  return sightings;
}

function notLooked(posts: readonly ReplayPost[], error: unknown): ReadonlyMap<string, Sighting> {
  if (!(error instanceof AppError)) throw error;
  const { message: reason } = error;
  return new Map(posts.map((post) => [post.id, { kind: 'not_looked', reason } as const]));
}

async function lookAtAccount(
  services: Services,
  posts: readonly ReplayPost[],
): Promise<ReadonlyMap<string, Sighting>> {
  const [first] = posts;
  const provider = services.publishers.get(first?.provider ?? '');
  if (first === undefined || provider === undefined) return new Map();
  await requireFleetsNetwork(services);
  const limit = provider.callsPerHour;
  const beforeRead = async () => {
    const obstacle = await findObstacle(services, first);
    if (obstacle !== null) throw new AppError(obstacle.kind, obstacle.text);
    if (await reserveRead(services.db, budgetKeyOf(first), limit)) return;
    throw new AppError('budget', 'the calls of this hour are spent');
  };
  const account = openAccount(first, services.vault, services.config);
  const context = { ...callContext(services, first, () => undefined), beforeRead };
  const look: AccountLook = { services, provider, account, context, first };
  return seeAll(look, posts).catch(async (error: unknown) => {
    if (error instanceof PublishError) await noteFailure(services, first, error, first.now);
    throw error;
  });
}

interface AccountLook {
  readonly services: Services;
  readonly provider: Publishing;
  readonly account: Account;
  readonly context: CallContext;
  readonly first: ReplayPost;
}

/** What was hidden is asked by its id; only what was sent in one step is searched. */
async function seeAll(
  look: AccountLook,
  posts: readonly ReplayPost[],
): Promise<ReadonlyMap<string, Sighting>> {
  const searched = posts.filter((post) => post.firstSentAt !== null);
  const seen = new Map<string, Sighting>(searched.length > 0 ? await search(look, searched) : []);
  for (const post of posts) {
    for (const externalId of post.hidden) {
      const read = await readHidden(look, post, externalId);
      if (read.kind === 'shown' || !seen.has(post.id)) seen.set(post.id, read);
    }
  }
  return seen;
}

async function readHidden(
  { provider, account, context }: AccountLook,
  post: ReplayPost,
  externalId: string,
): Promise<Read> {
  await context.beforeRead?.();
  const found = await provider.read({ account, externalId }, context);
  if (found === null) return { kind: 'gone', externalId };
  if (!isShown(found, requestedMode(post), post)) return { kind: 'hidden', externalId };
  return { kind: 'shown', externalId, url: found.permalink };
}

async function search(
  { services, provider, account, context, first }: AccountLook,
  posts: readonly ReplayPost[],
): Promise<ReadonlyMap<string, Finding>> {
  const from = Math.min(...posts.map((post) => post.firstSentAt?.getTime() ?? Infinity));
  const request = { account, since: new Date(from - marginMs), modes: publishModes };
  const listing = await provider.list(request, context);
  if (!isWhole(listing)) throw new AppError('look_incomplete', 'the account did not answer whole');
  const ids = listing.posts.map((post) => post.externalId);
  const bound = await readBoundIds(services.db, provider.name, ids);
  const free = listing.posts.filter((post) => !bound.has(post.externalId));
  return matchPosts(posts.map(toWanted), free, {
    network: provider,
    appId: appIdOf(first, services.config),
    aheadMs: listing.aheadMs ?? 0,
  });
}

const stagedMedia = z
  .array(z.looseObject({ id: z.string() }))
  .nullable()
  .transform((media) => media ?? []);

function toWanted(post: ReplayPost): Wanted {
  const { id, scheduledAt, approvedAt, lateLimitS } = post;
  const mediaIds = stagedMedia.parse(post.staged).map((medium) => medium.id);
  const { content } = readContent(post);
  const mode = requestedMode(post);
  return wantedByPlan({ id, content, mode, scheduledAt, approvedAt, lateLimitS, mediaIds });
}
