import { actions, type ErrorLine } from './error-line.ts';

const { nothing, reconnect, grantScopes, fixVideo } = actions;

/** What no number tells: failures of the transport, answers that are none, codes that nobody knows. */
// biome-ignore format: a table, one line a case
export const generalErrors = {
  unknownOutcome: { where: 'a publishing call without an answer that proves its end', class: 'unknown_outcome', who: 'nobody', key: 'outcome_unknown', user_message: 'Meta did not say whether the post was made.', action: 'Wait: it is looked for on the account before anything is sent again.', source: 'no idempotency key exists; seven duplicates after an HTTP 500 (koala#699)' },
  unreachable: { where: 'no connection was made', class: 'retry', who: 'nobody', scope: 'provider', key: 'provider_unreachable', user_message: 'Meta could not be reached.', action: nothing, source: 'nothing was sent' },
  malformedToken: { where: 'a token that no header can carry', class: 'reauth', who: 'tenant_admin', key: 'token_malformed', user_message: 'The access token is damaged.', action: reconnect, source: 'nothing was sent' },
  noAnswer: { where: 'the connection broke, or the time ran out', class: 'retry', who: 'nobody', scope: 'provider', key: 'provider_no_answer', user_message: 'Meta did not answer in time.', action: nothing, source: 'the effect of the call decides' },
  unreadable: { where: 'HTML, nothing, a cut-off or unexpected body', class: 'retry', who: 'meta', scope: 'provider', key: 'provider_unreadable', user_message: 'Meta gave an answer that cannot be read.', action: nothing, source: 'the effect of the call decides' },
  transient: { where: 'an unlisted code marked transient, or under HTTP 5xx', class: 'retry', who: 'meta', scope: 'provider', key: 'provider_error', user_message: 'Meta had an error.', action: nothing, source: 'the effect of the call decides' },
  limited: { where: 'HTTP 429 without a code', class: 'rate_limited', who: 'nobody', key: 'rate_limited', user_message: 'Meta allows no more calls for now.', action: nothing, source: 'RFC 9110' },
  unauthorized: { where: 'HTTP 401 without a code', class: 'reauth', who: 'tenant_admin', key: 'token_rejected', user_message: 'Meta no longer accepts the connection to this account.', action: reconnect, source: 'RFC 9110' },
  forbidden: { where: 'HTTP 403 without a code', class: 'permission', who: 'tenant_admin', key: 'permission_denied', user_message: 'The connection lacks a permission that this needs.', action: grantScopes, source: 'RFC 9110' },
  upload: { where: 'an upload (debug_info) not to be repeated', class: 'invalid', who: 'author', key: 'upload_refused', user_message: 'Meta does not take the file.', action: fixVideo, source: 'Meta: Reels publishing' },
  uploadAgain: { where: 'an upload (debug_info) to be repeated or resumed', class: 'retry', who: 'nobody', key: 'upload_interrupted', user_message: 'The upload must go on.', action: nothing, source: 'Meta: Reels publishing' },
  unlisted: { where: 'any other code', class: 'retry', who: 'operator', key: 'provider_refused', user_message: 'Meta refuses this and documents no reason.', action: 'Look at the message; if it says nothing about the post, report it with the fbtrace_id.', source: 'the effect of the call decides; tries are bounded' },
} as const satisfies Record<string, ErrorLine>;
