const mask = '[secret]';

/** Fields, parameters and headers whose value is a secret wherever they appear. */
export const secretNames = [
  'access_token',
  'accessToken',
  'appsecret_proof',
  'appSecret',
  'app_secret',
  'authorization',
  'client_secret',
  'clientSecret',
  'cookie',
  'set-cookie',
  'fb_exchange_token',
  'input_token',
  'password',
  'refresh_token',
  'signed_request',
  'token',
  'verify_token',
] as const;

const names = secretNames.join('|');
const tokenLetter = String.raw`[\w.~+/=|-]`;

/**
 * A token starts where a word does, or after an escape (`%3D`, `\n`): permalinks hold long runs of
 * letters that may contain EAA by chance. Longer runs than any permalink are tokens anywhere.
 */
const wordStart = String.raw`(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\(?:[bfnrt]|u[0-9a-f]{4})))`;

const rules: readonly (readonly [RegExp, string])[] = [
  // "name":"value", also inside a string of JSON that was escaped once more.
  [
    new RegExp(String.raw`((\\*)"(?:${names})\2"\s*:\s*\2")(?:(?!\2")(?:\\.|[^\\]))*`, 'gi'),
    `$1${mask}`,
  ],
  [
    new RegExp(String.raw`${wordStart}(${names})(=|%3D)(?!\[secret)[^&\s"'\\<>,;)\]}]+`, 'gi'),
    `$1$2${mask}`,
  ],
  [
    new RegExp(
      String.raw`\b(Bearer)\s+(?:${tokenLetter}{20,}|(?=${tokenLetter}*\d)${tokenLetter}+)`,
      'gi',
    ),
    `$1 ${mask}`,
  ],
  [new RegExp(String.raw`\b(Authorization:\s*\w+)\s+[^\s"'\\]+`, 'gi'), `$1 ${mask}`],
  [new RegExp(String.raw`${wordStart}(?:EAA[A-Za-z0-9]{20,}|IG(?:AA|Q)[\w-]{20,})`, 'g'), mask],
  [/(?:EAA|IGAA|IGQ)[A-Za-z0-9]{80,}/g, mask],
  // An app's own token is `<app id>|<app secret>`.
  [/\b\d{8,20}(?:\||%7C)[\w-]{16,}/g, mask],
  [/(\w:\/\/[^\s:@/"'\\]*):[^\s@/"'\\]+@/g, `$1:${mask}@`],
];

/**
 * The text with everything masked that looks like a secret: Meta's tokens, bearer tokens, secret
 * parameters and fields, passwords in URLs. The last net, under `Secret` and the redacted fields;
 * for log lines, error records and pages. JSON stays JSON.
 */
export function maskSecrets(text: string): string {
  return rules.reduce(
    (masked, [pattern, replacement]) => masked.replace(pattern, replacement),
    text,
  );
}

/** The text without the query and fragment of any URL in it: they are where secrets travel. */
export function cutQueries(text: string): string {
  return text.replace(/(\w:\/\/[^\s?#"'<>]*)[?#][^\s"'<>)]*/g, '$1?[cut]');
}
