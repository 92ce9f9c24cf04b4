import { z } from 'zod';

const rewrites = [
  'mentions',
  'blank_lines',
  'trailing_blanks',
  'lone_cr',
  'zero_width',
  'no_break_space',
  'variation_selectors',
  'controls',
  'composed',
] as const;
type Rewrite = (typeof rewrites)[number];

/**
 * What nobody has seen Meta do for certain, each as a switch; the defaults are fair weather.
 * Any reset brings fair weather back. A Page can have a weather of its own.
 */
export const weatherSchema = z.strictObject({
  /** What `is_published=true` answers for a post that is public already. */
  reveal_again: z.enum(['success', 'refuse']).default('success'),
  /** What `scheduled_publish_time` does to a draft or dark post; `ignore` answers success. */
  schedule_hidden: z.enum(['allow', 'refuse', 'ignore']).default('allow'),
  /** A draft or dark post is public at once, as one project reported. */
  hidden_shown: z.boolean().default(false),
  /** The far end of the window for schedule times; null: each Page's own. */
  window_days: z.number().positive().max(366).nullable().default(null),
  /** What Meta changes in a text before it keeps it. */
  rewrite_message: z.array(z.enum(rewrites)).default([]),
  /** A post shows its attachments this long after it was made. */
  attachments_lag_ms: z.number().int().min(0).default(0),
  /** `event`: a post without photos shows an event below its text; `none`: nothing shows anything. */
  attachments: z.enum(['photo', 'event', 'none']).default('photo'),
  /** The address that a link card shows. */
  link_shown: z.enum(['same', 'canonical', 'shim']).default('same'),
  edge_order: z.enum(['newest', 'oldest', 'ranked']).default('newest'),
  /** Whether drafts are on promotable_posts. */
  drafts_listed: z.boolean().default(true),
  /** The scope that reading an edge takes besides `pages_read_engagement`. */
  edge_scopes: z.record(z.string(), z.string().min(1)).default({}),
  /** Edges refuse a `limit` above this; null is off. */
  reduce_data_above_limit: z.number().int().min(1).nullable().default(null),
  /** Whether a photo that is in one post can be put into a second one. */
  photo_reuse: z.enum(['refuse', 'allow']).default('refuse'),
  /** A post or photo cannot be found by its id until this long after it was made. */
  node_lag_ms: z.number().int().min(0).default(0),
  /** Pages in a business portfolio: on /me/accounts with `business_management`, or never. */
  portfolio_pages: z
    .enum(['with_business_management', 'never'])
    .default('with_business_management'),
  /** What exchanging a long-lived user token gives: a new one, the same one as it is, or the same one prolonged. */
  exchange_again: z.enum(['new', 'same', 'prolonged']).default('new'),
  /** The shapes of two answers of Instagram Login, each documented and recorded in both. */
  instagram_token_shape: z.enum(['flat', 'data']).default('flat'),
  instagram_me_shape: z.enum(['flat', 'data']).default('flat'),
  /** Whether Instagram's `user_id` is a string or a bare number, too long for a double, in the answer to a code. */
  instagram_user_id: z.enum(['text', 'number']).default('text'),
  /** Whether debug_token knows Instagram's tokens. */
  debug_instagram: z.boolean().default(true),
  /** The field of GET /{app} that tells `live` or `development`; null: none does. */
  app_mode_field: z.string().min(1).nullable().default(null),
  /** Meta is down: nothing has an effect, and this is answered. */
  outage: z.enum(['none', 'code_1', 'code_2', 'code_2_503', 'html']).default('none'),
  /** How many of the calls an outage hits. */
  outage_share: z.number().gt(0).max(1).default(1),
});

export type Weather = z.infer<typeof weatherSchema>;

/** The weather of a Page, its own or that of the whole sandbox. */
export function weatherOf(
  world: { readonly weather: Weather },
  page: { readonly weather: Weather | null } | undefined,
): Weather {
  return page?.weather ?? world.weather;
}

type PageNames = ReadonlyMap<string, { readonly name: string }>;

const rewriting: Readonly<Record<Rewrite, (text: string, pages: PageNames) => string>> = {
  // Documented: @[page id] is shown as the Page's name.
  mentions: (text, pages) =>
    text.replaceAll(/@\[(\d+)(?::[^\]]*)?\]/g, (_all, id: string) => pages.get(id)?.name ?? 'Page'),
  blank_lines: (text) => text.replaceAll(/\n{3,}/g, '\n\n'),
  trailing_blanks: (text) => text.replaceAll(/[ \t]+\n/g, '\n'),
  lone_cr: (text) => text.replaceAll('\r', '\n'),
  zero_width: (text) => text.replaceAll(/[\u200b\u200c\u2060\ufeff]/g, ''),
  no_break_space: (text) => text.replaceAll('\u00a0', ' '),
  variation_selectors: (text) => text.replaceAll(/[\ufe0e\ufe0f]/g, ''),
  controls: (text) => text.replaceAll(/\p{Cc}/gu, (char) => (/[\t\n\r]/.test(char) ? char : '')),
  composed: (text) => text.normalize('NFC'),
};

/** The text after everything that this weather does to it, in the order of the list. */
export function rewriteText({ rewrite_message }: Weather, text: string, pages: PageNames): string {
  return rewrite_message.reduce((kept, rewrite) => rewriting[rewrite](kept, pages), text);
}
