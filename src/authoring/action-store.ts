import { lookNow } from '../attempts/read-store.ts';
import { type Database, type Sql, sqlState } from '../db/client.ts';
import { ConflictError } from '../errors.ts';
import { pendingCancel } from '../posts/post.ts';
import { type PostRow, parsePostRows, postColumns } from '../posts/row.ts';
import { type AuthorAction, judgeAction } from './action.ts';
import { isCancelPending, refuseCancel } from './edit.ts';
import { type AuthorNeeds, getPost, loadScope, noSuchPost, readPosts } from './read-store.ts';
import {
  type AuthorScope,
  brokenRules,
  busy,
  done,
  failed,
  judgeDraft,
  type PostOutcome,
  unwrap,
  versionMismatch,
} from './scope.ts';
import { readDueTime } from './wall-time.ts';

export interface ActionItem {
  readonly id: string;
  /** The version that the author decided on; any when left out. */
  readonly version?: number | undefined;
  /** Of a retry: the new due time, with its offset. */
  readonly scheduledAt?: string | null | undefined;
}

export interface ActionRequest {
  readonly action: AuthorAction;
  readonly items: readonly ActionItem[];
  /** Says what would happen; nothing does. */
  readonly dryRun?: boolean | undefined;
}

export type ActionNeeds = AuthorNeeds & { readonly db: Database };

/** A worker moves a post a few times in its life, not in a loop: more rounds than this mean a defect. */
const mostRounds = 5;

/** Throws NotFoundError, ConflictError (409, or 412 for a version) and InvalidRequestError (422). */
export async function actOnPost(
  needs: ActionNeeds,
  tenantId: string,
  action: AuthorAction,
  item: ActionItem,
): Promise<PostRow> {
  const [outcome] = await actOnPosts(needs, tenantId, { action, items: [item] });
  return unwrap(outcome).row;
}

/**
 * Each post on its own, in the order given. What was read is written under the condition that status and version are
 * still the same; a post that moved meanwhile is read and judged again.
 */
export async function actOnPosts(
  needs: ActionNeeds,
  tenantId: string,
  request: ActionRequest,
): Promise<PostOutcome[]> {
  const outcomes = new Map<number, PostOutcome>();
  let open = [...request.items.entries()];
  for (let round = 1; open.length > 0 && round <= mostRounds; round += 1) {
    const scoped = await readScoped(needs, tenantId, open);
    const steps = open.map(([index, item]) => ({ index, step: judge(scoped, request, item) }));
    const changes = steps.flatMap(({ step }) => (step.change === null ? [] : [step.change]));
    const written = await writeAll(needs.db, tenantId, changes);
    for (const { index, step } of steps) {
      const outcome = await outcomeOf(needs.db, tenantId, step, written);
      if (outcome !== undefined) outcomes.set(index, outcome);
    }
    open = open.filter(([index]) => !outcomes.has(index));
  }
  return request.items.map((item, index) => outcomes.get(index) ?? failed(busy(item.id)));
}

async function outcomeOf(
  db: Database,
  tenantId: string,
  step: Step,
  written: ReadonlyMap<string, PostOutcome>,
): Promise<PostOutcome | undefined> {
  if (step.change !== null) return written.get(step.change.id);
  return step.outcome ?? lookAtOnce(db, tenantId, step.looksFor);
}

/** Undefined: it is no longer unknown, and is judged anew. */
async function lookAtOnce(
  db: Database,
  tenantId: string,
  row: PostRow,
): Promise<PostOutcome | undefined> {
  const entry = { answer: 'retry', external_id: null, dismissed: [] } as const;
  const at = new Date().toISOString();
  if (!(await lookNow(db, row.id, { ...entry, answered_at: at }))) {
    const now = await getPost(db, tenantId, row.id);
    return now.status === 'unknown' ? failed(noOpenAttempt()) : undefined;
  }
  return done(await getPost(db, tenantId, row.id));
}

function noOpenAttempt(): ConflictError {
  return new ConflictError('conflict', 'the post is unknown, and no attempt of it is open');
}

interface Scoped {
  readonly scope: AuthorScope;
  readonly rows: ReadonlyMap<string, PostRow>;
}

async function readScoped(
  needs: ActionNeeds,
  tenantId: string,
  open: readonly (readonly [number, ActionItem])[],
): Promise<Scoped> {
  const rows = await readPosts(
    needs.db,
    tenantId,
    open.map(([, item]) => item.id),
  );
  const integrationIds = [...rows.values()].map((row) => row.integration_id);
  return { rows, scope: await loadScope(needs, tenantId, integrationIds) };
}

/** One conditional write: only while the post has this status and version. */
interface StatusChange {
  readonly id: string;
  readonly version: number;
  readonly from: string;
  readonly to: string;
  /** Undefined leaves the due time as it is. */
  readonly dueAt: Date | undefined;
}

type Step =
  | { readonly change: StatusChange; readonly outcome: null }
  | { readonly change: null; readonly outcome: PostOutcome }
  | { readonly change: null; readonly outcome: null; readonly looksFor: PostRow };

function judge({ scope, rows }: Scoped, request: ActionRequest, item: ActionItem): Step {
  const row = rows.get(item.id.toLowerCase());
  if (row === undefined) return settle(failed(noSuchPost()));
  if (item.version !== undefined && item.version !== row.version) {
    return settle(failed(versionMismatch(row)));
  }
  const verdict = judgeAction(request.action, row.status);
  if (verdict.kind === 'refused') return settle(failed(verdict.error));
  if (verdict.kind === 'holds') return settle(done(row));
  if (verdict.kind === 'look') {
    return request.dryRun === true
      ? settle(done(row))
      : { change: null, outcome: null, looksFor: row };
  }
  if (verdict.to === 'cancelled' && isHeldByNetwork(row))
    return judgeCancelThere(scope, request, row);
  const { dueAt, problem } = newDueTime(scope, request.action, row, item);
  if (problem !== null) return settle(failed(brokenRules([problem])));
  const errors = verdict.to === 'approved' ? judgeApproval(scope, row, dueAt) : [];
  if (errors.length > 0) return settle(failed(brokenRules(errors)));
  // Of an unknown post, cancel is a wish: it stays unknown until it was looked for.
  const to = row.status === 'unknown' ? row.status : verdict.to;
  if (request.dryRun === true) return settle(done({ ...row, status: to }));
  const { id, version, status: from } = row;
  return { change: { id, version, from, to: verdict.to, dueAt }, outcome: null };
}

function isHeldByNetwork({ status }: PostRow): boolean {
  return status === 'scheduled' || status === 'drafted';
}

/** The table notes the wish, and a worker deletes the post at its network; until then it keeps its status. */
function judgeCancelThere({ now }: AuthorScope, request: ActionRequest, row: PostRow): Step {
  const refusal = refuseCancel(row, now);
  if (refusal !== null) return settle(failed(refusal));
  if (isCancelPending(row)) return settle(done(row));
  if (request.dryRun === true) {
    return settle(done({ ...row, change: pendingCancel(now) }));
  }
  const { id, version, status: from } = row;
  return { change: { id, version, from, to: 'cancelled', dueAt: undefined }, outcome: null };
}

function settle(outcome: PostOutcome): Step {
  return { change: null, outcome };
}

function judgeApproval(scope: AuthorScope, row: PostRow, dueAt: Date | undefined) {
  return judgeDraft(scope, {
    integrationId: row.integration_id,
    message: row.message,
    link: row.link,
    appendLink: row.append_link,
    media: row.media,
    publishMode: row.publish_mode,
    scheduledAt: dueAt ?? row.scheduled_at,
  }).errors;
}

/** Retrying a post whose time has gone by means: now. One that is still ahead keeps its time. */
function newDueTime(scope: AuthorScope, action: AuthorAction, row: PostRow, item: ActionItem) {
  if (action !== 'retry') return { dueAt: undefined, problem: null };
  const given = readDueTime({ scheduledAt: item.scheduledAt }, scope.timezone);
  if (given.due === null) return { dueAt: undefined, problem: given.problem };
  if (given.due.scheduledAt !== null) return { dueAt: given.due.scheduledAt, problem: null };
  return { dueAt: isTooLate(scope, row) ? scope.now : undefined, problem: null };
}

function isTooLate({ now, lateLimitS }: AuthorScope, row: PostRow): boolean {
  if (row.scheduled_at === null) return false;
  const lateMs = now.getTime() - row.scheduled_at.getTime();
  return lateMs > (row.status === 'missed' ? 0 : lateLimitS * 1000);
}

/** By id; a post that moved since it was read is absent. */
async function writeAll(
  db: Database,
  tenantId: string,
  changes: readonly StatusChange[],
): Promise<ReadonlyMap<string, PostOutcome>> {
  const [only] = changes;
  if (only === undefined) return new Map();
  if (changes.length === 1) return writeOne(db, tenantId, only);
  try {
    // In a transaction for its second try: a statement over many rows can meet another in a deadlock.
    const rows = await db.transaction((tx) => writeTogether(tx, tenantId, changes));
    return new Map(rows.map((row) => [row.id, done(row)]));
  } catch (error) {
    if (sqlState(error) !== 'SP409') throw error;
  }
  const outcomes = new Map<string, PostOutcome>();
  for (const change of changes) {
    for (const [id, outcome] of await writeOne(db, tenantId, change)) outcomes.set(id, outcome);
  }
  return outcomes;
}

async function writeOne(
  db: Database,
  tenantId: string,
  change: StatusChange,
): Promise<ReadonlyMap<string, PostOutcome>> {
  try {
    const rows = await writeTogether(db, tenantId, [change]);
    return new Map(rows.map((row) => [row.id, done(row)]));
  } catch (error) {
    if (sqlState(error) !== 'SP409' || !(error instanceof Error)) throw error;
    return new Map([[change.id, failed(new ConflictError('conflict', error.message))]]);
  }
}

async function writeTogether(
  sql: Sql,
  tenantId: string,
  changes: readonly StatusChange[],
): Promise<PostRow[]> {
  const rows = await sql.query({
    name: 'author_change_status',
    text: `WITH x AS (
             SELECT * FROM jsonb_to_recordset($2::jsonb)
               AS r (id uuid, version int, "from" text, "to" text, "dueAt" timestamptz)
           ), locked AS (
             SELECT p.id FROM social_publisher.social_posts p JOIN x USING (id)
             WHERE p.tenant_id = $1 ORDER BY p.id FOR NO KEY UPDATE OF p
           )
           UPDATE social_publisher.social_posts p
           SET status = x."to", scheduled_at = coalesce(x."dueAt", p.scheduled_at)
           FROM x WHERE p.id = x.id AND p.id IN (SELECT id FROM locked) AND p.tenant_id = $1
             AND p.status = x."from" AND p.version = x.version
           RETURNING ${postColumns}`,
    values: [tenantId, JSON.stringify(changes)],
  });
  return parsePostRows(rows);
}
