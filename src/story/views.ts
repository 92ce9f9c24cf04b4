import { relative } from 'node:path';
import { z } from 'zod';

const actors: Readonly<Record<string, string>> = {
  author: 'the author',
  tenant_admin: "the tenant's administrator",
  operator: 'the operator',
};

/** Who must act, as a person would say it. */
export function nameOfActor(who: string): string {
  return actors[who] ?? who;
}

const accountStates: Readonly<Record<string, string>> = {
  needs_reconnect: 'needs a new access token',
  needs_permission: 'lacks a permission and needs a new access token',
  blocked: 'is blocked by the network',
  disconnected: 'is disconnected and needs an access token',
};

/** `needs a new access token`: what is the matter with an account that is not active. */
export function accountStateText(status: string): string {
  return accountStates[status] ?? `is ${status}`;
}

/** `1 post`, `2 posts`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The command that gives a known account a new token; null where a token is not what is missing. */
export function reconnectCommand(
  status: string,
  { account, tenant }: { readonly account: string; readonly tenant: string },
): string | null {
  if (status === 'active' || status === 'blocked') return null;
  return `npm run cli -- integration add --account ${shellWord(account)} --tenant ${shellWord(tenant)}`;
}

/** As one word of a POSIX shell, whatever it holds. */
export function shellWord(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** As short as it can be typed in this folder. */
export function pathFromHere(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere;
}

/** To the second, as people compare such times by eye; ours are in UTC. */
export function shortTime(at: string | null | undefined): string {
  return at === null || at === undefined ? '' : at.replace(/\.\d+Z$/, 'Z').replace('T', ' ');
}

/** `0.4 s`, `3 min`, `2 h`. */
export function shortDuration(ms: number): string {
  const seconds = ms / 1000;
  if (Math.abs(seconds) < 90) return `${seconds.toFixed(1)} s`;
  const minutes = seconds / 60;
  return Math.abs(minutes) < 90 ? `${minutes.toFixed(0)} min` : `${(minutes / 60).toFixed(1)} h`;
}

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

/** Everything of a post that a person asks for first, by name; what it does not have is absent. */
export function factsOf(post: PostView): readonly (readonly [name: string, text: string])[] {
  const { waiting, attention, error, media } = post;
  const facts: [string, string | null | undefined][] = [
    ['post', post.id],
    ['status', `${post.status} (version ${post.version})`],
    ['reference', post.reference],
    ['due', shortTime(post.scheduled_at)],
    ['mode', post.publish_mode],
    ['message', post.message],
    ['link', post.link],
    ['media', media.map(({ url }) => url).join(' ')],
    ['made ready', shortTime(post.prepared_at)],
    ['external id', post.external_id],
    ['url', post.publish_url],
    ['published', shortTime(post.published_at)],
    ['lateness', typeof post.lateness_ms === 'number' ? shortDuration(post.lateness_ms) : null],
    [
      'waits',
      waiting &&
        `${waiting.text} (${waiting.reason}${waiting.until === null ? '' : `, until ${shortTime(waiting.until)}`})`,
    ],
    [
      'attention',
      attention &&
        `${attention.text} (${nameOfActor(attention.who)}: ${attention.choices.join(', ')})`,
    ],
    ['error', error && `${error.message} (${error.class})`],
    ['next step', error && `${nameOfActor(error.who)}: ${error.action}`],
  ];
  return facts.flatMap(([name, text]) => (text ? [[name, text] as const] : []));
}
