import { setTimeout as delay } from 'node:timers/promises';
import {
  type Finding,
  type MatchContext as MatchScene,
  matchPosts,
  wantedByPlan,
} from '../attempts/match.ts';
import { readBoundIds } from '../attempts/read-store.ts';
import { readContent, stagedIdsOf } from '../attempts/row.ts';
import { appIdOf, isWhole } from '../attempts/search.ts';
import { AppError, PublishError } from '../errors.ts';
import { openAccount } from '../integrations/account.ts';
import { budgetKeyOf, reserveRead } from '../integrations/booking.ts';
import { callContext, findObstacle, noteFailure } from '../integrations/call.ts';
import { requestedMode } from '../posts/post.ts';
import { publishModes } from '../providers/content.ts';
import type { ListedPost, Listing, Publishing } from '../providers/provider.ts';
import type { Services } from '../services.ts';
import { type DiscoveryContext, discover, discoverNothing, type UnknownPost } from './discovery.ts';
import {
  type Discovery,
  readSuspects,
  type SuspectAccount,
  type SuspectRow,
  writeDiscoveries,
} from './suspects-store.ts';
import type { AccountResult } from './view.ts';

export interface AccountLook {
  readonly account: SuspectAccount;
  /** From then on our rows may lack what was sent. */
  readonly since: Date;
  /** Told what is waited for, and null when it goes on; throws to stop. */
  wait(note: string | null): Promise<void>;
}

/** Clocks differ, and a call that was made before may have taken effect after. */
const marginMs = 10 * 60_000;
const batchSize = 200;
const mostTries = 4;

/** Looks once at the account for all of its posts that may have been sent, and writes what it finds. */
export async function settleAccount(services: Services, look: AccountLook): Promise<AccountResult> {
  const { account, since } = look;
  const rows = await readSuspects(services.db, since, account.integrationId);
  const cases = rows.filter(isDue).map(toCase);
  const empty = { bound: 0, absent: 0, ambiguous: 0, unseen: 0, unclaimed: 0, note: null };
  const result: AccountResult = {
    integration_id: account.integrationId,
    account: account.externalAccountId,
    name: account.name,
    posts: cases.length,
    ...empty,
  };
  if (cases.length === 0) return result;
  const provider = services.publishers.get(account.provider);
  if (provider === undefined) return { ...result, absent: cases.length, note: 'no such provider' };
  const scene: DiscoveryContext = {
    provider,
    budgetKey: budgetKeyOf(account),
    since,
    seenAt: new Date(),
  };
  const listing = await list(services, provider, look).catch((error: unknown) =>
    readFailure(services, account, error),
  );
  if ('failure' in listing) {
    const discoveries = cases.flatMap((one) => discoverNothing(one, scene) ?? []);
    await writeAll(services, discoveries);
    return { ...result, unseen: cases.length, note: listing.failure };
  }
  const free = await withoutBound(services, provider.name, listing.posts);
  const clock = { appId: appIdOf(account, services.config), aheadMs: listing.aheadMs ?? 0 };
  return { ...result, ...(await settle(services, cases, free, { ...scene, ...clock, provider })) };
}

async function settle(
  services: Services,
  cases: readonly UnknownPost[],
  listed: readonly ListedPost[],
  scene: DiscoveryContext &
    Pick<MatchScene, 'appId' | 'aheadMs'> & { readonly provider: Publishing },
): Promise<Pick<AccountResult, 'bound' | 'absent' | 'ambiguous' | 'unclaimed'>> {
  const wanted = cases.map(({ suspect }) => wantedByPlan(suspect));
  const { provider: network, appId, aheadMs } = scene;
  const findings = matchPosts(wanted, listed, { network, appId, aheadMs });
  const absent: Finding = { kind: 'absent' };
  const found = cases.map((one) => ({ one, finding: findings.get(one.row.id) ?? absent }));
  const discoveries = found.flatMap(({ one, finding }) => discover(one, finding, scene) ?? []);
  const written = await writeAll(services, discoveries);
  const count = (kind: Finding['kind']) =>
    found.filter(({ finding }) => finding.kind === kind).length;
  const bound = discoveries.filter(
    ({ post, attempt }) => attempt.state === 'confirmed' && written.has(post.id),
  ).length;
  return {
    bound,
    // One that was edited meanwhile is what it is now: its author has seen it.
    absent: count('absent') + count('bound') - bound,
    ambiguous: count('ambiguous'),
    unclaimed: listed.length - bound,
  };
}

async function writeAll(
  { db }: Services,
  discoveries: readonly Discovery[],
): Promise<ReadonlySet<string>> {
  const written = new Set<string>();
  for (let start = 0; start < discoveries.length; start += batchSize) {
    const batch = discoveries.slice(start, start + batchSize);
    for (const id of await writeDiscoveries(db, batch)) written.add(id);
  }
  return written;
}

async function withoutBound(
  { db }: Services,
  provider: string,
  listed: readonly ListedPost[],
): Promise<readonly ListedPost[]> {
  const bound = await readBoundIds(
    db,
    provider,
    listed.map(({ externalId }) => externalId),
  );
  return listed.filter(({ externalId }) => !bound.has(externalId));
}

/** What is published by us at its time cannot have gone out before it. */
function isDue({ publishMode, scheduledAt, status, now }: SuspectRow): boolean {
  const mode = requestedMode({ publishMode, scheduledAt });
  if (status === 'unknown' || mode !== 'publish' || scheduledAt === null) return true;
  return scheduledAt.getTime() <= now.getTime() + marginMs;
}

function toCase(row: SuspectRow): UnknownPost {
  const { id, scheduledAt, approvedAt, lateLimitS, hiddenId } = row;
  const { content } = readContent(row);
  const mediaIds = stagedIdsOf(row.staged);
  const mode = requestedMode(row);
  const known = { mediaIds, hiddenId };
  return { row, suspect: { id, content, mode, scheduledAt, approvedAt, lateLimitS, ...known } };
}

/** Throws a PublishError when the account cannot be read to the end, after having been patient. */
async function list(services: Services, provider: Publishing, look: AccountLook): Promise<Listing> {
  const opened = openAccount(look.account, services.vault, services.config);
  const from = Math.min(look.since.getTime(), look.account.firstSentAt?.getTime() ?? Infinity);
  const request = { account: opened, since: new Date(from - marginMs), modes: publishModes };
  const context = {
    ...callContext(services, look.account, () => undefined),
    beforeRead: () => waitToRead(services, look),
  };
  for (let tries = 1; ; tries += 1) {
    let waitMs = 2_000 * tries;
    try {
      const listing = await provider.list(request, context);
      if (isWhole(listing)) return listing;
      if (tries === mostTries) throw unreadable();
    } catch (error) {
      if (tries === mostTries || !isPassing(error)) throw error;
      waitMs = error.retryAfterMs ?? 5_000;
    }
    await waitFor(look, waitMs, 'the network does not answer completely');
  }
}

function isPassing(error: unknown): error is PublishError {
  if (!(error instanceof PublishError)) return false;
  return ['retry', 'rate_limited', 'not_ready'].includes(error.record.class);
}

/** Waits for what ends soon or by the operator's hand, and for the calls of the next hour. */
async function waitToRead(services: Services, look: AccountLook): Promise<void> {
  for (;;) {
    const obstacle = await findObstacle(services, look.account);
    // The status may be as old as the backup: what the token can do, the call itself shows.
    if (obstacle === null || obstacle.kind === 'person') break;
    if (obstacle.scope === 'tenant' || obstacle.scope === 'integration') {
      // Theirs may stand for weeks: it must not keep everybody else fenced.
      throw new AppError('paused', obstacle.text);
    }
    await waitFor(look, 5_000, obstacle.text);
  }
  const key = budgetKeyOf(look.account);
  const limit = services.publishers.get(look.account.provider)?.callsPerHour ?? 0;
  while (!(await reserveRead(services.db, key, limit))) {
    await waitFor(look, 5_000, 'the calls of this hour are spent');
  }
  await look.wait(null);
}

async function waitFor(look: AccountLook, ms: number, why: string): Promise<void> {
  const until = performance.now() + ms;
  do {
    await look.wait(`account ${look.account.externalAccountId}: ${why}`);
    await delay(Math.max(0, Math.min(5_000, until - performance.now())));
  } while (performance.now() < until);
}

function unreadable(): AppError {
  return new AppError('look_incomplete', 'The account could not be read back far enough.');
}

/** A dead token or a broken account stops its own posts only; whatever else goes wrong stops the work. */
async function readFailure(
  services: Services,
  account: SuspectAccount,
  error: unknown,
): Promise<{ readonly failure: string }> {
  if (error instanceof PublishError) {
    // As after any other call: its posts wait for a person instead of failing one by one.
    await noteFailure(services, account, error);
    return { failure: `${error.record.message} (${error.record.action})`.slice(0, 300) };
  }
  if (!(error instanceof AppError) || error instanceof UnfencingStopped) throw error;
  return { failure: error.message.slice(0, 300) };
}

/** Somebody else has taken the work over, or this process stops. */
export class UnfencingStopped extends AppError {
  override name = 'UnfencingStopped';

  constructor() {
    super('unfencing_stopped', 'Another process has taken the unfencing over.');
  }
}
