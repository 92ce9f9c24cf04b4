import type { Database } from '../../src/db/client.ts';
import type { Effect } from '../support/meta.ts';
import { type Call, type Content, type Mode, photosOf, type Steps, settledAs } from './cells.ts';

/** What is judged: one post, whose message is its name. */
interface Judged {
  readonly name: string;
  readonly steps: Steps;
  readonly content: Content;
  readonly mode: Mode;
  readonly call: Call;
  readonly happened: boolean;
  readonly mayWait?: boolean;
  readonly isShown?: boolean;
}

export interface Verdict<Cell extends Judged> {
  readonly cell: Cell;
  readonly outcome: 'exactly one' | 'shown twice' | 'waits' | 'a person is asked' | 'broken';
  /** What broke the promise, or what the person is asked. */
  readonly problem: string | null;
  /** What lost answers left hidden, and nobody has deleted yet. */
  readonly orphans: number;
}

/** What our app has made of it. */
export interface Made {
  /** Public, or to be by the network's scheduler, or drafts for the Page's people. */
  readonly posts: readonly Effect[];
  readonly hidden: readonly Effect[];
}

interface Row {
  readonly status: string;
  readonly external_id: string | null;
  readonly attention: { readonly reason: string; readonly choices: readonly string[] } | null;
  readonly looks: number;
  /** Made ready, and kept for its time. */
  readonly hidden_id: string | null;
  /** Its account is known to show what should be hidden. */
  readonly is_warned: boolean;
}

/** The promise: never two posts; and exactly one, or a person who is asked with what is known. */
export async function judgeCell<Cell extends Judged>(
  db: Database,
  cell: Cell,
  { posts, hidden }: Made,
): Promise<Verdict<Cell>> {
  const row = await readRow(db, cell.name);
  const told = judge(cell, row, posts);
  const known = new Set([row?.hidden_id, ...posts.map(({ id }) => id)]);
  const orphans = hidden.filter(({ id }) => !known.has(id)).length;
  return { cell, orphans, problem: null, ...told };
}

async function readRow(db: Database, message: string): Promise<Row | undefined> {
  const [row] = await db.query<Row>({
    text: `SELECT p.status, p.external_id, p.attention, (SELECT coalesce(sum(jsonb_array_length(a.evidence)), 0)::int
             FROM social_publisher.publish_attempts a WHERE a.post_id = p.id) AS looks,
             (SELECT a.hidden_id FROM social_publisher.publish_attempts a
              WHERE a.post_id = p.id AND a.state = 'prepared') AS hidden_id,
             jsonb_path_exists(i.capabilities, '$.keyvalue() ? (@.key starts with "hidden_" && @.value.value == "no")') AS is_warned
           FROM social_publisher.social_posts p JOIN social_publisher.integrations i ON i.id = p.integration_id
           WHERE message = $1`,
    values: [message],
  });
  return row;
}

type Told = Pick<Verdict<Judged>, 'outcome'> & Partial<Pick<Verdict<Judged>, 'problem'>>;

function broken(problem: string): Told {
  return { outcome: 'broken', problem };
}

function judge(cell: Judged, row: Row | undefined, posts: readonly Effect[]): Told {
  if (row === undefined) return broken('its row is gone');
  if (posts.length > 1) return judgeMany(cell, row, posts);
  if (row.status === 'unknown' && row.attention !== null) return judgeQuestion(cell, row);
  const [post] = posts;
  const isHeld = cell.mayWait === true && row.status === 'approved' && post === undefined;
  if (isHeld) return { outcome: 'waits' };
  if (post === undefined) return broken(`no post exists, and its row says ${row.status}`);
  const isTold = cell.isShown === true && row.attention?.reason === 'visible_unexpectedly';
  const settled = isTold ? 'published' : settledAs[cell.mode];
  if (row.status !== settled || row.external_id !== post.id) {
    return broken(`${post.id} exists, and its row says ${row.status} ${row.external_id}`);
  }
  const photos = photosOf[cell.content];
  return post.photo_ids.length === photos
    ? { outcome: 'exactly one' }
    : broken(`it has ${post.photo_ids.length} photos of ${photos}`);
}

/**
 * What should have been hidden was public, and the answer that told its id was lost: nobody had seen this account show
 * such posts before. From then on it is known.
 */
function judgeMany(cell: Judged, row: Row, posts: readonly Effect[]): Told {
  const isBelief = cell.isShown === true && cell.call === 'create' && cell.happened;
  return isBelief && posts.length === 2 && row.is_warned
    ? { outcome: 'shown twice', problem: 'what should be hidden was public' }
    : broken(`${posts.length} posts exist`);
}

/** What can be settled by its id is never asked; a question shows where was looked, and what can be answered. */
function judgeQuestion({ steps, mode }: Judged, { attention, looks }: Row): Told {
  const reason = attention?.reason ?? '';
  const isAllowed = steps === 'one' || mode !== 'publish';
  if (!isAllowed) return { outcome: 'broken', problem: `a person is asked: ${reason}` };
  const isTold = looks > 0 && (attention?.choices.length ?? 0) > 0;
  return isTold
    ? { outcome: 'a person is asked', problem: reason }
    : { outcome: 'broken', problem: `${reason} is asked without evidence` };
}
