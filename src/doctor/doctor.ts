import { randomBytes } from 'node:crypto';
import { ConflictError, PublishError } from '../errors.ts';
import { readFence } from '../fence/fence.ts';
import { requireFleetsNetwork } from '../fence/fleet.ts';
import { openAccount } from '../integrations/account.ts';
import {
  bookLook,
  budgetKeyOf,
  correctBooking,
  keptForPublishing,
} from '../integrations/booking.ts';
import { callContext, findObstacle, noteFailure } from '../integrations/call.ts';
import { learn, loadConnection } from '../integrations/store.ts';
import type { AccountUsage } from '../providers/account.ts';
import {
  type CapabilityName,
  type CapabilityValue,
  capabilities,
} from '../providers/capabilities.ts';
import type { CallRecord } from '../providers/content.ts';
import type { Services } from '../services.ts';
import {
  type Exam,
  type KeptText,
  remove,
  type SeenTrials,
  type Trials,
  tryAll,
} from './trials.ts';

/** What was found out on a real account; a person may send it to us as it is: it holds no secrets. */
export interface Examination {
  readonly at: string;
  readonly provider: string;
  readonly account: string;
  readonly network: string;
  readonly findings: readonly Finding[];
  /** Of each list how far it was seen, and which of the trials it shows. */
  readonly lists: readonly SeenTrials[];
  readonly texts: readonly KeptText[];
  readonly usage: AccountUsage | null;
  readonly calls: readonly CallRecord[];
  /** What could not be deleted again: a person must. */
  readonly left: readonly string[];
}

interface Finding {
  readonly name: CapabilityName;
  readonly value: CapabilityValue | 'unknown';
  readonly meaning: string;
  /** What was seen, or why nothing was. */
  readonly note: string;
}

/** The trials make about twenty calls; more only where a list has many pages. */
const bookedCalls = 30;

/**
 * Tries on the account what the network's pages leave open, with posts that nobody outside sees, and deletes them again
 * whatever happened. Keeps what it found as capabilities. Throws ConflictError where the account may not be called now.
 */
export async function examine(
  services: Services,
  integrationId: string,
  trials: Trials,
): Promise<Examination> {
  const row = await loadConnection(services.db, integrationId);
  const provider = services.publishers.get(row.provider);
  if (provider === undefined) throw refusal(`Nothing is published to "${row.provider}".`);
  await requireCallable(services, row);
  const limit = provider.callsPerHour;
  const wanted = { budgetKey: budgetKeyOf(row), calls: bookedCalls, limit };
  const booked = await bookLook(services.db, { ...wanted, leaves: keptForPublishing(limit) });
  if (booked === null)
    throw refusal('The account has too few calls left in this hour: try again later.');
  const calls: CallRecord[] = [];
  const context = callContext(services, row, (call) => {
    calls.push(call);
  });
  let usage: AccountUsage | null = null;
  const onUsage = (heard: AccountUsage): void => {
    usage = heard;
    context.onUsage?.(heard);
  };
  const account = openAccount(row, services.vault, services.config);
  const exam = begin({ provider, account, context: { ...context, onUsage }, trials });
  let left: readonly string[] = [];
  try {
    await tryAll(exam);
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    await noteFailure(services, row, error);
  } finally {
    left = await cleanUp(exam);
    await correctBooking(services.db, booked, calls.length);
    await learn(services.db, integrationId, Object.fromEntries(exam.values));
  }
  return {
    at: exam.startedAt.toISOString(),
    provider: provider.name,
    account: row.externalAccountId,
    network: services.config.graph.baseUrl,
    findings: findingsOf(exam),
    lists: exam.lists,
    texts: exam.texts,
    usage,
    calls,
    left,
  };
}

function refusal(text: string): ConflictError {
  return new ConflictError('conflict', text);
}

async function requireCallable(
  services: Services,
  row: Awaited<ReturnType<typeof loadConnection>>,
): Promise<void> {
  if ((await readFence(services)) !== null) {
    throw refusal('The fleet is fenced: run `unfence` first.');
  }
  await requireFleetsNetwork(services);
  const obstacle = await findObstacle(services, row);
  if (obstacle !== null) throw refusal(obstacle.text);
}

function begin(given: Pick<Exam, 'provider' | 'account' | 'context' | 'trials'>): Exam {
  return {
    ...given,
    startedAt: new Date(),
    mark: `trial ${randomBytes(4).toString('hex')}`,
    made: new Map(),
    staged: new Set(),
    values: new Map(),
    notes: new Map(),
    texts: [],
    lists: [],
  };
}

/** Everything, twice if need be; what stays is told. */
async function cleanUp(exam: Exam): Promise<readonly string[]> {
  for (const externalId of exam.made.keys()) {
    if (!(await remove(exam, externalId))) await remove(exam, externalId);
  }
  const { provider, account, context } = exam;
  for (const id of exam.staged) {
    // A photo goes with the last post that shows it.
    await provider.unstage({ account, id }, context).catch((error: unknown) => {
      if (!(error instanceof PublishError)) throw error;
      if (error.record.class !== 'invalid') exam.made.set(id, 'photo');
    });
  }
  return [...exam.made.keys()];
}

function findingsOf({ values, notes }: Exam): readonly Finding[] {
  return capabilities.flatMap(({ name, meaning }) => {
    const [value, note] = [values.get(name) ?? ('unknown' as const), notes.get(name)];
    return note === undefined ? [] : [{ name, value, meaning, note }];
  });
}
