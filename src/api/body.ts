import { InvalidRequestError } from '../errors.ts';

/** Deeper than any document of ours, `metadata` included. */
const deepest = 32;
const longestName = 100;

/**
 * The JSON document in these bytes, or undefined when there are none. Throws `malformed_json` or
 * `malformed_text` (both 400) for what could not be stored or passed on as it is.
 */
export function parseBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  const body = parseJson(decode(bytes));
  checkValue(body, '', 1);
  return body;
}

/** Refuses NUL and lone surrogates in a text that came by another way than the body. */
export function checkText(text: string, path: string): void {
  if (text.includes('\0')) throw badText(path, 'holds NUL (U+0000)', 'text_nul');
  if (!text.isWellFormed()) {
    throw badText(path, 'holds half of a surrogate pair', 'text_lone_surrogate');
  }
}

/** A name that came from outside, no longer than a name is. */
export function cutName(name: string): string {
  return name.length <= longestName ? name : `${name.slice(0, longestName - 1)}…`;
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw badJson('The body is not valid UTF-8.', '', 'utf8');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badJson(`The body is not valid JSON${positionIn(error)}.`, '', 'json');
  }
}

/** Only the place: the message of V8 quotes the body, and that may hold a token. */
function positionIn(error: unknown): string {
  const found = error instanceof Error ? /at position \d+/.exec(error.message) : null;
  return found === null ? '' : ` (${found[0]})`;
}

function checkValue(value: unknown, path: string, depth: number): void {
  if (typeof value === 'string') return checkText(value, path);
  if (typeof value !== 'object' || value === null) return;
  if (depth > deepest) {
    throw badJson(`The body is nested deeper than ${deepest} levels.`, path, 'depth');
  }
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) checkValue(item, `${path}[${index}]`, depth + 1);
    return;
  }
  for (const [name, item] of Object.entries(value)) {
    const inner = path === '' ? cutName(name) : `${path}.${cutName(name)}`;
    checkText(name, path);
    if (isPoison(name, item)) {
      throw badJson(`The field ${cutName(name)} is not allowed.`, inner, 'prototype');
    }
    checkValue(item, inner, depth + 1);
  }
}

function isPoison(name: string, value: unknown): boolean {
  if (name === '__proto__') return true;
  return (
    name === 'constructor' &&
    typeof value === 'object' &&
    value !== null &&
    Object.hasOwn(value, 'prototype')
  );
}

function badJson(message: string, path: string, rule: string): InvalidRequestError {
  return new InvalidRequestError(400, 'malformed_json', message, [{ path, message, rule }]);
}

function badText(path: string, what: string, rule: string): InvalidRequestError {
  const message = `The text ${what}.`;
  return new InvalidRequestError(400, 'malformed_text', message, [{ path, message, rule }]);
}
