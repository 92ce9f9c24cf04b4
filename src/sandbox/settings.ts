import { z } from 'zod';

/** Switches for the whole sandbox; `PATCH /_sandbox/settings` changes them. */
export const settingsSchema = z.strictObject({
  /** Every answer comes this much later (after its effect). */
  latency_ms: z.number().int().min(0).default(0),
  /** A post with the text of one written this recently is refused with 506; 0 is off. */
  duplicate_window_minutes: z.number().min(0).default(0),
  /** More than this many posts of a Page within the seconds below are refused with 368/1390008; 0 is off. */
  burst_posts: z.number().int().min(0).default(0),
  burst_seconds: z.number().int().min(1).default(60),
  /** The read edges show a post only this long after it was written. */
  read_lag_ms: z.number().int().min(0).default(0),
  /** Pages of an edge come back shorter than asked, the first one empty, all with `next`. */
  short_pages: z.boolean().default(false),
  /** Usage headers are left out while the bucket is filled less than this. */
  usage_header_from_percent: z.number().min(0).default(10),
  content_type: z.string().min(1).default('application/json; charset=UTF-8'),
});

export type Settings = z.infer<typeof settingsSchema>;

/** The settings, or the weather, after a change; what the change leaves out stays. */
export function changed<T extends object>(schema: z.ZodType<T>, now: T, change: unknown): T {
  const given = z.record(z.string(), z.unknown()).parse(change);
  return schema.parse({ ...now, ...given });
}
