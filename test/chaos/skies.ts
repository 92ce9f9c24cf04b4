import {
  type Call,
  type Content,
  callsOf,
  contents,
  type Mode,
  modes,
  type Steps,
} from './cells.ts';

/** One weather of the sandbox: what nobody has seen Meta do for certain, one switch at a time. */
export interface Sky {
  readonly name: string;
  /** Of the cell's own Page. */
  readonly weather?: object;
  /** Of the whole sandbox, which then has no other sky. */
  readonly settings?: object;
  /** No list has shown such a post before: what the lists say proves nothing. */
  readonly isNeverListed?: true;
  /** What should be hidden, or a draft, is public at once. */
  readonly isShown?: true;
  /** Posts the same words at the same time; another app always does. */
  readonly hasPerson?: true;
  /** How far ahead a scheduled post is; one day unless it is said. */
  readonly inDays?: number;
}

const minuteMs = 60_000;

export const skies: readonly Sky[] = [
  { name: 'fair' },
  { name: 'a person posts the same words', hasPerson: true },
  { name: 'revealing again is refused', weather: { reveal_again: 'refuse' } },
  { name: 'hidden posts take no time', weather: { schedule_hidden: 'refuse' } },
  { name: 'hidden posts ignore their time', weather: { schedule_hidden: 'ignore' } },
  {
    name: 'hidden posts are shown',
    weather: { hidden_shown: true },
    isNeverListed: true,
    isShown: true,
  },
  { name: 'the window is 30 days', weather: { window_days: 30 }, inDays: 40 },
  {
    name: 'texts are rewritten',
    weather: {
      rewrite_message: [
        'mentions',
        'blank_lines',
        'trailing_blanks',
        'lone_cr',
        'zero_width',
        'no_break_space',
        'variation_selectors',
        'controls',
        'composed',
      ],
    },
  },
  { name: 'attachments come late', weather: { attachments_lag_ms: 1_500 } },
  { name: 'attachments come very late', weather: { attachments_lag_ms: 10 * minuteMs } },
  { name: 'posts show an event', weather: { attachments: 'event' } },
  { name: 'posts show no attachments', weather: { attachments: 'none' } },
  { name: 'links are canonical', weather: { link_shown: 'canonical' } },
  { name: 'links are redirects', weather: { link_shown: 'shim' } },
  { name: 'oldest first', weather: { edge_order: 'oldest' } },
  { name: 'ranked', weather: { edge_order: 'ranked' } },
  { name: 'drafts are on no list', weather: { drafts_listed: false }, isNeverListed: true },
  {
    name: 'lists are forbidden',
    weather: {
      edge_scopes: {
        promotable_posts: 'pages_manage_ads',
        scheduled_posts: 'pages_manage_ads',
        published_posts: 'pages_read_user_content',
      },
    },
  },
  { name: 'pages of 25 at most', weather: { reduce_data_above_limit: 25 } },
  { name: 'pages of 5 at most', weather: { reduce_data_above_limit: 5 } },
  { name: 'photos may be used twice', weather: { photo_reuse: 'allow' } },
  { name: 'ids are found late', weather: { node_lag_ms: 800 } },
  { name: 'one call in twenty fails', weather: { outage: 'code_2_503', outage_share: 0.05 } },
  { name: 'one call in twenty is HTML', weather: { outage: 'html', outage_share: 0.05 } },
];

/** Each has a sandbox to itself. */
export const wideSkies: readonly Sky[] = [
  { name: 'lists are late and in pieces', settings: { read_lag_ms: 1_000, short_pages: true } },
];

/** One post on a Page of its own. */
export interface WeatherCell {
  /** Its message. */
  readonly name: string;
  readonly sky: Sky;
  readonly steps: Steps;
  /** The call whose answer is lost. */
  readonly call: Call;
  /** Whether it had its effect. */
  readonly happened: boolean;
  readonly content: Content;
  readonly mode: Mode;
  /** The network does not take it yet: it waits. */
  readonly mayWait: boolean;
  /** It is public at once: its row must say so, and ask a person. */
  readonly isShown: boolean;
}

/** Everything that weather may do something to. */
export const oddWords =
  'Cafe\u0301 \ufe0f\u200b a\u00a0b \u0007 @[1234567890] \n\n\n\n with a\rreturn';

export function weatherCellsOf(sky: Sky, inSteps: Steps): readonly WeatherCell[] {
  return modes.flatMap((mode) =>
    contents.flatMap((content) =>
      callsOf(mode, inSteps).flatMap((call) =>
        [true, false].map((happened) => {
          const told = [sky.name, call, happened ? 'happened' : 'did not', mode, content];
          return {
            name: `${told.join(' · ')} ${oddWords}`,
            sky,
            steps: inSteps,
            call,
            happened,
            content,
            mode,
            mayWait: sky.inDays !== undefined && mode === 'schedule',
            isShown: sky.isShown === true,
          };
        }),
      ),
    ),
  );
}
