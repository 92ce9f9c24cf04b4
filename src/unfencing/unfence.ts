import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { ConflictError, InvalidRequestError } from '../errors.ts';
import { forgetFence, readIdentity, selfOf } from '../fence/fence.ts';
import type { Identity } from '../fence/fleet-store.ts';
import {
  claimUnfencing,
  closeFence,
  type InstanceRow,
  openFence,
  readInstance,
  saveProgress,
} from '../fence/store.ts';
import type { Services } from '../services.ts';
import { type AccountLook, settleAccount, UnfencingStopped } from './account-look.ts';
import { listSuspectAccounts, type SuspectAccount } from './suspects-store.ts';
import { addResult, parseUnfencing, type Unfencing } from './view.ts';

export interface UnfenceRequest {
  /** The moment of the backup, or the last one of which everything is known. */
  readonly since: Date;
  /** Who asked, for the record. */
  readonly by: string;
}

const accountsAtOnce = 4;
const saveEveryMs = 1_000;

export interface StartedUnfencing {
  /** Settles when the fence is open, or the work has failed and is told so in the row. */
  readonly finished: Promise<void>;
}

/**
 * Begins to look for everything that may have been sent since, account by account, and opens the fence when all of
 * it is done. Safe to run again after it was interrupted. Throws ConflictError while another one runs, and when this
 * process talks to another network than the fleet does.
 */
export async function startUnfencing(
  services: Services,
  request: UnfenceRequest,
): Promise<StartedUnfencing> {
  const row = await readInstance(services.db);
  if (request.since > row.now) throw fromTheFuture();
  const identity = identityAfter(row, await readIdentity(services));
  const run = new UnfencingRun(services, request, row.now);
  if (!(await claimUnfencing(services.db, run.id, run.progress))) throw runsAlready(row);
  return { finished: run.work(row, identity) };
}

/** By hand, when the program cannot know: a disk was rolled back, a backup is about to be used. */
export async function fenceByHand(services: Services, reason: string): Promise<void> {
  const { known } = await readInstance(services.db);
  await closeFence(services.db, reason, { ...selfOf(services), ...known });
  forgetFence(services.db);
  services.log.error({ reason }, 'fenced by hand: nothing is sent until `unfence`');
}

/**
 * The installation as it will be known: what this process sees of the database, at the place where this process is.
 * That has to be the place that was known (whoever fenced had strayed) or the one of whoever fenced (the fleet has
 * moved); throws when it is neither, as the looks would go to another network than the fleet's posts.
 */
function identityAfter({ seen, known }: InstanceRow, present: Identity): Identity {
  const hosts = [known.graphHost, seen?.graphHost].filter((host) => typeof host === 'string');
  if (hosts.length > 0 && !hosts.includes(present.graphHost ?? '')) {
    throw new ConflictError(
      'conflict',
      `The fleet talks to ${[...new Set(hosts)].join(' or ')}, this process to ${present.graphHost}: set GRAPH_BASE_URL as the fleet has it.`,
    );
  }
  return { ...present, publicUrl: present.publicUrl ?? publicUrlAfter({ seen, known }, present) };
}

/** Of a command, which need not know PUBLIC_URL. */
function publicUrlAfter(
  { seen, known }: Pick<InstanceRow, 'seen' | 'known'>,
  { graphHost }: Identity,
): string | null {
  const hasStrayed = graphHost === known.graphHost && graphHost !== seen?.graphHost;
  return hasStrayed ? known.publicUrl : (seen?.publicUrl ?? known.publicUrl);
}

function fromTheFuture(): InvalidRequestError {
  const problem = { path: 'since', message: 'lies in the future', rule: 'since_past' };
  return new InvalidRequestError(422, 'invalid', 'since: lies in the future.', [problem]);
}

function runsAlready({ fencedAt, unfencing }: InstanceRow): ConflictError {
  if (fencedAt === null) return new ConflictError('conflict', 'Nothing is fenced.');
  const by = parseUnfencing(unfencing)?.by ?? 'somebody';
  return new ConflictError('conflict', `It is being unfenced already, by ${by}.`);
}

class UnfencingRun {
  readonly id = randomUUID();
  progress: Unfencing;
  readonly #services: Services;
  readonly #since: Date;
  #savedAt = -Infinity;

  constructor(services: Services, { since, by }: UnfenceRequest, now: Date) {
    this.#services = services;
    this.#since = since;
    this.progress = {
      state: 'running',
      since: since.toISOString(),
      by,
      started_at: now.toISOString(),
      updated_at: now.toISOString(),
      accounts: 0,
      accounts_done: 0,
      posts: 0,
      bound: 0,
      absent: 0,
      ambiguous: 0,
      unseen: 0,
      unclaimed: 0,
      note: null,
      results: [],
    };
  }

  async work(row: InstanceRow, identity: Identity): Promise<void> {
    const { db, log } = this.#services;
    try {
      await this.#letCallsEnd(row);
      await this.#settleAccounts();
      this.#change({ state: 'done', note: null });
      if (!(await openFence(db, this.id, identity, this.progress))) throw new UnfencingStopped();
      forgetFence(db);
      const { results: _results, ...facts } = this.progress;
      log.info({ unfencing: facts }, 'unfenced: posts are sent again');
    } catch (error) {
      log.error({ err: error }, 'unfencing failed; it stays fenced, run it again');
      const note = error instanceof Error ? error.message.slice(0, 300) : 'It failed.';
      this.#change({ state: 'failed', note });
      await saveProgress(db, this.id, this.progress).catch(() => undefined);
    }
  }

  /** A call that was under way when the database changed may show a little later. */
  async #letCallsEnd({ fencedAt, now }: InstanceRow): Promise<void> {
    const { intervalMs } = this.#services.config.reconcile;
    const sinceMs = now.getTime() - (fencedAt ?? now).getTime();
    const until = performance.now() + intervalMs - sinceMs;
    while (performance.now() < until) {
      await this.#note('waiting for calls that were under way when it was fenced');
      await delay(Math.min(saveEveryMs, Math.max(1, until - performance.now())));
    }
  }

  async #settleAccounts(): Promise<void> {
    const accounts = await listSuspectAccounts(this.#services.db, this.#since);
    this.#change({ accounts: accounts.length, note: null });
    const open = [...accounts];
    const lanes = Array.from({ length: accountsAtOnce }, async () => {
      for (let account = open.shift(); account !== undefined; account = open.shift()) {
        await this.#settleOne(account);
      }
    });
    const ends = await Promise.allSettled(lanes);
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #settleOne(account: SuspectAccount): Promise<void> {
    const look: AccountLook = { account, since: this.#since, wait: (note) => this.#note(note) };
    const result = await settleAccount(this.#services, look);
    if (result.posts > 0) this.#services.log.info({ unfencing: result }, 'account looked at');
    this.progress = addResult(this.progress, result);
    await this.#save();
  }

  async #note(note: string | null): Promise<void> {
    this.#change({ note });
    await this.#save();
  }

  #change(change: Partial<Unfencing>): void {
    this.progress = { ...this.progress, ...change };
  }

  async #save(): Promise<void> {
    const now = performance.now();
    if (now - this.#savedAt < saveEveryMs) return;
    this.#savedAt = now;
    this.#change({ updated_at: new Date().toISOString() });
    if (!(await saveProgress(this.#services.db, this.id, this.progress))) {
      throw new UnfencingStopped();
    }
  }
}
