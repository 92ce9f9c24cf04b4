import { z } from 'zod';
import { reserveRead } from '../budgets/reads.ts';
import type { Attention } from '../posts/post.ts';
import { loadForReadBack, type ReadBackRow, writeReadBack } from '../posts/read-back-store.ts';
import type { ReadBack } from '../providers/provider.ts';
import { openAccount } from '../publishing/account.ts';
import { budgetKeyOf } from '../publishing/judge.ts';
import { defineJob } from '../queue/job.ts';
import type { Services } from '../services.ts';

/**
 * Reads a post of ours back: its permalink, and whether what should be invisible is. Best effort: whatever goes wrong
 * here, the post is where it is, and the read-back comes again a few times.
 */
export const readBackPost = defineJob({
  name: 'read-back-post',
  payload: z.strictObject({ postId: z.uuid() }),
  async perform({ payload, logger }, services: Services) {
    const row = await loadForReadBack(services.db, payload.postId);
    const provider = row === null ? undefined : services.providers.get(row.provider);
    if (row === null || provider === undefined) return;
    const limit = services.config.limits.facebookCallsPerHour;
    if (!(await reserveRead(services.db, budgetKeyOf(row), limit))) return;

    const account = openAccount(row, services.vault, services.config);
    const read = await provider.readBack(
      { account, externalId: row.externalId },
      { onCall: () => undefined },
    );
    // Meta says "does not exist" of young objects too (graph-api.md, quirk 5): it is asked again.
    if (read === null && row.verifications < believedAfter) return;
    const attention = attentionFor(row, read);
    await writeReadBack(services.db, {
      postId: row.id,
      publishUrl: read?.permalink ?? null,
      attention,
    });
    if (attention !== null)
      logger.error({ postId: row.id, code: attention.reason }, attention.text);
  },
});

/** The third read-back comes a quarter of an hour after the post was made. */
const believedAfter = 3;

function attentionFor(row: ReadBackRow, read: ReadBack | null): Attention | null {
  const seenAt = new Date().toISOString();
  const evidence = [{ external_id: row.externalId, url: read?.permalink ?? null, seen_at: seenAt }];
  const base = { since: seenAt, who: 'author', evidence, choices: ['cancel'] } as const;
  if (read === null) {
    const text = 'The network answered with this post, and says now that it does not exist.';
    return { ...base, reason: 'not_found', text };
  }
  if (read.isPublished && row.status !== 'published') {
    const text = `It should be ${row.status} and not be visible yet, but the network shows it as published.`;
    return { ...base, reason: 'visible_unexpectedly', text };
  }
  return null;
}
