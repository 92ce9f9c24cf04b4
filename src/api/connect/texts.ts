import { InvalidRequestError, LimitedError, NotFoundError, PublishError } from '../../errors.ts';
import type { Notice } from './pages.ts';

const problem = (title: string, ...lines: readonly string[]): Notice => ({
  kind: 'problem',
  title,
  lines,
});
const askForAnother = 'Ask whoever sent it to you for a new one.';
const again = 'Nothing was changed. Start again below.';

/** What people are told who have nothing but the page. */
export const texts = {
  unknown: problem(
    'This link does not work',
    'It may have been cut off when it was copied: open it once more, whole.',
    `If that does not help, it is not valid. ${askForAnother}`,
  ),
  over: problem('This link is over', 'Such links work for seven days.', askForAnother),
  noCookie: problem(
    'Your browser has forgotten this link',
    'Open the link that you were sent once more, in this browser. Cookies of this site must be allowed.',
  ),
  tooOften: problem('Too many tries', 'Wait a few minutes, then open the link again.'),
  broken: problem(
    'Something went wrong on our side',
    'Try again in a few minutes. If it happens again, tell whoever sent you this link.',
  ),
  choiceOver: problem(
    'Too much time has passed',
    'For your safety a login at Meta is kept for 15 minutes only. Log in again to choose.',
  ),
  nothingTicked: problem('Nothing was ticked', 'Tick at least one account, then connect.'),
} as const;

/** By the code with which the way through Meta ended. */
const failures: Readonly<Record<string, Notice>> = {
  authorization_denied: problem(
    'Not connected: the permission was not given',
    'The login at Meta was cancelled, or a permission was left out that publishing needs.',
    again,
  ),
  session_expired: problem(
    'Not connected: the login is over',
    'It took longer than 15 minutes, or the same login was used before, as happens after going back.',
    again,
  ),
  missing_params: problem('Not connected: Meta sent you back without an answer', again),
  token_exchange_failed: problem(
    'Not connected: Meta did not finish the login',
    'That may pass by itself. Try again in a few minutes.',
    'If it does not pass, the app at Meta needs a look: tell whoever sent you this link.',
  ),
  no_pages: problem(
    'Not connected: Meta shows no Page of yours',
    'Log in as somebody who manages the Page, and tick it when Meta asks.',
  ),
  no_accounts: problem(
    'Not connected: Meta shows no account that could be used',
    'Log in as somebody who manages the account, and tick it when Meta asks. An Instagram account must be a professional one.',
  ),
  invalid_config: problem(
    'Not connected: no app at Meta is set up for this',
    'You can do nothing about it. Tell whoever sent you this link.',
  ),
  internal_error: texts.broken,
};

/** What the address says of what has just happened: only words that are ours are shown. */
export function noticeOf(query: unknown): Notice | undefined {
  const { error, connected } = fieldsOf(query);
  if (typeof error === 'string') return failures[error] ?? texts.broken;
  const count =
    typeof connected === 'string' && /^\d{1,3}$/.test(connected) ? Number(connected) : 0;
  return count > 0 ? done(count) : undefined;
}

function fieldsOf(query: unknown): { readonly error?: unknown; readonly connected?: unknown } {
  return typeof query === 'object' && query !== null ? query : {};
}

function done(count: number): Notice {
  return {
    kind: 'done',
    title: count === 1 ? 'Connected' : `${count} accounts are connected`,
    lines: [
      'Posts that waited go out by themselves. Nothing is published that nobody has approved.',
      'You can close this page, or connect more.',
    ],
  };
}

/** Why one account was not connected. Null: that is a defect, or nobody's business here. */
export function refusalText(error: unknown): string | null {
  if (error instanceof PublishError) return `${error.record.user_message} ${error.record.action}`;
  if (error instanceof InvalidRequestError) return error.errors[0]?.message ?? error.message;
  if (error instanceof NotFoundError) return 'It is not among the accounts that Meta shows us.';
  return error instanceof LimitedError ? `${error.message} Try again in an hour.` : null;
}
