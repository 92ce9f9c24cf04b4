import { actOnPosts } from '../authoring/action-store.ts';
import type { PostOutcome } from '../authoring/scope.ts';
import type { Services } from '../services.ts';
import { claimDueItems, type DueItem, endItems, type ItemEnd } from './store.ts';

const batchSize = 100;

/**
 * Retries the posts of replays whose moment has come, by the very function behind `POST /v1/posts/{id}/retry`: what it
 * refuses is skipped with its reason, and an unknown post is looked for before anything is sent.
 */
export async function runReplays(services: Services): Promise<void> {
  const due = await claimDueItems(services.db, batchSize);
  if (due.length === 0) return;
  const ends: ItemEnd[] = [];
  for (const [tenantId, items] of Map.groupBy(due, (item) => item.tenantId)) {
    ends.push(...(tenantId === null ? items.map(gone) : await retry(services, tenantId, items)));
  }
  for (const replayId of await endItems(services.db, ends)) {
    services.log.info({ replayId }, 'replay has ended');
  }
}

async function retry(
  services: Services,
  tenantId: string,
  items: readonly DueItem[],
): Promise<readonly ItemEnd[]> {
  const outcomes = await actOnPosts(services, tenantId, {
    action: 'retry',
    items: items.map(({ postId, version, result }) => ({
      id: postId,
      version,
      scheduledAt: result.due_at ?? undefined,
    })),
  });
  return items.map((item, index) => endOf(item, outcomes[index]));
}

function endOf({ replayId, postId }: DueItem, outcome: PostOutcome | undefined): ItemEnd {
  const { row, error } = outcome ?? {};
  if (row === undefined || row === null) {
    const reason = error?.message ?? 'it could not be judged';
    return { replayId, postId, state: 'skipped', result: { reason } };
  }
  if (row.status === 'unknown') {
    const reason =
      'its outcome is unknown: it is looked for first, and sent only when proven absent';
    return { replayId, postId, state: 'skipped', result: { status: row.status, reason } };
  }
  return { replayId, postId, state: 'done', result: { status: row.status } };
}

function gone({ replayId, postId }: DueItem): ItemEnd {
  return { replayId, postId, state: 'skipped', result: { reason: 'the post is gone' } };
}
