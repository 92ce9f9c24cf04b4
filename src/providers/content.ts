import { z } from 'zod';

export const publishModes = ['draft', 'schedule', 'publish'] as const;
export type PublishMode = (typeof publishModes)[number];

export const mediaItemSchema = z.strictObject({
  type: z.enum(['image', 'video']),
  url: z.string().min(1),
  alt_text: z.string().nullish(),
});
export type MediaItem = z.infer<typeof mediaItemSchema>;

/** What goes to the provider. A change of any of it raises the post's version. */
export interface PostContent {
  readonly message: string | null;
  readonly link: string | null;
  readonly media: readonly MediaItem[];
}

/** The same, as an attempt keeps it. */
export const contentSchema = z.object({
  message: z.string().nullable(),
  link: z.string().nullable(),
  media: z.array(mediaItemSchema),
});

/** What a call to a provider does there (design: invariant 2). */
export const effects = ['reads', 'stages', 'reveals', 'publishes', 'changes'] as const;
export type Effect = (typeof effects)[number];

/** One call as a person may see it: the path without its query, no secrets; `at` is ISO 8601 in UTC. */
export const callRecordSchema = z.object({
  method: z.string(),
  path: z.string(),
  effect: z.enum(effects),
  /** The HTTP status; null while under way or when no answer came. */
  status: z.number().nullable(),
  at: z.string(),
});
export type CallRecord = Readonly<z.output<typeof callRecordSchema>>;

/** A medium that is at the provider but in no post yet. */
const stagedMedium = z.object({
  index: z.number(),
  id: z.string(),
  /** ISO 8601 in UTC: staged media do not live for ever. */
  at: z.string(),
});
export type StagedMedium = Readonly<z.output<typeof stagedMedium>>;

/** As an attempt keeps them. */
export const stagedMediaSchema = z.array(stagedMedium);
