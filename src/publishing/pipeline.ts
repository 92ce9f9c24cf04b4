import { type Beginning, type Begun, beginAttempts } from '../attempts/begin-store.ts';
import { type Settlement, settleAttempts } from '../attempts/settle-store.ts';
import { type Batch, createBatch } from '../batch.ts';
import type { Config } from '../config.ts';
import type { Database } from '../db/client.ts';
import type { PublishRow } from '../posts/publish-row.ts';
import { readPublishRows } from '../posts/publish-store.ts';
import { changePosts, type PostChange } from '../posts/store.ts';

/**
 * The database's side of publishing, for one process. Posts that are worked on at the same time share statements and
 * commits: one commit a post would cap the whole at what the disk can sync.
 */
export interface Pipeline {
  /** Null when the post does not exist any more. */
  readonly read: Batch<string, PublishRow | null>;
  readonly begin: Batch<Beginning, Begun>;
  readonly settle: Batch<Settlement, boolean>;
  /** False when the post is no longer what the caller believed. */
  readonly change: Batch<PostChange, boolean>;
}

const batchOf = { maxSize: 250, maxConcurrency: 2 } as const;

export function createPipeline(db: Database, config: Config): Pipeline {
  const begin = {
    callsPerHour: config.limits.facebookCallsPerHour,
    leaseMs: config.leaseMs,
    timeoutMs: config.graph.timeoutMs,
  };
  return {
    read: createBatch({
      ...batchOf,
      run: async (ids: readonly string[]) => {
        const rows = await readPublishRows(db, ids);
        return ids.map((id) => rows.get(id) ?? null);
      },
    }),
    begin: createBatch({ ...batchOf, run: (items) => beginAttempts(db, items, begin) }),
    settle: createBatch({ ...batchOf, run: (items) => settleAttempts(db, items) }),
    change: createBatch({
      ...batchOf,
      run: async (changes: readonly PostChange[]) => {
        const changed = await db.transaction((tx) => changePosts(tx, changes));
        return changes.map((change) => changed.has(change.id));
      },
    }),
  };
}
