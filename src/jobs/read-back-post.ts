import { z } from 'zod';
import { learnFrom } from '../follow-up/learning.ts';
import { claimReadBacks, type HeldRow, loadHeld } from '../follow-up/store.ts';
import { type Finding, isWatchedEnough, judgeReading } from '../follow-up/verify.ts';
import { type CallOutcome, withAccount } from '../integrations/call.ts';
import { pendingChange } from '../posts/post.ts';
import { writePost } from '../posts/store.ts';
import { observeLateness } from '../publishing/open-attempt.ts';
import type { Services } from '../services.ts';
import { defineJob } from './job.ts';

/**
 * Looks at a post of ours at its provider: its permalink, whether it went live, and what a person did with it there.
 * Best effort: whatever goes wrong here, the post is where it is, and it is looked at again.
 */
export const readBackPost = defineJob({
  name: 'read-back-post',
  queue: 'background',
  payload: z.strictObject({ postId: z.uuid() }),
  due: {
    everyMs: 2_000,
    async claim({ db }) {
      const claimed = await claimReadBacks(db, 200);
      return claimed.map(({ id, verifications }) => ({
        id: `${id}-read-${verifications}`,
        payload: { postId: id },
      }));
    },
  },
  async perform({ payload, logger }, services: Services) {
    const row = await loadHeld(services.db, payload.postId);
    const provider = row === null ? undefined : services.publishers.get(row.provider);
    if (row === null || provider === undefined) return;
    // A change under way would look like a person's; it ends with a look of its own.
    if (pendingChange(row.change) !== null) return;
    if (isWatchedEnough(row)) return lookNextAt(services, row, null);
    const read = await withAccount(services, row, oneRead, (account, context) =>
      provider.read({ account, externalId: row.externalId }, context),
    );
    if (read.kind !== 'done') return lookNextAt(services, row, laterAfter(read, row));
    const seen = read.value;
    if (seen !== null && row.seenAt === null) await learnFrom(services, row, provider, seen);
    const finding = judgeReading(row, seen);
    if (!(await write(services, row, finding))) return;
    tell(logger, row, finding);
    const { latenessMs } = finding.set;
    if (typeof latenessMs === 'number') observeLateness(row.provider, latenessMs);
  },
});

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

const oneRead = { calls: 1, priority: 'idle' } as const;

/** When to come again, if now it could not be read. None of this uses up a look. */
function laterAfter(read: Exclude<CallOutcome<unknown>, { kind: 'done' }>, row: HeldRow): Date {
  switch (read.kind) {
    case 'obstacle': {
      const { endsInMs } = read.obstacle;
      if (endsInMs === null) return spread(row.now, 20 * minuteMs);
      return spread(new Date(row.now.getTime() + endsInMs), minuteMs);
    }
    case 'no_budget':
      return spread(row.now, isUrgent(row) ? 3 * minuteMs : hourMs);
    case 'failed':
      return spread(row.now, read.error.retryAfterMs ?? 10 * minuteMs);
  }
}

/** Its first look, or one around its due time: somebody waits for what it finds. */
function isUrgent({ seenAt, scheduledAt, now }: HeldRow): boolean {
  const fromDueMs = Math.abs((scheduledAt?.getTime() ?? 0) - now.getTime());
  return seenAt === null || fromDueMs < 30 * minuteMs;
}

function spread(from: Date, waitMs: number): Date {
  return new Date(from.getTime() + waitMs * (1 + Math.random() * 0.5));
}

async function lookNextAt(services: Services, row: HeldRow, verifyAt: Date | null): Promise<void> {
  await write(services, row, { to: row.status, set: { verifyAt } });
}

async function write({ db }: Services, row: HeldRow, { to, set }: Finding): Promise<boolean> {
  const { id, version, status, change } = row;
  return writePost(db, { id, version, from: [status], expects: { change }, to, set });
}

function tell(
  logger: { info(fields: object, text: string): void; error(fields: object, text: string): void },
  row: HeldRow,
  { to, set }: Finding,
): void {
  const { id: postId, status: from } = row;
  if (to !== from) logger.info({ postId, from, to }, 'post found changed at its network');
  if (set.scheduledAt !== undefined) {
    logger.info(
      { postId, scheduledAt: set.scheduledAt },
      'post was given another time at its network',
    );
  }
  const { attention } = set;
  if (attention) logger.error({ postId, code: attention.reason }, attention.text);
}
