/** One kind of problem, as its page tells it. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly meaning: string;
  readonly action: string;
}

/**
 * Every `code` that a problem document can carry. An `AppError` with one of these codes answers with its status,
 * whichever part of the program threw it.
 */
export const problemKinds = {
  malformed_request: {
    status: 400,
    title: 'The request cannot be understood',
    meaning:
      'A field is missing, unknown or of the wrong type, a query parameter is unknown, or an id is not an id.',
    action: 'Compare the request with /docs; `errors` names each field at fault.',
  },
  malformed_json: {
    status: 400,
    title: 'The body is not JSON',
    meaning:
      'The body is empty, cut off, not JSON, not UTF-8, nested too deeply, or names a field that could poison objects.',
    action: 'Send one JSON document in UTF-8.',
  },
  malformed_text: {
    status: 400,
    title: 'A text holds characters that cannot be stored',
    meaning:
      'A string holds NUL (U+0000) or half of a surrogate pair: neither survives in a database or on a network.',
    action: 'Remove those characters; `errors` names the field.',
  },
  malformed_cursor: {
    status: 400,
    title: 'Unknown cursor',
    meaning: 'Cursors are opaque; they are only ever copied from `next_cursor`.',
    action: 'Start again without a cursor.',
  },
  signature_invalid: {
    status: 400,
    title: 'The signature is wrong',
    meaning:
      'A callback of Meta must carry a `signed_request` made with the secret of an app that is configured here. Nothing was done.',
    action:
      'See that the secret of the app is the one of the Meta App Dashboard: META_APP_SECRET, INSTAGRAM_APP_SECRET, or the app of the tenant.',
  },
  tenant_required: {
    status: 400,
    title: 'Tenant required',
    meaning: "The operator's token and platform keys act for a tenant only when told which one.",
    action: 'Add the header `Tenant-Id: <id of the tenant>`.',
  },
  unauthenticated: {
    status: 401,
    title: 'Authentication required',
    meaning: 'The Authorization header is missing, malformed, or its key is unknown or revoked.',
    action: 'Send `Authorization: Bearer <key>` with a key that is in use.',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed with this key',
    meaning:
      'The key is good, but the call is for another role: for the operator, for another tenant, or a write with a key that only reads.',
    action: 'Use a key with the right scope.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    meaning: 'The address is unknown, or the id does not exist or belongs to another tenant.',
    action: 'Check the address, the id, and whose key is used.',
  },
  no_pending_connection: {
    status: 404,
    title: 'No such connection',
    meaning:
      'What a person consented to can be chosen from for 15 minutes; this one is over, or was never there, or belongs to another tenant.',
    action: 'Start again with POST /v1/connect/{provider}.',
  },
  account_not_found: {
    status: 404,
    title: 'The consent does not reach this account',
    meaning: 'The account is not among those that the person showed us.',
    action: 'Choose one of GET /v1/connections/{id}, or have it ticked in the dialog.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The address exists, but not for this method; the Allow header lists those it has.',
    action: 'Use one of the methods in Allow.',
  },
  conflict: {
    status: 409,
    title: 'Not possible in this state',
    meaning:
      'The post is in a state from which this step is not possible, or something else changed meanwhile; `detail` names it.',
    action: 'Read the post again, then decide.',
  },
  not_available_yet: {
    status: 409,
    title: 'Not supported by this version',
    meaning:
      'The network holds the post, or may hold it, and this version of the program can neither change it there nor look for it.',
    action: 'Make the change on the network itself.',
  },
  change_pending: {
    status: 409,
    title: 'A change is still being made',
    meaning:
      'A worker is still making an edit or a cancel of this post on the network that holds it; one is made at a time.',
    action: 'Wait until `change.state` is no longer `pending`, then try again.',
  },
  too_late_to_change: {
    status: 409,
    title: 'Too late to change',
    meaning:
      'The network holds the post and is about to publish it, or just did. From 5 minutes before its time nothing is changed.',
    action: 'Change or delete it on the network once it is live.',
  },
  invalid_config: {
    status: 409,
    title: 'No usable app',
    meaning:
      "There is no app at the network to which people could give their consent: neither the tenant's own with its secret, nor the operator's.",
    action:
      'Give the tenant an app by PUT /v1/apps/{provider}, or have the operator configure the shared one.',
  },
  app_in_use: {
    status: 409,
    title: 'The app is in use',
    meaning: 'Tokens that this app issued are in use by integrations of the tenant.',
    action: 'Disconnect those integrations, or connect them again with another app.',
  },
  reference_taken: {
    status: 409,
    title: 'Reference already in use',
    meaning: 'References of tenants are unique, and another tenant has this one.',
    action: 'Use the tenant that has it, or choose another reference.',
  },
  idempotency_in_progress: {
    status: 409,
    title: 'The same request is still running',
    meaning: 'A request with this Idempotency-Key has started and has not been answered yet.',
    action: 'Wait for the seconds in Retry-After and send the same request again.',
  },
  idempotency_answer_gone: {
    status: 409,
    title: 'The answer can no longer be read',
    meaning:
      'The request was carried out, but its answer held a secret, was kept sealed, and the encryption key that sealed it is gone.',
    action: 'Check what was made, and send a new request with another Idempotency-Key if needed.',
  },
  version_mismatch: {
    status: 412,
    title: 'Changed by somebody else',
    meaning:
      'The version in If-Match or in the body is not the current one: somebody changed the post since.',
    action: 'Read it again, decide again, and send the version just read.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    meaning: 'The body is larger than this address accepts: 1 MiB, or 8 MiB for a batch of posts.',
    action: 'Send less at once.',
  },
  uri_too_long: {
    status: 414,
    title: 'The address is too long',
    meaning: 'A part of the address is longer than any id or parameter can be.',
    action: 'Check how the address was put together.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body is not sent as JSON',
    meaning:
      'Bodies are accepted only as application/json in UTF-8, without compression; those of Meta and of forms only as application/x-www-form-urlencoded.',
    action: 'Send `Content-Type: application/json`.',
  },
  invalid: {
    status: 422,
    title: 'A rule is broken',
    meaning: 'The request is understood, but a value breaks a rule; nothing was stored or sent.',
    action: '`errors` names each field, the rule, and its bound.',
  },
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency-Key used for another request',
    meaning: 'The key was used within 30 days for a request with another address or another body.',
    action: 'Use a new key for a new request.',
  },
  unknown_provider: {
    status: 422,
    title: 'Unknown provider',
    meaning: 'This program does not publish to a provider of this name.',
    action: 'Use one of the providers named in `detail`.',
  },
  token_rejected: {
    status: 422,
    title: 'The network refused the token',
    meaning:
      'The access token is expired, revoked, without a permission, or belongs to another account. Nothing was saved.',
    action: 'Have the account connected again, and send the new token.',
  },
  token_is_user_token: {
    status: 422,
    title: 'A token of a person, not of a Page',
    meaning: 'A user access token cannot publish as a Page. Nothing was saved.',
    action: "Send the Page's own access token, as GET /me/accounts gives it.",
  },
  token_of_another_app: {
    status: 422,
    title: 'A token of another app',
    meaning:
      'The token was issued by another app than those whose secret is known here, so that no call with it can be proven. Nothing was saved.',
    action:
      "Use a token of the operator's app, or give the tenant its own app by PUT /v1/apps/{provider}.",
  },
  token_expires: {
    status: 422,
    title: 'The token ends by time',
    meaning:
      'The token ends within hours or weeks, and every post that is due later would wait. Nothing was saved.',
    action:
      'Connect the account through POST /v1/connect/{provider}, or send `accept_expiring: true`.',
  },
  permission_missing: {
    status: 422,
    title: 'A permission is missing',
    meaning:
      'The token is good, and lacks a permission that publishing to the account needs. Nothing was saved.',
    action: 'Grant the permission that `detail` names, and send the new token.',
  },
  redirect_url_invalid: {
    status: 422,
    title: 'People cannot be sent back there',
    meaning:
      '`redirect_url` must be https, or http on localhost or 127.0.0.1, without a user and without a fragment.',
    action: 'Use such an address.',
  },
  account_not_usable: {
    status: 422,
    title: 'The account cannot be used',
    meaning:
      'The consent reaches the account and is not enough to publish to it; `detail` says why. Nothing was saved.',
    action: 'Do what `detail` says, and connect again.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    meaning:
      'Requests are limited for the moment, by this program or by the network that must answer; `detail` says which.',
    action: 'Wait for the seconds in Retry-After.',
  },
  too_many_requests: {
    status: 429,
    title: 'You are asking too much at once',
    meaning:
      'The address, the tenant or its failed connections have used up what they may ask for now; `detail` says which. Nothing was done.',
    action: 'Wait for the seconds in Retry-After, then go on more slowly.',
  },
  request_header_too_large: {
    status: 431,
    title: 'The headers are too large',
    meaning: 'The headers of the request are larger than the server accepts.',
    action: 'Send fewer or shorter headers.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    meaning: 'A defect, or something unforeseen. The log has it under the request id.',
    action: 'Try again. If it happens again, give the operator the request id.',
  },
  provider_unreachable: {
    status: 503,
    title: 'The network did not answer',
    meaning:
      'The token could not be checked, because the network did not answer as it should. Nothing was saved.',
    action: 'Wait for the seconds in Retry-After and send the same request again.',
  },
  database_unavailable: {
    status: 503,
    title: 'Database unavailable',
    meaning: 'The database does not answer. Whether a write was carried out may be unknown.',
    action: 'Wait for the seconds in Retry-After; repeat a POST with the same Idempotency-Key.',
  },
  queue_unavailable: {
    status: 503,
    title: 'Queue unavailable',
    meaning:
      'The queue does not answer. Posts can be created and changed all the same; they go out once it is back.',
    action: 'Wait for the seconds in Retry-After.',
  },
  not_ready: {
    status: 503,
    title: 'Not ready',
    meaning: 'The process cannot reach something it needs; `detail` names it.',
    action: 'It recovers by itself once that is back; see /readyz.',
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof problemKinds;

const kindsByCode: ReadonlyMap<string, ProblemKind> = new Map(Object.entries(problemKinds));

export function problemKindOf(code: string): ProblemKind | undefined {
  return kindsByCode.get(code);
}
