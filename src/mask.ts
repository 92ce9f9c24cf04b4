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

/** `"name":"` up to where its value begins, also inside a string of JSON that was escaped once or more. */
const secretField = new RegExp(String.raw`"(?:${names})(\\*)"\s*:\s*\1"`, 'gi');

const rules: readonly (readonly [RegExp, string])[] = [
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
  // Keys of ours, and the addresses that let people connect accounts.
  [/\bsp_[a-z]+_[\w-]{40,}/g, mask],
  // An app's own token is `<app id>|<app secret>`.
  [/\b\d{8,20}(?:\||%7C)[\w-]{16,}/g, mask],
  [/(\w:\/\/[^\s:@/"'\\]*):[^\s@/"'\\]+@/g, `$1:${mask}@`],
];

/**
 * The text with everything masked that looks like a secret: Meta's tokens, bearer tokens, secret
 * parameters and fields, passwords in URLs. The last net, under `Secret` and the redacted fields;
 * for log lines, error records and pages. JSON stays JSON. What it costs grows with the length of
 * the text and not with its square: people outside choose the text.
 */
export function maskSecrets(text: string): string {
  return rules.reduce(
    (masked, [pattern, replacement]) => masked.replace(pattern, replacement),
    maskFields(text),
  );
}

/** The same of a JSON value, string by string: its names stay next to their values. */
export function maskDeep(value: unknown): unknown {
  if (typeof value === 'string') return maskSecrets(value);
  if (Array.isArray(value)) return value.map(maskDeep);
  return isObject(value) ? maskObject(value) : value;
}

/** `maskDeep` of an object, which stays one. */
export function maskObject(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      maskSecrets(name),
      lowerNames.has(name.toLowerCase()) ? maskAsSecret(inner) : maskDeep(inner),
    ]),
  );
}

/** What stands under the name of a secret: cookies come as a list. */
function maskAsSecret(value: unknown): unknown {
  if (typeof value === 'string') return mask;
  return Array.isArray(value) ? value.map(maskAsSecret) : maskDeep(value);
}

const lowerNames: ReadonlySet<string> = new Set(secretNames.map((name) => name.toLowerCase()));

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function maskFields(text: string): string {
  let masked = '';
  let done = 0;
  secretField.lastIndex = 0;
  for (let field = secretField.exec(text); field !== null; field = secretField.exec(text)) {
    const start = secretField.lastIndex;
    const end = endOfValue(text, start, field[1]?.length ?? 0);
    masked += text.slice(done, start) + mask;
    done = end;
    secretField.lastIndex = end;
  }
  return masked + text.slice(done);
}

/**
 * Where the closing quote of a JSON string begins, whose quotes stand behind `escapes` backslashes; the end of the text
 * if it was cut off. A backslash of the string itself is written as so many and one, twice.
 */
function endOfValue(text: string, start: number, escapes: number): number {
  const quotes = /\\+"?|"/g;
  quotes.lastIndex = start;
  for (let quote = quotes.exec(text); quote !== null; quote = quotes.exec(text)) {
    const more = quote[0].length - 1 - escapes;
    const isClosing = more >= 0 && more % (2 * (escapes + 1)) === 0;
    if (quote[0].endsWith('"') && isClosing) return quotes.lastIndex - 1 - escapes;
  }
  return text.length;
}

/** The text without the query and fragment of any URL in it: they are where secrets travel. */
export function cutQueries(text: string): string {
  // A URL without a query is matched too, so that what stands in it is not tried as another URL's beginning.
  return text.replace(
    /(\w:\/\/[^\s?#"'<>]*)([?#][^\s"'<>)]*)?/g,
    (_url, path: string, query: string | undefined) =>
      query === undefined ? path : `${path}?[cut]`,
  );
}
