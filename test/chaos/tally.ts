import { z } from 'zod';
import type { Database } from '../../src/db/client.ts';
import type { Meta } from '../support/meta.ts';

/** What became of the posts of a storm, by the sandbox's ledger: `exactlyOnce` and `twice` are what people see. */
export interface Tally {
  readonly posts: number;
  readonly exactlyOnce: number;
  readonly twice: number;
  readonly lost: number;
  /** Posts that nobody sees: what lost answers left. */
  readonly hidden: number;
}

/** `messages` are those of all posts, each of its own. */
export async function tally(meta: Meta, messages: readonly string[]): Promise<Tally> {
  const counts = new Map<string, number>();
  for (const { message } of await meta.posts()) {
    counts.set(message ?? '', (counts.get(message ?? '') ?? 0) + 1);
  }
  const of = (holds: (count: number) => boolean): number =>
    messages.filter((message) => holds(counts.get(message) ?? 0)).length;
  return {
    posts: messages.length,
    exactlyOnce: of((count) => count === 1),
    twice: of((count) => count > 1),
    lost: of((count) => count === 0),
    hidden: (await meta.hidden()).length,
  };
}

/** How many rows are in which status; one that asks a person counts as such. */
export async function statuses(db: Database): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query<{ status: string; count: number }>({
    text: `SELECT CASE WHEN attention IS NULL THEN status ELSE status || ' (asks)' END AS status,
             count(*)::int AS count FROM social_publisher.social_posts GROUP BY 1 ORDER BY 1`,
  });
  return new Map(rows.map(({ status, count }) => [status, count]));
}

/** Rows whose external id is not that of the one post with their message. */
export async function wronglyBound(db: Database, meta: Meta): Promise<number> {
  const ids = new Map((await meta.posts()).map(({ message, id }) => [message, id]));
  const rows = await db.query<{ message: string; external_id: string | null }>({
    text: `SELECT message, external_id FROM social_publisher.social_posts WHERE status = 'published'`,
  });
  return rows.filter(({ message, external_id }) => ids.get(message) !== external_id).length;
}

const faultList = z.looseObject({
  data: z.array(z.looseObject({ when: z.string(), used: z.number() })),
});

export async function faultsUsed(meta: Meta): Promise<{ after: number; before: number }> {
  const { data } = faultList.parse(await meta.control('GET', 'faults'));
  const of = (when: string): number =>
    data.filter((fault) => fault.when === when).reduce((sum, { used }) => sum + used, 0);
  return { after: of('after'), before: of('before') };
}
