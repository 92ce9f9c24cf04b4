import type { Database } from '../../src/db/client.ts';
import type { Effect } from '../support/meta.ts';
import { type Cell, photosOf, settledAs } from './cells.ts';

export interface Verdict {
  readonly cell: Cell;
  readonly outcome: 'exactly one' | 'a person is asked' | 'broken';
  /** What broke the promise. */
  readonly problem: string | null;
}

interface Row {
  readonly status: string;
  readonly external_id: string | null;
  readonly attention: { reason: string; evidence: readonly unknown[]; choices: unknown } | null;
}

/** The promise: never two posts; and exactly one, or a person who is asked with what is known. */
export async function judgeCell(
  db: Database,
  cell: Cell,
  effects: readonly Effect[],
): Promise<Verdict> {
  const made = effects.filter(({ message }) => message === cell.name);
  const [row] = await db.query<Row>({
    text: 'SELECT status, external_id, attention FROM social_publisher.social_posts WHERE message = $1',
    values: [cell.name],
  });
  const broken = (problem: string): Verdict => ({ cell, outcome: 'broken', problem });
  if (row === undefined) return broken('its row is gone');
  if (made.length > 1) return broken(`${made.length} posts exist`);
  const [post] = made;
  const isAsked = row.status === 'unknown' && row.attention !== null;
  if (isAsked) return { cell, outcome: 'a person is asked', problem: null };
  if (post === undefined) return broken(`no post exists, and its row says ${row.status}`);
  if (row.status !== settledAs[cell.mode] || row.external_id !== post.id) {
    return broken(`the post exists, and its row says ${row.status} ${row.external_id}`);
  }
  const photos = photosOf[cell.content];
  if (post.photo_ids.length !== photos) {
    return broken(`it has ${post.photo_ids.length} photos of ${photos}`);
  }
  return { cell, outcome: 'exactly one', problem: null };
}
