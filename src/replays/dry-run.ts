import { type Finding, matchPosts, type Wanted, wantedByPlan } from '../attempts/match.ts';
import { readBoundIds } from '../attempts/read-store.ts';
import { readContent, stagedIdsOf } from '../attempts/row.ts';
import { appIdOf, isWhole } from '../attempts/search.ts';
import { actOnPosts } from '../authoring/action-store.ts';
import type { PostOutcome } from '../authoring/scope.ts';
import { AppError, type FieldProblem, InvalidRequestError, PublishError } from '../errors.ts';
import { requireFleetsNetwork } from '../fence/fleet.ts';
import { openAccount } from '../integrations/account.ts';
import { budgetKeyOf, reserveRead } from '../integrations/booking.ts';
import { callContext, findObstacle, noteFailure } from '../integrations/call.ts';
import { callsOf, decide, isHiddenFirst } from '../posts/plan.ts';
import { requestedMode } from '../posts/post.ts';
import type { Account, CallContext } from '../providers/account.ts';
import { type PublishMode, publishModes } from '../providers/content.ts';
import type { ListedPost, PreviewedCall, Publishing } from '../providers/provider.ts';
import { isShown } from '../publishing/settlements.ts';
import type { Services } from '../services.ts';
import { choosePosts, mostPosts, offsetsMs, type ReplayPlan, type ReplayPost } from './store.ts';

/** What a replay would do with one post. */
export interface Forecast {
  readonly post_id: string;
  readonly tenant_id: string;
  readonly integration_id: string;
  readonly version: number;
  readonly status: string;
  readonly error_class: string | null;
  /** `send`; `reconcile`: looked for first, never forced; `live`: a look binds it; `refused`: by the rules. */
  readonly verdict: 'send' | 'reconcile' | 'live' | 'refused';
  readonly problems: readonly FieldProblem[];
  readonly reason: string | null;
  /** When it would be acted on. */
  readonly run_at: string;
  /** Its due time then; null means at once. */
  readonly due_at: string | null;
  readonly mode: PublishMode;
  readonly calls: number;
  readonly requests: readonly PreviewedCall[];
  readonly seen: {
    readonly kind: Sighting['kind'] | 'not_needed';
    readonly text: string;
    readonly links: readonly { readonly external_id: string; readonly url: string | null }[];
  };
}

/** Throws InvalidRequestError when the filter chooses more than one replay may hold. */
export async function choose(services: Services, plan: ReplayPlan): Promise<readonly ReplayPost[]> {
  const posts = await choosePosts(services.db, plan.filter);
  if (posts.length <= mostPosts) return posts;
  const message = `chooses more than ${mostPosts} posts: narrow it`;
  throw new InvalidRequestError(422, 'invalid', `filter: ${message}.`, [
    { path: 'filter', message, rule: 'replay_size' },
  ]);
}

/** Nothing is written, and nothing but reads go to the network. */
export async function forecast(
  services: Services,
  plan: ReplayPlan,
  posts: readonly ReplayPost[],
): Promise<readonly Forecast[]> {
  const [verdicts, sightings] = await Promise.all([
    judgeAll(services, plan, posts),
    lookFor(services, posts),
  ]);
  const offsets = offsetsMs(posts.length, plan.spreadS);
  return posts.map((post, index) => {
    const offsetMs = offsets[index] ?? 0;
    const at = {
      runAt: new Date(post.now.getTime() + offsetMs),
      dueAt: dueTimeOf(plan, post, offsetMs),
    };
    const provider = services.publishers.get(post.provider);
    const given = { outcome: verdicts.get(post.id), sighting: sightings.get(post.id) };
    return describe(post, provider, { ...at, ...given });
  });
}

async function judgeAll(
  services: Services,
  plan: ReplayPlan,
  posts: readonly ReplayPost[],
): Promise<ReadonlyMap<string, PostOutcome>> {
  const outcomes = new Map<string, PostOutcome>();
  const scheduledAt = plan.scheduledAt?.toISOString();
  for (const [tenantId, own] of Map.groupBy(posts, (post) => post.tenantId)) {
    const items = own.map(({ id, version }) => ({ id, version, scheduledAt }));
    const judged = await actOnPosts(services, tenantId, { action: 'retry', items, dryRun: true });
    for (const [index, outcome] of judged.entries()) outcomes.set(own[index]?.id ?? '', outcome);
  }
  return outcomes;
}

/** As a retry has it: a time that has gone by means now. */
function dueTimeOf({ scheduledAt }: ReplayPlan, post: ReplayPost, offsetMs: number): Date | null {
  if (scheduledAt !== null) return new Date(scheduledAt.getTime() + offsetMs);
  if (post.scheduledAt === null || post.scheduledAt > post.now) return post.scheduledAt;
  const lateMs = post.now.getTime() - post.scheduledAt.getTime();
  const isTooLate = lateMs > (post.status === 'missed' ? 0 : post.lateLimitS * 1000);
  return isTooLate ? post.now : post.scheduledAt;
}

interface Outlook {
  readonly runAt: Date;
  readonly dueAt: Date | null;
  readonly outcome: PostOutcome | undefined;
  readonly sighting: Sighting | undefined;
}

function describe(post: ReplayPost, provider: Publishing | undefined, outlook: Outlook): Forecast {
  const { content, problem } = readContent(post);
  const mode = modeOf(post, provider, outlook.dueAt);
  const isDescribable = provider !== undefined && problem === null;
  const looks = (post.firstSentAt === null ? 0 : (provider?.lookCalls ?? 0)) + post.hidden.length;
  const scheduledAt = mode === 'schedule' ? outlook.dueAt : null;
  const inTwoSteps = provider !== undefined && isHiddenFirst(provider, mode, post);
  const { externalAccountId } = post;
  return {
    post_id: post.id,
    tenant_id: post.tenantId,
    integration_id: post.integrationId,
    version: post.version,
    status: post.status,
    error_class: post.errorClass,
    ...verdictOf(post, outlook),
    run_at: outlook.runAt.toISOString(),
    due_at: outlook.dueAt?.toISOString() ?? null,
    mode,
    calls: isDescribable
      ? callsOf(provider, content, { mode, capabilities: post.capabilities }) + looks
      : 0,
    requests: isDescribable
      ? provider.preview({
          externalAccountId,
          content,
          mode,
          scheduledAt,
          inTwoSteps,
        })
      : [],
    seen: tellSighting(outlook.sighting),
  };
}

function verdictOf(
  post: ReplayPost,
  { outcome, sighting }: Outlook,
): Pick<Forecast, 'verdict' | 'problems' | 'reason'> {
  if (sighting?.kind === 'bound' || sighting?.kind === 'shown') {
    const reason = 'it is live already: nothing is sent, it is bound to it';
    return { verdict: 'live', problems: [], reason };
  }
  if (post.status === 'unknown') {
    const reason =
      post.hidden.length > 0
        ? 'its outcome is unknown: its hidden post is read by its id, and shown if it is hidden still'
        : 'its outcome is unknown: it is looked for, and sent only when proven absent';
    return { verdict: 'reconcile', problems: [], reason };
  }
  if (outcome?.error !== null && outcome?.error !== undefined) {
    const problems = outcome.error instanceof InvalidRequestError ? outcome.error.errors : [];
    return { verdict: 'refused', problems, reason: outcome.error.message };
  }
  const reason =
    post.integrationStatus === 'active'
      ? null
      : `its integration is ${post.integrationStatus}: it waits until that is active again`;
  return { verdict: 'send', problems: [], reason };
}

function modeOf(
  post: ReplayPost,
  provider: Publishing | undefined,
  dueAt: Date | null,
): PublishMode {
  const decision = decide({
    ...post,
    scheduledAt: dueAt,
    approvedAt: post.now,
    window: provider?.handoverWindow ?? null,
    isTooNear: false,
    ahead: null,
  });
  return decision.kind === 'missed'
    ? requestedMode({ ...post, scheduledAt: dueAt })
    : decision.mode;
}

function tellSighting(sighting: Sighting | undefined): Forecast['seen'] {
  switch (sighting?.kind) {
    case undefined:
      return { kind: 'not_needed', text: 'nothing of it was ever sent', links: [] };
    case 'bound':
      return { kind: 'bound', text: 'it is there', links: linksOf([sighting.listed]) };
    case 'shown': {
      const { externalId: external_id, url } = sighting;
      return { kind: 'bound', text: 'it is there', links: [{ external_id, url }] };
    }
    case 'hidden':
      return { kind: 'absent', text: 'it is hidden on the network: nobody sees it', links: [] };
    case 'gone':
      return { kind: 'ambiguous', text: goneText, links: [] };
    case 'unclear':
    case 'ambiguous':
      return {
        kind: 'ambiguous',
        text: 'one of these may be it',
        links: linksOf(sighting.candidates),
      };
    case 'absent':
      return { kind: 'absent', text: 'the account does not show it', links: [] };
    case 'not_looked':
      return { kind: 'not_looked', text: `not looked for: ${sighting.reason}`, links: [] };
  }
}

const goneText =
  'its hidden post is not there any more: somebody may have deleted it, before or after it was seen';

function linksOf(posts: readonly ListedPost[]): Forecast['seen']['links'] {
  return posts.map(({ externalId, url }) => ({ external_id: externalId, url }));
}

const marginMs = 10 * 60_000;
/** A dry run is an answer to a person who waits: what it does not look at, the replay itself does. */
const mostAccounts = 50;

/** Of a hidden post that was to be shown: it was read by its id. */
type Read =
  | { readonly kind: 'shown'; readonly externalId: string; readonly url: string | null }
  | { readonly kind: 'hidden' | 'gone'; readonly externalId: string };

type Sighting = Finding | Read | { readonly kind: 'not_looked'; readonly reason: string };

/** What the accounts show of posts that an attempt was sent for, one reading an account. Writes nothing. */
async function lookFor(
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

function toWanted(post: ReplayPost): Wanted {
  const { id, scheduledAt, approvedAt, lateLimitS } = post;
  const mediaIds = stagedIdsOf(post.staged);
  const { content } = readContent(post);
  const mode = requestedMode(post);
  return wantedByPlan({ id, content, mode, scheduledAt, approvedAt, lateLimitS, mediaIds });
}
