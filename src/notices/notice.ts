import { DateTime } from 'luxon';
import { z } from 'zod';
import type { ErrorRecord } from '../errors.ts';

/** A notice with what the people who get it need to know. */
export interface Notice {
  readonly id: string;
  /** A status that the connection came into, or `token_ends_` or `access_ends_` and the days until then. */
  readonly kind: string;
  /** The end, or when the connection left `active`. */
  readonly about: Date;
  /** How often it was tried to be sent, this time included. */
  readonly tries: number;
  /** The connection is still as the notice says. */
  readonly isTrue: boolean;
  readonly provider: string;
  readonly accountName: string;
  readonly error: ErrorRecord | null;
  readonly posts: PostsAtRisk;
}

/** Posts that wait for the connection, or will be due when it has ended: how many, and the first few. */
export const postsAtRisk = z.object({
  count: z.number(),
  next: z.array(
    z.object({
      reference: z.string().nullable(),
      message: z.string().nullable(),
      dueAt: z.coerce.date().nullable(),
    }),
  ),
});
type PostsAtRisk = z.output<typeof postsAtRisk>;
type PostAtRisk = PostsAtRisk['next'][number];

export interface Recipient {
  readonly tenantId: string;
  readonly tenantName: string;
  readonly timezone: string;
  readonly email: string | null;
}

export interface Mail {
  readonly subject: string;
  readonly text: string;
}

/** One mail for all that is to be told to a tenant at the moment. */
export function composeMail(
  notices: readonly Notice[],
  { tenantName, timezone }: Recipient,
  link: { readonly url: string; readonly expiresAt: Date },
): Mail {
  const told = notices.map((notice, at) => `${at + 1}. ${describe(notice, timezone)}`);
  const many = notices.length > 1;
  return {
    subject: subjectOf(notices, timezone),
    text: [
      `This is about ${many ? `${notices.length} connections` : 'a connection'} of ${oneLine(tenantName)}.`,
      ...told,
      `Connect ${many ? 'the accounts' : 'the account'} again here; no other account with us is needed:\n${link.url}`,
      `The link works until ${clock(link.expiresAt, timezone)}. Whoever has it can connect accounts for ${oneLine(tenantName)}: pass it on only to people who may.`,
      'Posts that wait go out by themselves once the connection works again. Each event is told in one mail.',
    ].join('\n\n'),
  };
}

function subjectOf(notices: readonly Notice[], timezone: string): string {
  const [first] = notices;
  const waiting = notices.reduce((sum, { posts }) => sum + posts.count, 0);
  const tail = waiting > 0 ? ` (${countPosts(waiting)} at risk)` : '';
  if (first === undefined || notices.length > 1) {
    return `${notices.length} connections need you${tail}`;
  }
  const what = isEnd(first.kind)
    ? `ends on ${local(first.about, timezone, 'd LLLL')}`
    : 'needs you';
  return `The connection to ${nameOf(first)} ${what}${tail}`;
}

function describe(notice: Notice, timezone: string): string {
  const lines = [nameOf(notice), ...storyOf(notice, timezone), atRisk(notice, timezone)];
  const next = notice.posts.next.map((post) => `- ${describePost(post, timezone)}`);
  return [...lines, ...next].join('\n   ');
}

function storyOf({ kind, about, error }: Notice, timezone: string): readonly string[] {
  const at = clock(about, timezone);
  if (kind.startsWith('token_ends')) {
    return [
      `Its access ends on ${at}. It could not be prolonged without a person.`,
      'What to do: log in through the link before then, and nothing is interrupted.',
    ];
  }
  if (kind.startsWith('access_ends')) {
    return [
      `From ${at} on the network lets us read nothing of this account: the last login is then 90 days old.`,
      'What to do: log in through the link before then, and nothing is interrupted.',
    ];
  }
  const happened = error?.user_message ?? 'The connection to this account has ended.';
  const todo = error?.action ?? 'Connect the account again.';
  return [`${oneLine(happened)} This was found on ${at}.`, `What to do: ${oneLine(todo)}`];
}

function atRisk({ kind, posts: { count, next } }: Notice, timezone: string): string {
  const [first] = next;
  if (count === 0) {
    return isEnd(kind)
      ? 'No post is planned for the time after that yet.'
      : 'No post waits for it.';
  }
  const which = isEnd(kind) ? 'due after that' : count === 1 ? 'waits' : 'wait';
  const due = first?.dueAt ? `, the first due on ${clock(first.dueAt, timezone)}` : '';
  return `${countPosts(count)} ${which}${due}:`;
}

function describePost({ reference, message, dueAt }: PostAtRisk, timezone: string): string {
  const words = oneLine(message ?? '');
  const name = reference === null ? words.slice(0, 60) || 'without text' : oneLine(reference);
  return `${dueAt === null ? 'as soon as possible' : clock(dueAt, timezone)}: ${name}`;
}

function nameOf({ provider, accountName }: Notice): string {
  return `${oneLine(accountName)} (${networks[provider] ?? provider})`;
}

const networks: Readonly<Record<string, string>> = {
  facebook: 'Facebook',
  instagram: 'Instagram',
  meta_ads: 'Meta ads',
};

function isEnd(kind: string): boolean {
  return kind.includes('_ends_');
}

function countPosts(count: number): string {
  return `${count} ${count === 1 ? 'post' : 'posts'}`;
}

/** `Monday, 5 April 2027, 14:00 (Europe/Berlin)`. */
function clock(at: Date, zone: string): string {
  return `${local(at, zone, 'cccc, d LLLL yyyy, HH:mm')} (${zone})`;
}

function local(at: Date, zone: string, format: string): string {
  return DateTime.fromJSDate(at, { zone }).setLocale('en').toFormat(format);
}

/** What people have written stays on its line. */
function oneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
}

const longestPauseMs = 6 * 3_600_000;

/** The pause before a mail that was certainly not taken is tried again, and after how many tries it is given up. */
export function mailPauseMs(tries: number): number | null {
  if (tries >= 30) return null;
  return Math.min(longestPauseMs, 60_000 * 2 ** Math.min(tries - 1, 12));
}
