import { actions, type ErrorLine, waits } from './error-line.ts';

const {
  reconnect,
  grantRole,
  grantScopes,
  confirm,
  nothing,
  fixText,
  fixLink,
  checkPost,
  checkApp,
  secret,
  seeAccount,
  report,
} = actions;

/** Tokens, permissions, limits, requests: what is about the account, the app or the call. One line a code. */
// biome-ignore format: a table, one line a code
export const accountErrors: readonly ErrorLine[] = [
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
