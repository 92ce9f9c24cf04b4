import { z } from 'zod';
import { callView, errorView } from '../story/views.ts';

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

export const attemptView = z.looseObject({
  id: z.string(),
  state: z.string(),
  started_at: z.string(),
  sent_at: z.string().nullish(),
  settled_at: z.string().nullish(),
  external_id: z.string().nullish(),
  error: errorView.nullish(),
  calls: z.array(callView),
});
