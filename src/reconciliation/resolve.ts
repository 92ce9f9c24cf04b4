import { type AnswerEntry, summarizeEvidence } from '../attempts/attempt.ts';
import { readBoundIds, readPublishRows } from '../attempts/read-store.ts';
import type { PublishRow } from '../attempts/row.ts';
import { isUniqueViolation } from '../attempts/settle-store.ts';
import { getPost } from '../authoring/read-store.ts';
import { busy, versionMismatch } from '../authoring/scope.ts';
import { ConflictError, InvalidRequestError, ownFailure, PublishError } from '../errors.ts';
import { requireFleetsNetwork } from '../fence/fleet.ts';
import { withAccount } from '../integrations/call.ts';
import type { PostRow } from '../posts/row.ts';
import type { PostChange } from '../posts/store.ts';
import type { PublishMode } from '../providers/content.ts';
import type { Publishing } from '../providers/provider.ts';
import { decideRow } from '../publishing/judge.ts';
import { foundAt } from '../publishing/settlements.ts';
import type { Services } from '../services.ts';
import {
  changeUnknown,
  firstRecheckMs,
  loadUnknown,
  resolveHeld,
  type UnknownAttempt,
  type UnknownChange,
  wasAnsweredAbsent,
} from './store.ts';

/** A person has looked on the network. */
export type PersonsAnswer =
  | { readonly outcome: 'live'; readonly externalId: string }
  | { readonly outcome: 'absent' };

const mostRounds = 3;

/**
 * Writes what a person found out about an unknown post, or about one that a look found otherwise than it should be.
 * Again with the same answer: the post as it is. Throws NotFoundError, ConflictError (409, or 412 for a version),
 * InvalidRequestError (422), and PublishError where the network could not be asked whether it has the post.
 */
export async function resolvePost(
  services: Services,
  tenantId: string,
  wish: {
    readonly id: string;
    readonly version: number | undefined;
    readonly answer: PersonsAnswer;
  },
): Promise<PostRow> {
  for (let round = 1; round <= mostRounds; round += 1) {
    const post = await getPost(services.db, tenantId, wish.id);
    if (wish.version !== undefined && wish.version !== post.version) throw versionMismatch(post);
    const unknown = await loadUnknown(services.db, post.id);
    if (unknown === null) {
      const answered = await resolveHeld(services.db, post, wish.answer);
      if (answered === null) return holdsAlready(services, post, wish.answer);
      if (answered) return getPost(services.db, tenantId, wish.id);
      continue;
    }
    const row = (await readPublishRows(services.db, [post.id])).get(post.id);
    if (row === undefined) continue;
    if (await write(services, row, unknown, wish.answer)) {
      return getPost(services.db, tenantId, wish.id);
    }
  }
  throw busy(wish.id);
}

async function holdsAlready(
  { db }: Services,
  post: PostRow,
  answer: PersonsAnswer,
): Promise<PostRow> {
  const holds =
    answer.outcome === 'live'
      ? post.external_id === answer.externalId
      : await wasAnsweredAbsent(db, post.id);
  if (holds) return post;
  const text = `the post is ${post.status}: only what its attention asks is resolved`;
  throw new ConflictError('conflict', text);
}

async function write(
  services: Services,
  row: PublishRow,
  unknown: UnknownAttempt,
  answer: PersonsAnswer,
): Promise<boolean> {
  const end =
    answer.outcome === 'live'
      ? await endLive(services, row, { ...answer, mode: unknown.mode })
      : endAbsent(services, row, unknown);
  const evidence: AnswerEntry = {
    answered_at: row.now.toISOString(),
    answer: answer.outcome,
    external_id: end.externalId,
    dismissed: answer.outcome === 'absent' ? summarizeEvidence(unknown.evidence).candidateIds : [],
  };
  try {
    return await changeUnknown(services.db, {
      attemptId: unknown.id,
      looksBefore: null,
      looks: unknown.looks,
      lookInMs: null,
      calls: [],
      evidence,
      ...end,
    });
  } catch (error) {
    if (isUniqueViolation(error)) throw taken();
    throw error;
  }
}

type End = Pick<UnknownChange, 'state' | 'externalId' | 'recheckInMs' | 'post'>;

async function endLive(
  services: Services,
  row: PublishRow,
  { externalId, mode }: { readonly externalId: string; readonly mode: PublishMode },
): Promise<End> {
  const provider = providerOf(services, row);
  if (!provider.isPostOf(row.externalAccountId, externalId)) {
    throw refused('external_id_of_account', 'is not the id of a post of this account');
  }
  const bound = await readBoundIds(services.db, row.provider, [externalId]);
  if (bound.has(externalId)) throw taken();
  const shown = (await readThere(services, row, provider, externalId)) ?? guess(row, mode);
  const { to, set } = foundAt({ row, provider, mode }, { externalId, ...shown }, row.now);
  return { state: 'confirmed', externalId, post: changeOf(row, to, set) };
}

type Shown = Omit<Parameters<typeof foundAt>[1], 'externalId'>;

/**
 * Null where the account cannot be asked until somebody acts: then the person's word is all there is. Throws when the
 * post is not there, and a `not_ready` where the account can be asked soon.
 */
async function readThere(
  services: Services,
  row: PublishRow,
  provider: Publishing,
  externalId: string,
): Promise<Shown | null> {
  const asked = await withAccount(services, row, oneRead, async (account, context) => {
    await requireFleetsNetwork(services);
    return provider.read({ account, externalId }, context);
  });
  switch (asked.kind) {
    case 'done':
      if (asked.value !== null) return { url: asked.value.permalink, ...asked.value };
      throw refused('external_id_exists', 'the network says that it is not there');
    case 'failed':
      if (cannotAsk.has(asked.error.record.class)) return null;
      throw asked.error;
    case 'obstacle':
      if (asked.obstacle.endsInMs === null) return null;
      throw notYet('account_held', asked.obstacle.text, asked.obstacle.endsInMs);
    case 'no_budget':
      throw spent();
  }
}

const oneRead = { calls: 1, priority: 'urgent', despite: ['fenced'] } as const;
const cannotAsk: ReadonlySet<string> = new Set(['reauth', 'permission', 'blocked']);

/** As it was sent, and live if its time has come. */
function guess({ scheduledAt, now }: PublishRow, mode: 'draft' | 'schedule' | 'publish'): Shown {
  const isWaiting = mode === 'schedule' && scheduledAt !== null && scheduledAt > now;
  const isPublished = mode === 'publish' || (mode === 'schedule' && !isWaiting);
  return { url: null, isPublished, createdAt: null, scheduledAt: isWaiting ? scheduledAt : null };
}

function endAbsent(services: Services, row: PublishRow, { resend }: UnknownAttempt): End {
  const done = { waiting: null, attention: null, error: null, nextRunAt: null } as const;
  const closed = (to: PostChange['to'], set: PostChange['set']): End => {
    return { state: 'abandoned', externalId: null, post: changeOf(row, to, { ...done, ...set }) };
  };
  const again = (set: PostChange['set']): End => {
    return { ...closed('approved', set), recheckInMs: firstRecheckMs };
  };
  if (!resend) return closed('cancelled', {});
  const plan = decideRow(row, providerOf(services, row), row.now);
  switch (plan.kind) {
    case 'missed':
      return closed('missed', { attention: plan.attention });
    case 'hold':
      return again({ nextRunAt: plan.until, waiting: plan.waiting });
    case 'go':
      return again({ nextRunAt: row.now });
  }
}

function providerOf({ publishers }: Services, row: PublishRow): Publishing {
  const provider = publishers.get(row.provider);
  if (provider !== undefined) return provider;
  throw new ConflictError('conflict', `nothing here speaks to "${row.provider}"`);
}

function changeOf(row: PublishRow, to: PostChange['to'], set: PostChange['set']): PostChange {
  return { id: row.id, version: row.version, from: ['unknown'], to, set };
}

function refused(rule: string, message: string): InvalidRequestError {
  const problem = { path: 'external_id', message, rule };
  return new InvalidRequestError(422, 'invalid', `external_id: ${message}`, [problem]);
}

function taken(): ConflictError {
  return new ConflictError('conflict', 'another post has this external_id already');
}

function spent(): PublishError {
  const text = 'The account has used up its calls of this hour: it cannot be asked now.';
  return notYet('budget_spent', text, 300_000);
}

function notYet(key: string, text: string, retryAfterMs: number): PublishError {
  return new PublishError(ownFailure('not_ready', key, text), { retryAfterMs });
}
