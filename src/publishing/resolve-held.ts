import { z } from 'zod';
import { type AnswerEntry, appendEvidence } from '../attempts/evidence.ts';
import type { Database, Sql } from '../db/client.ts';
import type { PostStatus } from '../posts/post.ts';
import type { PostRow } from '../posts/post-row.ts';
import { type PostFields, writePost } from '../posts/store.ts';

/** What a person found of a post that its network took, and that looks then found otherwise than it should be. */
export type HeldAnswer =
  | { readonly outcome: 'live'; readonly externalId: string }
  | { readonly outcome: 'absent' };

interface HeldEnd {
  readonly to: PostStatus;
  readonly set: PostFields;
  /** The confirmed attempt came to nothing: the post may be sent again, after a look. */
  readonly reopens: boolean;
}

/** Null: there is nothing to answer. False: the post is no longer as it was read. */
export async function resolveHeld(
  db: Database,
  post: PostRow,
  answer: HeldAnswer,
): Promise<boolean | null> {
  const end = endOf(post, answer);
  if (end === null) return null;
  const { id, version, status: from, change } = post;
  return db.transaction(async (tx) => {
    const { to, set } = end;
    if (!(await writePost(tx, { id, version, from: [from], expects: { change }, to, set })))
      return false;
    await writeAnswer(tx, post, answer, end.reopens);
    return true;
  });
}

const attentionShape = z.looseObject({ reason: z.string() });

function endOf(post: PostRow, answer: HeldAnswer): HeldEnd | null {
  const reason = attentionShape.safeParse(post.attention).data?.reason;
  if (answer.outcome === 'absent') return absent(post, reason);
  return answer.externalId === post.external_id ? live(post, reason) : null;
}

function live(
  { status, scheduled_at: dueAt }: PostRow,
  reason: string | undefined,
): HeldEnd | null {
  if (reason === 'visible_unexpectedly' || reason === 'not_found' || reason === 'duplicate_found') {
    return { to: status, set: { attention: null }, reopens: false };
  }
  if (reason !== 'vanished') return null;
  const times = dueAt === null ? {} : { publishedAt: dueAt };
  return { to: 'published', set: { attention: null, verifyAt: null, ...times }, reopens: false };
}

/** What was to go out and did not can be retried; what a person took away on purpose is called off. */
function absent({ status }: PostRow, reason: string | undefined): HeldEnd | null {
  const closed = { attention: null, verifyAt: null } as const;
  if (reason === 'visible_unexpectedly' || reason === 'deleted_at_provider') {
    return { to: 'cancelled', set: closed, reopens: false };
  }
  if (reason !== 'vanished' && reason !== 'not_found') return null;
  if (status === 'published') return { to: status, set: closed, reopens: false };
  return { to: 'missed', set: { ...closed, ...forgotten }, reopens: true };
}

const forgotten = { externalId: null, publishUrl: null, missingAt: null } as const;

async function writeAnswer(
  tx: Sql,
  post: PostRow,
  { outcome }: HeldAnswer,
  reopens: boolean,
): Promise<void> {
  const entry: AnswerEntry = {
    answered_at: new Date().toISOString(),
    answer: outcome,
    external_id: post.external_id,
    dismissed: [],
  };
  await tx.query({
    name: 'attempts_answer_held',
    text: `UPDATE social_publisher.publish_attempts a SET evidence = ${appendEvidence('$2')},
             state = CASE WHEN $3 THEN 'abandoned' ELSE a.state END
           WHERE a.post_id = $1 AND a.state = 'confirmed'`,
    values: [post.id, JSON.stringify(entry), reopens],
  });
}
