import { z } from 'zod';

// What a story reads of a post as the API shows it; loose, as the API may say more.

export const errorView = z.looseObject({
  class: z.string(),
  message: z.string(),
  action: z.string(),
  who: z.string(),
});

export const waitingView = z.looseObject({
  reason: z.string(),
  until: z.string().nullable(),
  text: z.string(),
});

export const attentionView = z.looseObject({
  reason: z.string(),
  text: z.string(),
  who: z.string(),
  choices: z.array(z.string()),
});

export const postView = z.looseObject({
  id: z.string(),
  tenant_id: z.string().optional(),
  integration_id: z.string(),
  status: z.string(),
  version: z.number(),
  message: z.string().nullish(),
  link: z.string().nullish(),
  // A calendar that writes the row itself may have written anything.
  media: z.array(z.looseObject({ url: z.string() }).catch({ url: '(no address)' })).default([]),
  publish_mode: z.string().nullish(),
  scheduled_at: z.string().nullish(),
  reference: z.string().nullish(),
  external_id: z.string().nullish(),
  publish_url: z.string().nullish(),
  error: errorView.nullish(),
  attention: attentionView.nullish(),
  waiting: waitingView.nullish(),
  approved_at: z.string().nullish(),
  prepared_at: z.string().nullish(),
  published_at: z.string().nullish(),
  lateness_ms: z.number().nullish(),
  created_at: z.string(),
  updated_at: z.string(),
});
export type PostView = z.output<typeof postView>;

/** A call of an attempt, as the ledger keeps it. */
export const callView = z.looseObject({
  method: z.string(),
  path: z.string(),
  effect: z.string(),
  status: z.number().nullish(),
  at: z.string(),
});
