import type { ErrorActor, ErrorClass, ErrorScope } from '../errors.ts';

/** One line of the table of Meta's errors. */
export interface ErrorLine {
  /** A code, or a first and last one. None: the subcode says it all, or the line has no number. */
  readonly code?: number | readonly [number, number];
  readonly subcode?: number;
  /** Holds for this `type` of the error only: it may tell two meanings of one code apart. */
  readonly type?: string;
  /** Holds only where the call was made on the account itself, and not on one of its posts. */
  readonly onAccount?: true;
  /** What it is about, where the numbers alone would not tell the reader. */
  readonly where?: string;
  readonly class: ErrorClass;
  readonly who: ErrorActor;
  /** Whom it concerns, where the class does not say it. */
  readonly scope?: ErrorScope;
  /** Is about the app only where the call carried our proof; else about the app of the token, whosever that is. */
  readonly needsProof?: true;
  /** Stable, for translations. */
  readonly key: string;
  readonly user_message: string;
  readonly action: string;
  readonly source: string;
  /** Only such an answer proves that a publishing call created nothing. */
  readonly rejects?: true;
  /** How long to wait when the usage headers do not say; 5 minutes when absent. */
  readonly waitMs?: number;
}

const hourMs = 3_600_000;
const waits = { hour: hourMs, twoHours: 2 * hourMs, day: 24 * hourMs } as const;

/** Next steps that many lines share. */
const actions = {
  reconnect: 'Reconnect the account.',
  grantRole:
    'Give the person who connected the account full control of the Page on Facebook, then reconnect.',
  grantScopes: 'Reconnect the account and leave every permission ticked.',
  confirm: 'Log in at facebook.com, do what it asks for, then retry.',
  nothing: 'Nothing to do: it goes on by itself.',
  fixText: 'Change the text, then retry.',
  fixLink: 'Correct the link, or remove it, then retry.',
  fixImage: 'Replace the image, then retry.',
  fixVideo: 'Export the video again as MP4 (H.264, AAC), then retry.',
  checkUrl:
    'Check that anyone can open the media address without logging in and gets the file itself, then retry.',
  checkPost: 'Look at the message and correct the post, then retry.',
  seeAccount:
    'See on Facebook that the Page is published and that whoever connected it may still publish there; if it has another id now, connect that one.',
  secret: 'Check that the app secret configured here is the one of the app of the token.',
  checkApp: 'Check the app in the Meta App Dashboard and the configuration of this service.',
  report: 'Report it to the developers of this service with the fbtrace_id.',
} as const;

const {
  checkApp,
  checkPost,
  checkUrl,
  confirm,
  fixImage,
  fixLink,
  fixText,
  fixVideo,
  grantRole,
  grantScopes,
  nothing,
  reconnect,
  report,
  secret,
  seeAccount,
} = actions;

/** Tokens, permissions, limits, requests: what is about the account, the app or the call. One line a code. */
// biome-ignore format: a table, one line a code
const accountErrors: readonly ErrorLine[] = [
  // Meta itself. On a publishing call neither proves that nothing was created (koala#699: seven duplicates).
  { code: 1, class: 'retry', who: 'meta', scope: 'provider', key: 'provider_unknown_error', user_message: 'Meta had an unknown error.', action: nothing, source: 'Meta: error handling' },
  { code: 1, subcode: 99, class: 'retry', who: 'meta', scope: 'provider', key: 'provider_unknown_error', user_message: 'Meta had an unknown error.', action: nothing, source: 'Meta: error handling' },
  { code: 1, subcode: 2853001, class: 'permission', who: 'tenant_admin', key: 'profile_not_linked', user_message: 'The profile is not linked to the Page.', action: grantRole, rejects: true, source: 'Postiz, TryPost; subcode before code, so no unknown error' },
  { code: 2, class: 'retry', who: 'meta', scope: 'provider', key: 'provider_unavailable', user_message: 'Meta is unavailable at the moment.', action: nothing, source: 'Meta: error handling; koala#699' },
  { code: 3, class: 'permission', who: 'operator', scope: 'app', key: 'app_lacks_capability', user_message: 'The app may not do this.', action: checkApp, rejects: true, source: 'Meta: error handling; two readings; our methods exist, so the app lacks the capability' },
  { code: 5, class: 'permission', who: 'operator', scope: 'app', key: 'ip_not_allowed', user_message: 'Meta refuses the address of this server.', action: 'Add the server to the IP allowlist of the app, then retry.', rejects: true, source: 'Meta: error handling' },
  { code: 12, class: 'permission', who: 'operator', scope: 'app', key: 'api_deprecated', user_message: 'Meta has withdrawn this function.', action: report, rejects: true, source: 'Meta: error handling' },
  { code: 2635, where: 'Marketing API', class: 'permission', who: 'operator', scope: 'app', key: 'version_dead', user_message: 'Meta no longer answers this version of its API.', action: 'Set GRAPH_VERSION to a living version.', rejects: true, source: 'Meta: Marketing API error codes' },
  { code: 1609010, class: 'retry', who: 'meta', scope: 'provider', key: 'provider_unavailable', user_message: 'Facebook is unavailable at the moment.', action: nothing, source: 'Postiz; TryPost differs, its own later version sides with Postiz' },

  // Limits.
  { code: 4, class: 'rate_limited', who: 'nobody', scope: 'app', key: 'app_limit', user_message: 'The app has made all the calls that Meta allows for now.', action: nothing, rejects: true, source: 'Meta: error handling; stops the whole app' },
  { code: 4, subcode: 1504022, where: 'ads insights', class: 'rate_limited', who: 'nobody', scope: 'app', key: 'app_limit', user_message: 'The app has made all the calls that Meta allows for now.', action: nothing, rejects: true, source: 'Meta: Marketing API error codes' },
  { code: 4, subcode: 1504039, where: 'ads insights', class: 'rate_limited', who: 'nobody', scope: 'app', key: 'app_limit', user_message: 'The app has made all the calls that Meta allows for now.', action: nothing, rejects: true, source: 'Meta: Marketing API error codes' },
  { code: 4, subcode: 2207051, where: 'Instagram', class: 'blocked', who: 'tenant_admin', key: 'action_blocked', user_message: 'Instagram blocked this action to protect its community.', action: 'Stop posting to this account for a day, then retry.', source: 'Meta: Instagram error codes; the post may be live all the same' },
  { code: 17, class: 'rate_limited', who: 'nobody', key: 'user_limit', user_message: 'The account has made all the calls that Meta allows for now.', action: nothing, rejects: true, source: 'Meta: error handling' },
  { code: 17, subcode: 2446079, where: 'ad account', class: 'rate_limited', who: 'nobody', key: 'ad_account_limit', user_message: 'The ad account has made all the calls that Meta allows for now.', action: nothing, rejects: true, source: 'Meta: Marketing API error codes' },
  { code: 32, class: 'rate_limited', who: 'nobody', key: 'page_limit', user_message: 'The Page has made all the calls that Meta allows for now.', action: nothing, rejects: true, source: 'Meta: error handling' },
  { code: 341, class: 'rate_limited', who: 'nobody', scope: 'app', key: 'posting_limit', user_message: 'The app has made all the posts that Meta allows for now.', action: nothing, waitMs: waits.hour, rejects: true, source: 'Meta: error handling; hours' },
  { code: 613, class: 'rate_limited', who: 'nobody', key: 'call_limit', user_message: 'Meta allows no more of these calls for now.', action: nothing, rejects: true, source: 'Meta: error handling' },
  { code: 613, subcode: 1996, class: 'rate_limited', who: 'nobody', key: 'call_limit', user_message: 'Meta allows no more of these calls for now.', action: nothing, rejects: true, source: 'Meta: error handling; inconsistent volume' },
  { code: 80000, subcode: 2446079, where: 'ads insights', class: 'rate_limited', who: 'nobody', key: 'ad_account_limit', user_message: 'The ad account has made all the calls that Meta allows for now.', action: nothing, rejects: true, source: 'Meta: rate limiting' },
  { code: 80001, where: 'Pages', class: 'rate_limited', who: 'nobody', key: 'page_limit', user_message: 'The Page has made all the calls that Meta allows for now.', action: nothing, rejects: true, source: 'Meta: rate limiting' },
  { code: 80002, where: 'Instagram', class: 'rate_limited', who: 'nobody', key: 'instagram_limit', user_message: 'The Instagram account has made all the calls that Meta allows for now.', action: nothing, rejects: true, source: 'Meta: rate limiting' },
  { code: [80000, 80014], where: 'one business object', class: 'rate_limited', who: 'nobody', key: 'business_limit', user_message: 'The account has made all the calls that Meta allows for now.', action: nothing, rejects: true, source: 'Meta: rate limiting' },
  { code: 368, subcode: 1390008, class: 'rate_limited', who: 'nobody', key: 'posting_too_often', user_message: 'Facebook limits how often this account can post.', action: nothing, waitMs: waits.twoHours, rejects: true, source: 'Postiz PR#2068 and Ayrshare, against TryPost' },

  // Tokens. Whatever the text says: only numbers decide, so a 190 without a subcode is a dead token.
  { code: 102, class: 'reauth', who: 'tenant_admin', key: 'session_invalid', user_message: 'The connection to Meta is no longer valid.', action: reconnect, rejects: true, source: 'Meta: error handling' },
  { code: 104, class: 'permission', who: 'operator', scope: 'app', needsProof: true, key: 'app_secret_wrong', user_message: 'Meta refuses the signature of this service.', action: secret, rejects: true, source: 'Meta: error handling' },
  { code: 190, class: 'reauth', who: 'tenant_admin', key: 'token_rejected', user_message: 'Meta no longer accepts the connection to this account.', action: reconnect, rejects: true, source: 'Meta: error handling; two readings by text; texts never decide, and reconnecting heals both' },
  { code: 190, subcode: 458, class: 'reauth', who: 'tenant_admin', key: 'app_removed', user_message: 'The app was removed from the Facebook account that connected it.', action: reconnect, rejects: true, source: 'Meta: error handling' },
  { code: 190, subcode: 459, class: 'permission', who: 'tenant_admin', key: 'account_checkpoint', user_message: 'Facebook wants the person who connected the account to log in.', action: confirm, rejects: true, source: 'Meta: error handling; the token may live again' },
  { code: 190, subcode: 460, class: 'reauth', who: 'tenant_admin', key: 'password_changed', user_message: 'The password was changed, or Facebook ended the session for security.', action: reconnect, rejects: true, source: 'Meta: error handling' },
  { code: 190, subcode: 463, class: 'reauth', who: 'tenant_admin', key: 'token_expired', user_message: 'The connection to Meta has expired.', action: reconnect, rejects: true, source: 'Meta: error handling' },
  { code: 190, subcode: 464, class: 'permission', who: 'tenant_admin', key: 'account_unconfirmed', user_message: 'The Facebook account that connected this is not confirmed.', action: confirm, rejects: true, source: 'Meta: error handling' },
  { code: 190, subcode: 467, class: 'reauth', who: 'tenant_admin', key: 'token_invalid', user_message: 'The session with Meta has ended.', action: reconnect, rejects: true, source: 'Meta: error handling' },
  { code: 190, subcode: 490, class: 'permission', who: 'tenant_admin', key: 'account_checkpoint', user_message: 'Facebook wants the person who connected the account to log in.', action: confirm, rejects: true, source: 'old SDK lists: a checkpoint that blocks' },
  { code: 190, subcode: 492, class: 'permission', who: 'tenant_admin', key: 'page_role_lost', user_message: 'The person who connected the Page has no role on it any more.', action: grantRole, rejects: true, source: 'Meta: error handling' },
  { code: 190, subcode: 2069032, class: 'reauth', who: 'tenant_admin', key: 'token_is_user_token', user_message: 'A person’s token was given where the Page’s own token is needed.', action: 'Connect with the Page access token.', rejects: true, source: 'answer of the new Pages experience' },
  { code: 450, class: 'reauth', who: 'tenant_admin', key: 'session_expired', user_message: 'The session with Meta has ended.', action: reconnect, rejects: true, source: 'Meta: error handling' },
  { code: 452, class: 'reauth', who: 'tenant_admin', key: 'session_invalid', user_message: 'The session with Meta is not valid.', action: reconnect, rejects: true, source: 'Meta: error handling' },

  // Permissions.
  { code: 10, class: 'permission', who: 'tenant_admin', key: 'permission_denied', user_message: 'The connection lacks a permission that this needs.', action: grantScopes, rejects: true, source: 'Meta: error handling' },
  { code: 200, class: 'permission', who: 'tenant_admin', key: 'posting_not_allowed', user_message: 'The connection may not post to this Page.', action: grantScopes, rejects: true, source: 'Meta: error handling; pages_read_engagement, pages_manage_posts, CREATE_CONTENT' },
  { code: 200, subcode: 1609008, class: 'invalid', who: 'author', key: 'facebook_link_refused', user_message: 'Facebook does not take links to facebook.com.', action: fixLink, rejects: true, source: 'Meta: feed reference; newer TryPost sides with Postiz' },
  { code: 210, class: 'reauth', who: 'tenant_admin', key: 'token_is_user_token', user_message: 'A person’s token was given where the Page’s own token is needed.', action: 'Connect with the Page access token.', rejects: true, source: 'Meta: “a Page access token is required”' },
  { code: 270, where: 'ads', class: 'permission', who: 'operator', key: 'app_access_tier', user_message: 'The app has development access to the ads API only.', action: 'Ask Meta for Standard Access of the app.', rejects: true, source: 'Meta: Marketing API error codes' },
  { code: 283, class: 'permission', who: 'tenant_admin', key: 'reading_not_allowed', user_message: 'The connection may not read this Page.', action: grantScopes, rejects: true, source: 'Meta: error handling; pipedream#17828: pages_read_engagement' },
  { code: 294, where: 'ads', class: 'permission', who: 'tenant_admin', key: 'ads_not_allowed', user_message: 'The connection may not manage ads.', action: grantScopes, rejects: true, source: 'Meta: Marketing API error codes' },
  { code: [200, 299], class: 'permission', who: 'tenant_admin', key: 'permission_denied', user_message: 'The connection lacks a permission that this needs.', action: grantScopes, rejects: true, source: 'Meta: error handling' },
  { subcode: 1404078, class: 'permission', who: 'tenant_admin', key: 'page_authorization_needed', user_message: 'Facebook stopped the Page from posting, often until Page Publishing Authorization is done.', action: confirm, rejects: true, source: 'Postiz, TryPost' },
  { subcode: 1404006, where: 'comments', class: 'permission', who: 'tenant_admin', key: 'security_check', user_message: 'Facebook wants a security check first.', action: confirm, rejects: true, source: 'Postiz, TryPost; a person heals it, as 190/459' },
  { subcode: 4854002, class: 'permission', who: 'tenant_admin', key: 'identity_unconfirmed', user_message: 'Facebook wants the identity of the Page’s people confirmed.', action: confirm, rejects: true, source: 'Postiz, TryPost' },

  // Blocked.
  { code: 368, class: 'blocked', who: 'tenant_admin', key: 'account_blocked', user_message: 'Facebook blocked this action as abusive or against its policies.', action: 'Stop posting, and look at the Page’s support inbox on Facebook.', waitMs: waits.day, rejects: true, source: 'Meta: error handling' },
  { code: 368, subcode: 1346003, class: 'invalid', who: 'author', key: 'content_abusive', user_message: 'Facebook takes this content for abusive.', action: fixText, rejects: true, source: 'Postiz, against TryPost' },
  { subcode: 1404102, class: 'invalid', who: 'author', key: 'content_against_standards', user_message: 'Facebook says that this goes against its Community Standards.', action: fixText, rejects: true, source: 'Postiz, TryPost, which give no class; it is about the content, not the account' },
  { subcode: 1404112, class: 'blocked', who: 'tenant_admin', key: 'account_limited', user_message: 'Facebook has limited this account.', action: confirm, rejects: true, source: 'Postiz, TryPost, which give no class; it is about the account' },
  { code: 25, class: 'blocked', who: 'tenant_admin', key: 'account_restricted', user_message: 'The Instagram account is restricted or inactive.', action: 'Open the Instagram app and do what it asks for.', rejects: true, source: 'Meta: Instagram error codes' },
  { code: 25, subcode: 2207050, where: 'Instagram', class: 'blocked', who: 'tenant_admin', key: 'account_restricted', user_message: 'The Instagram account is restricted or inactive.', action: 'Open the Instagram app and do what it asks for.', rejects: true, source: 'Meta: Instagram error codes' },

  // The post.
  { code: 197, class: 'invalid', who: 'author', key: 'post_empty', user_message: 'The post is empty.', action: 'Add a text, a link or a photo, then retry.', rejects: true, source: 'Meta: feed reference' },
  { code: 506, class: 'duplicate', who: 'author', key: 'duplicate_post', user_message: 'Facebook refuses it as identical to a post that was just made.', action: 'Check whether it is on the Page already; otherwise change the text.', rejects: true, source: 'Meta: feed reference; this call created nothing, an earlier one may have' },
  { code: 1500, class: 'invalid', who: 'author', key: 'link_invalid', user_message: 'Facebook does not take the link.', action: fixLink, rejects: true, source: 'Meta: feed reference' },
  { code: 1500, subcode: 1611248, class: 'invalid', who: 'author', key: 'link_invalid', user_message: 'Facebook does not take the link.', action: fixLink, rejects: true, source: 'Meta: feed reference' },
  { code: 1609005, class: 'retry', who: 'author', key: 'link_unreadable', user_message: 'Facebook could not read the page behind the link.', action: 'Check that anyone can open the link, or remove it, then retry.', rejects: true, source: 'Meta: feed reference; once more, then final: sites are slow at times, and tries are bounded' },

  // The request.
  { code: 21, class: 'reauth', who: 'tenant_admin', key: 'page_migrated', user_message: 'The Page has a new id.', action: 'Connect the Page again under its new id.', rejects: true, source: 'Meta: error handling' },
  { code: 100, class: 'invalid', who: 'author', key: 'parameter_invalid', user_message: 'Meta does not accept something in this post.', action: checkPost, rejects: true, source: 'Meta: error handling' },
  { code: 100, subcode: 33, class: 'invalid', who: 'tenant_admin', key: 'object_not_found', user_message: 'It does not exist at Meta, or this connection may not see it.', action: 'Check that it still exists; if so, reconnect the account.', rejects: true, source: 'Meta: error handling; the caller knows when an object is too young to be seen' },
  { code: 100, subcode: 36007, where: 'a login code, over', class: 'invalid', who: 'tenant_admin', key: 'login_code_refused', user_message: 'Meta did not take the login: it was too late, or it was used before.', action: 'Connect the account again.', source: 'Meta: manual login flow; the numbers are inferred' },
  { code: 100, subcode: 36008, where: 'a login code, of another address', class: 'invalid', who: 'tenant_admin', key: 'login_code_refused', user_message: 'Meta did not take the login: it was too late, or it was used before.', action: 'Connect the account again.', source: 'Meta: manual login flow; the numbers are inferred' },
  { code: 100, subcode: 36009, where: 'a login code, used', class: 'invalid', who: 'tenant_admin', key: 'login_code_refused', user_message: 'Meta did not take the login: it was too late, or it was used before.', action: 'Connect the account again.', source: 'Meta: manual login flow; the numbers are inferred' },
  { code: 100, subcode: 1504018, where: 'ads insights', class: 'invalid', who: 'operator', key: 'range_too_large', user_message: 'Too much data was asked for at once.', action: 'Ask for a shorter range.', rejects: true, source: 'Meta: Marketing API error codes; split the range' },
  { code: 100, subcode: 4834011, where: 'ads', class: 'invalid', who: 'operator', key: 'budget_sharing_missing', user_message: 'A setting of the campaign is missing.', action: report, rejects: true, source: 'Meta: Marketing API error codes' },
  { code: 100, type: 'GraphMethodException', class: 'permission', who: 'operator', scope: 'app', needsProof: true, key: 'app_secret_wrong', user_message: 'Meta refuses the signature of this service.', action: secret, rejects: true, source: 'answers to a wrong and to a missing appsecret_proof; a refused parameter is an OAuthException' },
  { code: 100, subcode: 33, onAccount: true, class: 'reauth', who: 'tenant_admin', key: 'account_not_visible', user_message: 'Meta does not show the account to this connection any more.', action: seeAccount, rejects: true, source: 'Meta: error handling; unpublished, merged or taken away; also Meta’s own trouble for days, so it is tried again' },
  { code: 105, class: 'permission', who: 'operator', scope: 'app', key: 'too_many_parameters', user_message: 'The request had too many parameters.', action: report, rejects: true, source: 'Meta: error handling' },
  { code: 803, class: 'invalid', who: 'tenant_admin', key: 'object_not_found', user_message: 'It does not exist at Meta, or this connection may not see it.', action: 'Check the id of the account, then connect it again.', rejects: true, source: 'Meta: error handling' },
  { code: 803, onAccount: true, class: 'reauth', who: 'tenant_admin', key: 'account_not_visible', user_message: 'Meta does not show the account to this connection any more.', action: seeAccount, rejects: true, source: 'Meta: error handling' },
  { code: 2500, class: 'permission', who: 'operator', scope: 'app', key: 'path_unknown', user_message: 'The request was not understood by Meta.', action: report, rejects: true, source: 'Meta: error handling; two readings by text; a token is always sent, so it is the path' },
  { code: 2695, where: 'ads insights', class: 'invalid', who: 'operator', key: 'range_too_old', user_message: 'The dates lie too far back.', action: 'Ask for later dates.', rejects: true, source: 'Meta: Marketing API error codes' },
  { code: 3018, where: 'ads insights', class: 'invalid', who: 'operator', key: 'range_too_old', user_message: 'The dates lie too far back.', action: 'Ask for later dates.', rejects: true, source: 'Meta: Marketing API error codes' },
];

/** Photos, videos and Instagram's containers. One line a code. */
// biome-ignore format: a table, one line a code
const mediaErrors: readonly ErrorLine[] = [
  // Photos of a Page.
  { code: 324, class: 'retry', who: 'author', key: 'image_unusable', user_message: 'Facebook could not fetch the image, or it is none.', action: checkUrl, rejects: true, source: 'Meta: feed, photos and videos references; heals by itself at times, so it is tried again, then final' },
  { subcode: 1366046, class: 'invalid', who: 'author', key: 'image_unreadable', user_message: 'Facebook cannot read the image, or it is too large or too small.', action: fixImage, rejects: true, source: 'Postiz, against TryPost' },
  { subcode: 1366051, class: 'duplicate', who: 'author', key: 'photo_already_posted', user_message: 'This photo is in a post already.', action: 'Check whether the post is on the Page already.', rejects: true, source: 'Postiz, TryPost; proves that an earlier attempt is live' },
  { subcode: 2069019, class: 'retry', who: 'author', key: 'file_invalid', user_message: 'Facebook could not fetch the image, or it is none.', action: checkUrl, rejects: true, source: 'Postiz, TryPost' },
  { subcode: 2061006, class: 'invalid', who: 'author', key: 'url_invalid', user_message: 'Facebook does not take the address of the file.', action: checkUrl, rejects: true, source: 'Postiz, against TryPost' },
  { subcode: 1349125, class: 'invalid', who: 'author', key: 'content_format_invalid', user_message: 'Facebook does not take the format of the content.', action: fixImage, rejects: true, source: 'Postiz, against TryPost' },

  // Videos of a Page.
  { code: 352, class: 'invalid', who: 'author', key: 'video_format', user_message: 'The format of the video is not supported.', action: fixVideo, rejects: true, source: 'Meta: feed, photos and videos references' },
  { code: 352, subcode: 2207026, where: 'Instagram', class: 'invalid', who: 'author', key: 'video_format', user_message: 'The format of the video is not supported.', action: fixVideo, rejects: true, source: 'Meta: Instagram error codes' },
  { code: 5101, class: 'invalid', who: 'author', key: 'file_too_large', user_message: 'The file is too large.', action: 'Make the file smaller, then retry.', rejects: true, source: 'Meta: feed, photos and videos references' },
  { code: 6000, class: 'retry', who: 'author', key: 'video_problem', user_message: 'Facebook had a problem with the video.', action: fixVideo, source: 'Meta: feed, photos and videos references; also the answer to finishing too early, so worth another try' },
  { subcode: 1363005, class: 'invalid', who: 'author', key: 'video_refused', user_message: 'Facebook does not take the video.', action: fixVideo, rejects: true, source: 'Meta: videos reference' },
  { subcode: 1363019, class: 'retry', who: 'author', key: 'video_problem', user_message: 'Facebook had a problem with the video.', action: fixVideo, source: 'Meta: videos reference' },
  { subcode: 1363020, class: 'invalid', who: 'author', key: 'video_missing', user_message: 'There was no video file.', action: checkUrl, rejects: true, source: 'Meta: videos reference' },
  { subcode: 1363021, class: 'retry', who: 'author', key: 'video_upload_problem', user_message: 'The upload of the video failed.', action: nothing, source: 'Meta: videos reference' },
  { subcode: 1363022, class: 'invalid', who: 'author', key: 'video_too_small', user_message: 'The video is too small.', action: fixVideo, rejects: true, source: 'Meta: videos reference; less than 1 KB' },
  { subcode: 1363023, class: 'invalid', who: 'author', key: 'video_too_large', user_message: 'The video is too large.', action: fixVideo, rejects: true, source: 'Meta: videos reference; more than 2 GB' },
  { subcode: 1363024, class: 'invalid', who: 'author', key: 'video_format', user_message: 'The format of the video is not supported.', action: fixVideo, rejects: true, source: 'Meta: videos reference' },
  { subcode: 1363025, class: 'invalid', who: 'author', key: 'video_too_short', user_message: 'The video is shorter than a second.', action: fixVideo, rejects: true, source: 'Meta: videos reference' },
  { subcode: 1363026, class: 'invalid', who: 'author', key: 'video_too_long', user_message: 'The video is longer than 40 minutes.', action: fixVideo, rejects: true, source: 'Meta: videos reference' },
  { subcode: 1363030, class: 'retry', who: 'nobody', key: 'video_upload_timed_out', user_message: 'The upload of the video took too long.', action: nothing, source: 'Meta: videos reference' },
  { subcode: 1363031, class: 'invalid', who: 'author', key: 'video_format', user_message: 'The format of the video is not supported.', action: fixVideo, rejects: true, source: 'Meta: videos reference' },
  { subcode: 1363032, class: 'invalid', who: 'author', key: 'video_format', user_message: 'The format of the video is not supported.', action: fixVideo, rejects: true, source: 'Meta: videos reference' },
  { subcode: 1363033, class: 'retry', who: 'nobody', key: 'video_upload_interrupted', user_message: 'The upload of the video was interrupted.', action: nothing, source: 'Meta: videos reference' },
  { subcode: 1363037, class: 'retry', who: 'nobody', key: 'video_upload_offset', user_message: 'The upload of the video must go on at another place.', action: nothing, source: 'Meta: videos reference; error_data says where to resume' },
  { subcode: 1363041, class: 'retry', who: 'nobody', key: 'video_upload_expired', user_message: 'The upload of the video must start again.', action: nothing, source: 'Meta: videos reference; new session' },
  { subcode: 1363042, class: 'permission', who: 'tenant_admin', key: 'video_not_allowed', user_message: 'The connection may not upload videos to this Page.', action: actions.grantScopes, rejects: true, source: 'Meta: videos reference' },
  { subcode: 1363045, class: 'invalid', who: 'author', key: 'video_size_mismatch', user_message: 'The video was not as large as announced.', action: 'Upload the video again, then retry.', rejects: true, source: 'Meta: videos reference' },
  { subcode: 1363047, class: 'retry', who: 'meta', scope: 'provider', key: 'provider_unavailable', user_message: 'Facebook is unavailable at the moment.', action: nothing, source: 'Postiz, against TryPost' },

  // Instagram's containers; staging, so that another try costs an orphan at worst.
  { code: -2, class: 'retry', who: 'author', key: 'media_fetch_failed', user_message: 'Instagram could not fetch the media.', action: checkUrl, source: 'Meta: Instagram error codes' },
  { code: -2, subcode: 2207003, class: 'retry', who: 'author', key: 'media_fetch_slow', user_message: 'Fetching the media took Instagram too long.', action: checkUrl, source: 'Meta: Instagram error codes' },
  { code: -2, subcode: 2207020, class: 'retry', who: 'nobody', key: 'media_expired', user_message: 'The media has expired and is sent again.', action: nothing, source: 'Meta: Instagram error codes; rebuild the container' },
  { code: -1, class: 'retry', who: 'meta', scope: 'provider', key: 'instagram_error', user_message: 'Instagram had an error.', action: nothing, source: 'Meta: Instagram error codes' },
  { code: -1, subcode: 2207001, class: 'retry', who: 'meta', scope: 'provider', key: 'instagram_error', user_message: 'Instagram had an error.', action: nothing, source: 'Meta: Instagram error codes; no spam verdict, the documentation says server error' },
  { code: -1, subcode: 2207032, class: 'retry', who: 'meta', scope: 'provider', key: 'media_not_created', user_message: 'Instagram could not create the media.', action: nothing, source: 'Meta: Instagram error codes' },
  { code: -1, subcode: 2207053, class: 'retry', who: 'meta', scope: 'provider', key: 'media_upload_error', user_message: 'The upload to Instagram failed.', action: nothing, source: 'Meta: Instagram error codes' },
  { code: 1, subcode: 2207057, class: 'invalid', who: 'author', key: 'cover_outside_video', user_message: 'The cover lies outside the video.', action: 'Choose an earlier moment for the cover, then retry.', rejects: true, source: 'Meta: Instagram error codes' },
  { code: 9, class: 'rate_limited', who: 'nobody', key: 'too_many_actions', user_message: 'The account has done all that Meta allows for now.', action: nothing, waitMs: waits.hour, rejects: true, source: 'Meta: error handling; without the subcode it is not told which limit' },
  { code: 9, subcode: 2207042, class: 'rate_limited', who: 'nobody', key: 'daily_limit', user_message: 'The account has published all that Instagram allows in a day.', action: nothing, waitMs: waits.hour, rejects: true, source: 'Meta: Instagram error codes; up to 24 hours' },
  { code: 24, class: 'retry', who: 'nobody', key: 'container_missing', user_message: 'Instagram does not find the prepared media; it is prepared again.', action: nothing, source: 'Meta: Instagram error codes' },
  { code: 24, subcode: 2207006, class: 'retry', who: 'nobody', key: 'container_missing', user_message: 'Instagram does not find the prepared media; it is prepared again.', action: nothing, rejects: true, source: 'Meta: Instagram error codes; new container once, then permanent; tries are bounded' },
  { code: 24, subcode: 2207008, class: 'retry', who: 'nobody', key: 'container_expired', user_message: 'The prepared media has expired; it is prepared again.', action: nothing, rejects: true, source: 'Meta: Instagram error codes' },
  { code: 100, subcode: 2207023, class: 'invalid', who: 'operator', key: 'media_type_unknown', user_message: 'Instagram does not know the kind of media.', action: report, rejects: true, source: 'Meta: Instagram error codes; a defect of the request' },
  { code: 100, subcode: 2207028, class: 'invalid', who: 'author', key: 'carousel_size', user_message: 'A carousel has 2 to 10 parts.', action: checkPost, rejects: true, source: 'Meta: Instagram error codes' },
  { code: 100, subcode: 2207035, class: 'invalid', who: 'author', key: 'product_tags', user_message: 'Instagram does not take the product tags.', action: checkPost, rejects: true, source: 'Meta: Instagram error codes' },
  { code: 100, subcode: 2207036, class: 'invalid', who: 'author', key: 'product_tags', user_message: 'Instagram does not take the product tags.', action: checkPost, rejects: true, source: 'Meta: Instagram error codes' },
  { code: 100, subcode: 2207037, class: 'invalid', who: 'author', key: 'product_tags', user_message: 'Instagram does not take the product tags.', action: checkPost, rejects: true, source: 'Meta: Instagram error codes' },
  { code: 100, subcode: 2207040, class: 'invalid', who: 'author', key: 'too_many_tags', user_message: 'More than 20 people are tagged.', action: checkPost, rejects: true, source: 'Meta: Instagram error codes' },
  { code: 9004, class: 'retry', who: 'author', key: 'media_fetch_failed', user_message: 'Instagram could not fetch the media.', action: checkUrl, rejects: true, source: 'Meta: Instagram error codes' },
  { code: 9004, subcode: 2207052, class: 'retry', who: 'author', key: 'media_fetch_failed', user_message: 'Instagram could not fetch the media.', action: checkUrl, rejects: true, source: 'Meta: Instagram error codes; Postiz PR#1900: heals though flagged as lasting' },
  { code: 9007, class: 'not_ready', who: 'nobody', key: 'media_not_ready', user_message: 'Instagram is still processing the media.', action: nothing, rejects: true, source: 'Meta: Instagram error codes' },
  { code: 9007, subcode: 2207027, class: 'not_ready', who: 'nobody', key: 'media_not_ready', user_message: 'Instagram is still processing the media.', action: nothing, rejects: true, source: 'Meta: Instagram error codes' },
  { code: 36000, class: 'invalid', who: 'author', key: 'image_too_large', user_message: 'The image is larger than 8 MB.', action: 'Make the image smaller, then retry.', rejects: true, source: 'Meta: Instagram error codes' },
  { code: 36000, subcode: 2207004, class: 'invalid', who: 'author', key: 'image_too_large', user_message: 'The image is larger than 8 MB.', action: 'Make the image smaller, then retry.', rejects: true, source: 'Meta: Instagram error codes' },
  { code: 36001, class: 'invalid', who: 'author', key: 'image_format', user_message: 'Instagram takes JPEG images only.', action: 'Convert the image to JPEG, then retry.', rejects: true, source: 'Meta: Instagram error codes' },
  { code: 36001, subcode: 2207005, class: 'invalid', who: 'author', key: 'image_format', user_message: 'Instagram takes JPEG images only.', action: 'Convert the image to JPEG, then retry.', rejects: true, source: 'Meta: Instagram error codes' },
  { code: [36002, 36004], class: 'invalid', who: 'author', key: 'media_refused', user_message: 'Instagram does not take the media or its caption.', action: checkPost, rejects: true, source: 'Meta: Instagram error codes' },
  { code: 36003, subcode: 2207009, class: 'invalid', who: 'author', key: 'image_ratio', user_message: 'The image is too wide or too tall for Instagram.', action: 'Crop the image to between 4:5 and 1.91:1, then retry.', rejects: true, source: 'Meta: Instagram error codes' },
  { code: 36004, subcode: 2207010, class: 'invalid', who: 'author', key: 'caption_too_long', user_message: 'The caption has more than 2,200 characters, 30 hashtags or 20 mentions.', action: fixText, rejects: true, source: 'Meta: Instagram error codes' },
  { subcode: 2207076, class: 'invalid', who: 'author', key: 'video_incompatible', user_message: 'Instagram does not take the shape or encoding of the video.', action: fixVideo, source: 'Postiz' },
  { subcode: 2207077, class: 'retry', who: 'author', key: 'video_fetch_failed', user_message: 'Instagram could not fetch the video.', action: checkUrl, source: 'Postiz' },
  { subcode: 2207081, class: 'invalid', who: 'author', key: 'trial_reels_unavailable', user_message: 'The account has no trial reels.', action: checkPost, source: 'Postiz' },
  { subcode: 2207082, class: 'retry', who: 'author', key: 'media_upload_failed', user_message: 'The upload to Instagram failed.', action: fixVideo, source: 'Postiz; new container once; tries are bounded' },
  { subcode: 2207083, class: 'invalid', who: 'author', key: 'image_format', user_message: 'The format of the image is not supported.', action: 'Convert the image to JPEG, then retry.', source: 'Postiz' },
  { subcode: 2207085, class: 'retry', who: 'author', key: 'video_processing_failed', user_message: 'Instagram could not process the video.', action: fixVideo, source: 'Postiz; re-encode or new container; a new one costs nothing, and tries are bounded' },
];

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
  tokenDead: { where: 'debug_token says no more than that the token is dead', class: 'reauth', who: 'tenant_admin', key: 'token_invalid', user_message: 'The connection to this account has ended.', action: reconnect, source: 'Meta: debug_token' },
  otherApp: { where: 'debug_token does not know the token as one of our app', class: 'reauth', who: 'tenant_admin', scope: 'app', key: 'token_of_another_app', user_message: 'The connection belongs to another app at Meta than the one whose secret is configured here.', action: 'Take a token of the app that is configured here, or enter the app of the token with its secret.', source: 'Meta: debug_token; the proof of our secret is refused of such a token' },
  scopeMissing: { where: 'debug_token: not granted', class: 'permission', who: 'tenant_admin', key: 'scope_missing', user_message: 'The connection lacks a permission that this needs.', action: 'Connect the account again, and grant the permission that `message` names.', source: 'Meta: debug_token' },
  scopeElsewhere: { where: 'debug_token: granted for other accounts', class: 'permission', who: 'tenant_admin', key: 'scope_other_accounts', user_message: 'A permission was given for other accounts, and not for this one.', action: 'Connect the account again, and tick it in the dialog beside those ticked before.', source: 'Meta: debug_token, granular_scopes' },
  userToken: { where: '/me is not the account', class: 'reauth', who: 'tenant_admin', key: 'token_is_user_token', user_message: 'The token is one of a person or of another account, not the one of this account.', action: 'Take a token of this very account: of a Page its Page access token, which me/accounts lists, and not the one of a person.', source: 'Meta: Page access tokens' },
  idMalformed: { where: 'an id that is none', class: 'invalid', who: 'tenant_admin', key: 'account_id_malformed', user_message: 'The id of the account is not one that Meta uses: digits only.', action: 'Connect the account with its numeric id.', source: 'nothing was sent' },
  notProfessional: { where: 'account_type', class: 'permission', who: 'tenant_admin', key: 'account_not_professional', user_message: 'Instagram lets apps publish to professional accounts only, and this is a personal one.', action: 'Switch it to a business or creator account in the Instagram app, then connect it again.', source: 'Meta: Instagram content publishing' },
  adAccountDisabled: { where: 'account_status', class: 'permission', who: 'tenant_admin', key: 'account_disabled', user_message: 'Meta does not run ads for this ad account at present.', action: 'Open it in Meta Ads Manager and do what it asks for, then connect it again.', source: 'Meta: ad account reference' },
  unlisted: { where: 'any other code', class: 'retry', who: 'operator', key: 'provider_refused', user_message: 'Meta refuses this and documents no reason.', action: 'Look at the message; if it says nothing about the post, report it with the fbtrace_id.', source: 'the effect of the call decides; tries are bounded' },
} as const satisfies Record<string, ErrorLine>;

export const errorTable: readonly ErrorLine[] = [...accountErrors, ...mediaErrors];

/** What each key means and what to do; of lines with the same key the first one says it. */
export function errorTexts(): { key: string; meaning: string; action: string }[] {
  const lines = [...errorTable, ...Object.values<ErrorLine>(generalErrors)].toReversed();
  const byKey = new Map(lines.map((line) => [line.key, line]));
  return [...byKey.values()]
    .map(({ key, user_message: meaning, action }) => ({ key, meaning, action }))
    .toSorted((one, other) => (one.key < other.key ? -1 : 1));
}

export interface Found {
  readonly line: ErrorLine;
  /** False when the code alone led here: then other signs (is_transient, HTTP 5xx) may weigh more. */
  readonly isExact: boolean;
}

/** From here on a number means the same whether it comes as code or as subcode. */
const firstGlobalNumber = 1_000_000;
/** Session codes share the subcodes of 190. */
const sessionCodes = new Set([102, 450, 452]);

/** By all that a line may name: code, subcode, `type`, and whether the account itself was called. */
const byName = new Map<string, ErrorLine>();
const byCode = new Map<number, ErrorLine>();
const byNumber = new Map<number, ErrorLine>();
const ranges: { readonly first: number; readonly last: number; readonly line: ErrorLine }[] = [];

for (const line of errorTable) index(line);

function index(line: ErrorLine): void {
  const { code, subcode } = line;
  if (typeof code === 'object') {
    ranges.push({ first: code[0], last: code[1], line });
    return;
  }
  const isSpecial = line.type !== undefined || line.onAccount === true;
  if (isSpecial || (code !== undefined && subcode !== undefined)) byName.set(nameOf(line), line);
  if (isSpecial) return;
  if (code !== undefined && subcode === undefined) byCode.set(code, line);
  for (const number of [subcode, code]) {
    if (number === undefined || number < firstGlobalNumber) continue;
    if (!byNumber.has(number)) byNumber.set(number, line);
  }
}

function nameOf({ code, subcode, type, onAccount }: Partial<ErrorLine>): string {
  return [String(code), subcode ?? '', type ?? '', onAccount === true ? 'account' : ''].join('/');
}

export interface Numbers {
  readonly code: number | null;
  readonly subcode: number | null;
  readonly type: string | null;
  /** The call was made on the account itself. */
  readonly isOnAccount: boolean;
}

/** The line of an answer's numbers: the most special one first, subcode before code, one code before a range. */
export function findLine({ code, subcode, type, isOnAccount }: Numbers): Found | null {
  const exact =
    findSpecial({ code, subcode, type, isOnAccount }) ??
    (subcode === null ? undefined : findBySubcode(code, subcode));
  if (exact !== undefined) return { line: exact, isExact: true };
  if (code === null) return null;
  const line = byNumber.get(code) ?? byCode.get(code) ?? findInRanges(code);
  return line === undefined ? null : { line, isExact: false };
}

function findSpecial({ code, subcode, type, isOnAccount }: Numbers): ErrorLine | undefined {
  if (code === null) return undefined;
  const numbers = { code, ...(subcode === null ? {} : { subcode }) };
  const onAccount = isOnAccount ? byName.get(nameOf({ ...numbers, onAccount: true })) : undefined;
  return onAccount ?? (type === null ? undefined : byName.get(nameOf({ ...numbers, type })));
}

function findBySubcode(code: number | null, subcode: number): ErrorLine | undefined {
  const owner = code !== null && sessionCodes.has(code) ? 190 : code;
  const named = owner === null ? undefined : byName.get(nameOf({ code: owner, subcode }));
  return named ?? byNumber.get(subcode);
}

function findInRanges(code: number): ErrorLine | undefined {
  return ranges.find(({ first, last }) => first <= code && code <= last)?.line;
}
