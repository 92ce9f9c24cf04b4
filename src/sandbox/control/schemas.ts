import { z } from 'zod';
import { tokenStates } from '../world/model.ts';

const id = z.string().regex(/^\d{1,30}$/, "must be digits, as Meta's ids are");
const scopes = z.array(z.string().min(1));
const callsPerHour = z.number().int().min(0).nullable();
/** A point in time: milliseconds since 1970 or ISO 8601. */
const moment = z.union([
  z.number().int().min(0),
  z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
]);

export const appSchema = z.strictObject({
  id,
  name: z.string().min(1).optional(),
  secret: z.string().min(1).optional(),
  require_appsecret_proof: z.boolean().default(false),
  calls_per_hour: callsPerHour.default(null),
});

export const appChangeSchema = z.strictObject({
  name: z.string().min(1).optional(),
  secret: z.string().min(1).optional(),
  require_appsecret_proof: z.boolean().optional(),
  calls_per_hour: callsPerHour.optional(),
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
    state: z.enum(tokenStates).optional(),
    expires_at: moment.nullable().optional(),
    scopes: scopes.optional(),
    remove_scopes: scopes.optional(),
    tasks: scopes.optional(),
  })
  .refine((given) => given.token ?? given.page_id ?? given.user_id, {
    message: 'one of token, page_id, user_id must say which tokens are meant',
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

/** A control route was asked for something it cannot do; nothing changed. */
export class ControlError extends Error {
  override name = 'ControlError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
