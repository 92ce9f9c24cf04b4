import { z } from 'zod';

const record = z.record(z.string(), z.unknown());
const shared = {
  state: z.enum(['pending', 'done', 'refused']),
  error: record.nullish().transform((error) => error ?? null),
  requested_at: z.string(),
  settled_at: z.string().optional(),
};

/**
 * The column `change`: what an author wants done with a post that its provider holds. `requested_at` makes each one
 * its own, so that a worker cannot settle another than the one it carried out.
 */
const changeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('cancel'), ...shared }),
  z.object({
    kind: z.literal('edit'),
    ...shared,
    /** Absent stays as it is. */
    message: z.string().nullable().optional(),
    scheduled_at: z.iso.datetime().optional(),
    /** The wall time that `scheduled_at` was given with. */
    scheduled_local: z.string().nullish(),
    timezone: z.string().nullish(),
  }),
]);

export type Change = z.output<typeof changeSchema>;
export type Edit = Extract<Change, { kind: 'edit' }>;

/** Null where there is none, or none that is still to be made. */
export function pendingChange(column: unknown): Change | null {
  const parsed = changeSchema.safeParse(column);
  return parsed.success && parsed.data.state === 'pending' ? parsed.data : null;
}

/** As the trigger of the table notes it when the status `cancelled` is asked for. */
export function pendingCancel(now: Date): Change {
  return { kind: 'cancel', state: 'pending', error: null, requested_at: now.toISOString() };
}

/** A post that is due sooner belongs to its provider: Meta refuses changes from three minutes before. */
export const untouchableMs = 5 * 60_000;
/** Meta publishes at or soon after the time; what is still not live then can be called off. */
const untouchableAfterMs = 10 * 60_000;

/** Whether a post due then may go live at any moment, or just did; in SQL `is_untouchable`. */
export function isUntouchable(dueAt: Date | null, now: Date): boolean {
  if (dueAt === null) return false;
  const aheadMs = dueAt.getTime() - now.getTime();
  return aheadMs < untouchableMs && aheadMs > -untouchableAfterMs;
}
