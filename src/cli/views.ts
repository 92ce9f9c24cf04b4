import { z } from 'zod';

// What the commands read of the API's answers; `--json` prints the whole of them, hence loose.

export const tenantView = z.looseObject({
  id: z.string(),
  name: z.string(),
  timezone: z.string(),
  auto_publish: z.boolean(),
  late_limit_s: z.number(),
  when_unknown: z.string(),
  reference: z.string().nullable(),
});
export type TenantView = z.output<typeof tenantView>;

export const integrationView = z.looseObject({
  id: z.string(),
  provider: z.string(),
  external_account_id: z.string(),
  name: z.string().nullish(),
  status: z.string(),
});
export type IntegrationView = z.output<typeof integrationView>;

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
  media: z.array(z.looseObject({ url: z.string() })).default([]),
  publish_mode: z.string().nullish(),
  scheduled_at: z.string().nullish(),
  reference: z.string().nullish(),
  external_id: z.string().nullish(),
  publish_url: z.string().nullish(),
  error: errorView.nullish(),
  attention: attentionView.nullish(),
  waiting: waitingView.nullish(),
  approved_at: z.string().nullish(),
  published_at: z.string().nullish(),
  lateness_ms: z.number().nullish(),
  created_at: z.string(),
  updated_at: z.string(),
});
export type PostView = z.output<typeof postView>;

export const attemptView = z.looseObject({
  id: z.string(),
  state: z.string(),
  started_at: z.string(),
  sent_at: z.string().nullish(),
  settled_at: z.string().nullish(),
  external_id: z.string().nullish(),
  error: errorView.nullish(),
  calls: z.array(
    z.looseObject({
      method: z.string(),
      path: z.string(),
      effect: z.string(),
      status: z.number().nullish(),
      at: z.string(),
    }),
  ),
});
