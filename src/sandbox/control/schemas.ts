import { z } from 'zod';
import { pageTasks } from '../graph/tokens.ts';
import { tokenStates, tokenTypes } from '../world/model.ts';

const id = z.string().regex(/^\d{1,30}$/, "must be digits, as Meta's ids are");
const scopes = z.array(z.string().min(1));
const callsPerHour = z.number().int().min(0).nullable();
/** A point in time: milliseconds since 1970 or ISO 8601. */
const moment = z.union([
  z.number().int().min(0),
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
]);

const loginConfigs = z.array(
  z.strictObject({
    id,
    scopes,
    token_type: z.enum(['user', 'system_user']).default('user'),
  }),
);

export const appChangeSchema = z.strictObject({
  name: z.string().min(1).optional(),
  secret: z.string().min(1).optional(),
  require_appsecret_proof: z.boolean().optional(),
  calls_per_hour: callsPerHour.optional(),
  mode: z.enum(['live', 'development']).optional(),
  redirect_uris: z.array(z.url()).optional(),
  configs: loginConfigs.optional(),
  /** Ids of the people with a role on the app. */
  people: z.array(id).optional(),
});

export const appSchema = appChangeSchema.extend({
  id,
  kind: z.enum(['facebook', 'instagram']).optional(),
  require_appsecret_proof: z.boolean().default(false),
  calls_per_hour: callsPerHour.default(null),
});

export const pageSchema = z.strictObject({
  id: id.optional(),
  name: z.string().min(1).max(200),
  category: z.string().min(1).default('Local business'),
  max_schedule_days: z.number().positive().max(366).default(75),
  calls_per_hour: callsPerHour.default(null),
  portfolio: z.boolean().default(false),
  app_id: id.optional(),
  user_id: id.optional(),
  scopes: scopes.optional(),
  tasks: scopes.optional(),
});

export const pageChangeSchema = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  max_schedule_days: z.number().positive().max(366).optional(),
  calls_per_hour: callsPerHour.optional(),
  portfolio: z.boolean().optional(),
  /** Switches that differ from the sandbox's weather on this Page; null takes them back. */
  weather: z.record(z.string(), z.unknown()).nullable().optional(),
});

export const tokenSchema = z.strictObject({
  type: z.enum(['page', 'user']).default('page'),
  page_id: id.optional(),
  page_ids: z.array(id).optional(),
  user_id: id.optional(),
  app_id: id.optional(),
  scopes: scopes.optional(),
  tasks: scopes.optional(),
  expires_at: moment.nullable().default(null),
  access_token: z.string().min(8).optional(),
});

export const tokenChangeSchema = z
  .strictObject({
    token: z.string().optional(),
    page_id: id.optional(),
    user_id: id.optional(),
    app_id: id.optional(),
    type: z.enum(tokenTypes).optional(),
    state: z.enum(tokenStates).optional(),
    expires_at: moment.nullable().optional(),
    issued_at: moment.optional(),
    scopes: scopes.optional(),
    remove_scopes: scopes.optional(),
    tasks: scopes.optional(),
  })
  .refine((given) => given.token ?? given.page_id ?? given.user_id ?? given.app_id, {
    message: 'one of token, page_id, user_id, app_id must say which tokens are meant',
  });

export const clockSchema = z.strictObject({
  now: moment.optional(),
  advance_ms: z.number().int().min(0).optional(),
  frozen: z.boolean().optional(),
});

export const resetSchema = z.strictObject({
  /** Keeps apps, Pages, tokens, settings and clock; empties everything else. */
  keep_pages: z.boolean().default(false),
});

/** What a person, or another app, posts on the Page. */
export const personPostSchema = z.strictObject({
  message: z.string().min(1),
  link: z.url({ protocol: /^https?$/ }).optional(),
  /** Another app that posts for the Page; without it a person does. */
  app_id: id.optional(),
  published: z.boolean().default(true),
});

export const commentSchema = z.strictObject({ message: z.string().min(1) });

export const postChangeSchema = z.strictObject({
  message: z.string().optional(),
  scheduled_publish_time: moment.optional(),
  publish: z.boolean().optional(),
  vanish: z.boolean().optional(),
  late_minutes: z.number().min(0).optional(),
});

const ids = z.array(id).default([]);
const changeOfLogin = {
  /** Ends the tokens of all apps. */
  password_changed: z.boolean().default(false),
  checkpoint: z.boolean().optional(),
  remove_apps: ids,
};

export const userSchema = z.strictObject({
  id: id.optional(),
  name: z.string().min(1).max(200),
  page_ids: ids,
  tasks: scopes.default(pageTasks),
  ad_account_ids: ids,
});

export const personChangeSchema = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  /** Tasks by Page; null takes the role away. */
  roles: z.record(id, scopes.nullable()).default({}),
  ad_account_ids: z.array(id).optional(),
  ...changeOfLogin,
});

export const businessSchema = z.strictObject({
  id: id.optional(),
  name: z.string().min(1).max(200),
  user_ids: ids,
  owned_page_ids: ids,
  client_page_ids: ids,
  owned_ad_account_ids: ids,
  client_ad_account_ids: ids,
});

const accountStatus = z.union([1, 2, 3, 7, 8, 9, 100, 101, 201, 202].map((at) => z.literal(at)));

export const adAccountSchema = z.strictObject({
  id: id.optional(),
  name: z.string().min(1).max(200),
  account_status: accountStatus.default(1),
  currency: z.string().length(3).default('EUR'),
  timezone_name: z.string().min(1).default('Europe/Berlin'),
  user_ids: ids,
});

export const adAccountChangeSchema = z.strictObject({
  name: z.string().min(1).max(200).optional(),
  account_status: accountStatus.optional(),
});

const accountType = z.enum(['BUSINESS', 'MEDIA_CREATOR']);

export const instagramSchema = z.strictObject({
  id: id.optional(),
  username: z.string().min(1).max(60),
  name: z.string().min(1).optional(),
  account_type: accountType.default('BUSINESS'),
  page_id: id.nullable().default(null),
});

export const instagramChangeSchema = z.strictObject({
  username: z.string().min(1).max(60).optional(),
  account_type: accountType.optional(),
  page_id: id.nullable().optional(),
  ...changeOfLogin,
});

/** Which of a kind are ticked; without it as last time, and `all` the first time. */
const ticked = z.union([z.literal('all'), z.array(id)]).optional();

export const consentSchema = z.strictObject({
  authorize_url: z.url(),
  user_id: id.optional(),
  deny: z.boolean().default(false),
  decline_scopes: scopes.default([]),
  page_ids: ticked,
  ad_account_ids: ticked,
  instagram_account_ids: ticked,
  business_ids: ticked,
  /** For whom a system user is made. */
  business_id: id.optional(),
  /** By permission, where one is given for other assets than the rest of its kind. */
  target_ids: z.record(z.string(), z.array(id)).default({}),
});

const loopback = /^http:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?(\/|$)/;

export const callbackSchema = z.strictObject({
  kind: z.enum(['deauthorize', 'data_deletion']),
  user_id: id,
  app_id: id,
  url: z.string().regex(loopback, 'must be http on loopback: nothing here reaches anybody else'),
  /** Signs with another secret than the app's. */
  secret: z.string().min(1).optional(),
});

/** A control route was asked for something it cannot do; nothing changed. */
export class ControlError extends Error {
  override name = 'ControlError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
