import type { Sql } from '../db/client.ts';
import { outlookOf } from './outlook.ts';
import {
  type AttemptFacts,
  listAttemptFacts,
  listPostEvents,
  listReplaysOfPost,
  type PostEvent,
  type PostFacts,
  type ReplayOfPost,
  readPostFacts,
} from './store.ts';
import { type Moment, storyOf } from './story.ts';

/** A post's whole story with what it is told from. Operators only: nothing of it is masked. */
export interface ToldPost {
  readonly facts: PostFacts | undefined;
  readonly events: readonly PostEvent[];
  readonly attempts: readonly AttemptFacts[];
  readonly replays: readonly ReplayOfPost[];
  readonly story: readonly Moment[];
  readonly outlook: readonly string[];
}

export async function tellPost(
  sql: Sql,
  { id, status }: { readonly id: string; readonly status: string },
): Promise<ToldPost> {
  const [events, attempts, replays, facts] = await Promise.all([
    listPostEvents(sql, id),
    listAttemptFacts(sql, id),
    listReplaysOfPost(sql, id),
    readPostFacts(sql, id),
  ]);
  const story = storyOf({ events, attempts, replays });
  const outlook = facts === undefined ? [] : outlookOf(status, facts, attempts);
  return { facts, events, attempts, replays, story, outlook };
}
