import { commonRules } from '../../posts/rules.ts';
import type { Publishing, Rule, RuleText } from '../../providers/provider.ts';

/** What the page of one rule tells. */
export interface RulePage extends RuleText {
  readonly group: string;
  /** `warning`: what broke it is taken all the same. */
  readonly severity: Rule['severity'];
  /** Where a network's bound is written. */
  readonly source?: string;
}

/** What a request must look like, before anything else is looked at. */
const requestRules = {
  required: ['A field is missing that cannot be left out.', 'Send it; `path` names it.'],
  unknown_field: [
    'A field or a query parameter of this name does not exist here. Nothing is passed over in silence, so that a slip in a name loses nothing.',
    'Correct the name, or leave it out. `message` names the field that may be meant.',
  ],
  invalid_type: [
    'A value has another type than the field takes, a number for a string for example.',
    'Send the type that `message` names.',
  ],
  invalid_value: [
    'The field takes one of a few values, and this is none of them.',
    'Use one of the values in `message`.',
  ],
  too_big: ['A text, list or number is larger than its bound.', 'Keep to the bound in `message`.'],
  too_small: [
    'A text, list or number is smaller than its bound, an empty text for example.',
    'Keep to the bound in `message`.',
  ],
  invalid_key: [
    'The name of a field inside `metadata` is longer than 200 characters.',
    'Use a shorter name.',
  ],
  invalid_union: [
    'The value has none of the forms that the field takes.',
    'Compare it with /docs.',
  ],
  custom: ['A value breaks the bound that `message` names.', 'Keep to that bound.'],
  format_guid: [
    'Ids are UUIDs, as the API answered them.',
    'Copy the id from an answer of the API.',
  ],
  format_email: ['It is not one e-mail address.', 'Give one, as in name@example.com.'],
  format_regex: ['A text has not the form that `message` names.', 'Write it in that form.'],
  format_datetime: [
    'A moment is written as ISO 8601 with its offset, such as `2026-12-24T18:30:00+01:00`.',
    'Write it like that.',
  ],
  json: ['The body is not JSON.', 'Send one JSON document; `message` names the place of the slip.'],
  utf8: ['The body, or a row of a CSV file, holds bytes that are not UTF-8.', 'Send UTF-8.'],
  depth: ['The body is nested deeper than 32 levels.', 'Send flatter `metadata`.'],
  prototype: [
    'Fields called `__proto__`, or `constructor` with a `prototype` in it, are refused, as they could poison objects.',
    'Give the field another name.',
  ],
  text_nul: [
    'A text holds NUL (U+0000), which no database or network keeps.',
    'Remove it; `path` names the text.',
  ],
  text_lone_surrogate: [
    'A text holds half of a character (a lone surrogate), often from cutting a text in the middle of an emoji.',
    'Cut texts between characters; `path` names the text.',
  ],
  cursor: ['A `cursor` is only ever copied from `next_cursor`.', 'Start again without a cursor.'],
  if_match_format: [
    'The header If-Match holds an ETag of a post, such as `"3"` with its quotes.',
    'Copy the header ETag of the answer as it is.',
  ],
  idempotency_key_format: [
    'The header Idempotency-Key holds 1 to 255 visible ASCII characters, without spaces.',
    'Use a UUID, or your own id of what the request makes.',
  ],
  timezone_unknown: [
    'Time zones are IANA names such as `Europe/Berlin`. Offsets and abbreviations know no summer time.',
    'Use the IANA name.',
  ],
  provider_known: [
    'No network of this name is connected to this program.',
    'Use one of the names in `message`.',
  ],
  token_account: [
    'The token belongs to another account than the one that is to be connected.',
    'Send the token of this account.',
  ],
  token_lasts: [
    'The token ends by time, and the posts that are due after its end would wait for a person.',
    'Connect the account through POST /v1/connect/{provider}, whose tokens last, or send `accept_expiring`.',
  ],
  redirect_url_safe: [
    'People are sent back to addresses with https only, or with http on localhost or 127.0.0.1, without a user and without a fragment.',
    'Use such an address.',
  ],
  login_known: [
    'The network does not have this way to log in.',
    'Use one of those in `message`, or leave `login` out.',
  ],
  scope_known: [
    'The program has no use for a permission of this name.',
    'Use those in `message`; the usual ones are asked for in any case.',
  ],
  no_token: [
    'The network gave no token for this account, though the person who consented sees it.',
    'Have somebody connect it who has a role on it, and who ticks it in the dialog.',
  ],
  task_missing: [
    'The person who consented may not publish on this account.',
    'Have the account give that person the task, or have somebody else connect it.',
  ],
  scope_other_accounts: [
    'A permission was granted for other accounts only, and not for this one.',
    'Connect again, and tick this account in the dialog.',
  ],
  account_disabled: ['The network has closed this account.', 'Settle that with the network first.'],
  target_unknown: [
    'What the pause names does not exist, or belongs to another tenant.',
    "Use a provider's name, or the id of a tenant or an integration.",
  ],
  target_unexpected: ['A pause of everything takes no `target`.', 'Leave `target` out.'],
  from_before_to: [
    '`to` does not lie after `from`, so that nothing lies between.',
    'Exchange them.',
  ],
  since_past: ['A moment in the future cannot be that of a backup.', 'Give a moment in the past.'],
  replay_size: ['The filter chooses more posts than one replay may hold.', 'Narrow the filter.'],
  reachable: [
    'This process cannot reach its database or its queue.',
    'It recovers by itself once that is back; see `/readyz`.',
  ],
} as const satisfies Record<string, readonly [meaning: string, action: string]>;

/** What a post must keep beyond the rules of its network. */
const postRules = {
  one_due_time: ['A post has one due time.', 'Send `scheduled_at` or `scheduled_local`, not both.'],
  timezone_needs_local_time: [
    '`timezone` belongs to `scheduled_local`; `scheduled_at` has its own offset.',
    'Leave `timezone` out, or send `scheduled_local`.',
  ],
  offset_required: [
    'A time without an offset means another moment in every zone.',
    'Add `Z` or an offset such as `+01:00`, or use `scheduled_local`.',
  ],
  time_format: [
    'The time is not written in ISO 8601, such as `2026-12-24T18:30:00+01:00`.',
    'Write it like the example in `message`.',
  ],
  time_exists: ['No calendar has this day, time or offset.', 'Correct it.'],
  timezone_known: ['No IANA time zone has this name.', 'Use a name such as `Europe/Berlin`.'],
  local_time_without_offset: [
    '`scheduled_local` is what a clock on the wall shows, and that has no offset.',
    'Leave the offset out, or use `scheduled_at`.',
  ],
  local_time_does_not_exist: [
    'On this day clocks are set forward in that zone, past this time: no clock shows it.',
    'Use a time before or after the gap.',
  ],
  time_range: ['Due times lie between the years 2000 and 2199.', 'Correct the year.'],
  media_shape: [
    'The column `media` holds a list of `{type, url, alt_text?}`, and something else was written into it by SQL.',
    'Write it as POST /v1/posts takes it.',
  ],
  mode_supported: ['The network does not know this `publish_mode`.', 'Use another one.'],
  provider_supported: [
    'The network of this integration is not among those that this program publishes to.',
    'Use another integration, or ask the operator.',
  ],
  scheduled_change_fields: [
    'The network holds the post already. Of such a post only the message and the time can change.',
    'Cancel it and make a new one.',
  ],
  scheduled_change_window: [
    'The network holds the post already, and the new time is one that its scheduler does not take: Facebook takes 10 minutes to 75 days ahead.',
    'Use a time inside the bounds in `message`, or cancel the post and make a new one.',
  ],
  external_id_of_account: [
    'The id is not one of a post of this account.',
    "Copy the post's id from the network: of a Page's post `<page id>_<post id>`.",
  ],
  external_id_exists: [
    'The network says that it has no post of this id.',
    'Look again on the network, and copy the id of the post there.',
  ],
} as const satisfies Record<string, readonly [string, string]>;

const postWarnings = {
  local_time_repeated: [
    'On this day clocks are set back in that zone, and show this time twice. The first was taken.',
    'If the second is meant, use `scheduled_at` with its offset.',
  ],
  late_limit: [
    "The due time has gone by for longer than the tenant's `late_limit_s`: approved, the post would be `missed`.",
    'Give it a new time.',
  ],
} as const satisfies Record<string, readonly [string, string]>;

/** What `social-publisher import` says of a file before any row is tried. */
const importRules = {
  empty_file: ['The file is empty.', 'Save it again; the first line names the columns.'],
  missing_column: ['A column is missing that every calendar needs.', 'Add it to the first line.'],
  unknown_column: ['No column of this name is known.', 'Correct the name, or remove the column.'],
  repeated_column: ['Two columns have the same name.', 'Rename or remove one.'],
  column_count: [
    'The row has more or fewer cells than the first line.',
    'Put cells that hold the separator in quotes.',
  ],
  quotes: ['The quotes of the row do not fit.', 'Quote the whole cell; write a quote in it twice.'],
  no_nul: ['A cell holds NUL (U+0000), which no post can carry.', 'Remove it.'],
  reference_unique: [
    'Two rows of one tenant have the same reference; it tells posts apart when a file is imported again.',
    'Give each row its own.',
  ],
  alt_text_count: ['There are more alt texts than media.', 'Give one for each, separated by `|`.'],
  media_base_required: [
    'A medium is named by a path, and nobody said where the files lie.',
    'Write the whole address, or use `--media-base`.',
  ],
  tenant_known: ['There is no tenant of this name, reference or id.', 'Compare `tenant list`.'],
  page_known: [
    'The tenant has no connected Page of this name or id.',
    'Compare `integration list`, or connect the Page.',
  ],
  refused: ['The row was refused as a whole.', 'Do what `message` says.'],
} as const satisfies Record<string, readonly [string, string]>;

const ownRules: readonly (readonly [string, RulePage])[] = [
  ...pagesOf('Requests', 'error', requestRules),
  ...pagesOf('Posts', 'error', postRules),
  ...pagesOf('Posts', 'warning', postWarnings),
  ...pagesOf('CSV import', 'error', importRules),
  ...commonRules.map(
    ({ id, severity, meaning, action }) =>
      [id, { group: 'Posts', severity, meaning, action }] as const,
  ),
];

/** Every rule that an error or a warning can name, by its id: ours, those of the networks, and their errors by key. */
export function rulePages(
  providers: ReadonlyMap<string, Publishing>,
): ReadonlyMap<string, RulePage> {
  const ofNetworks = [...providers.values()].flatMap(({ name, rules }) =>
    rules.map((rule) => [rule.id, { group: `Posts on ${capitalized(name)}`, ...rule }] as const),
  );
  const errorsOfNetworks = [...providers.values()].flatMap(({ name, errors }) =>
    errors.map(({ key, meaning, action }) => {
      const group = `Errors of ${capitalized(name)}`;
      return [key, { group, severity: 'error', meaning, action }] as const;
    }),
  );
  return new Map([...ownRules, ...ofNetworks, ...errorsOfNetworks]);
}

function capitalized(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

function pagesOf(
  group: string,
  severity: Rule['severity'],
  texts: Readonly<Record<string, readonly [meaning: string, action: string]>>,
): (readonly [string, RulePage])[] {
  return Object.entries(texts).map(([id, [meaning, action]]) => [
    id,
    { group, severity, meaning, action },
  ]);
}
