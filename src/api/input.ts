import { distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { type FieldProblem, InvalidRequestError } from '../errors.ts';

type Parts = Readonly<Record<'params' | 'query' | 'body', unknown>>;

type InputSchema<Output> = z.ZodType<Output> & { readonly shape: object };

/**
 * The request's parts as the schema reads them. Throws `malformed_request` (400) for what has not the shape that the
 * contract describes, `invalid` (422) when only values of the body break a bound.
 */
export function parseInput<Output>(schema: InputSchema<Output>, parts: Parts): Output {
  const { params, query, body } = parts;
  checkTexts(query, 'query');
  const stray = findStray(schema.shape, parts);
  const parsed = schema.safeParse({ params, query, body }, { reportInput: true, error: issueText });
  const issues = parsed.error?.issues ?? [];
  if (parsed.success && stray.length === 0) return parsed.data;
  throw refuse(issues, stray);
}

/** What came in a part that the route does not read. */
function findStray(shape: object, { query, body }: Parts): FieldProblem[] {
  const strayQuery = 'query' in shape ? [] : Object.keys(query ?? {});
  const strayBody = !('body' in shape) && body !== undefined && !isEmptyObject(body);
  return [
    ...strayQuery.map((name) => unknownField(`query.${cutName(name)}`, [])),
    ...(strayBody ? [{ path: '', message: 'must be left out', rule: 'unknown_field' }] : []),
  ];
}

function isEmptyObject(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length === 0
  );
}

function refuse(issues: readonly z.core.$ZodIssue[], stray: readonly FieldProblem[]) {
  const flat = issues.flatMap(flatten);
  const errors = [...stray, ...flat.flatMap(toProblems)];
  const isRule = stray.length === 0 && flat.every(breaksRule);
  const first = errors[0];
  const detail = first === undefined ? 'The request is not valid.' : sentence(first);
  return isRule
    ? new InvalidRequestError(422, 'invalid', detail, errors)
    : new InvalidRequestError(400, 'malformed_request', detail, errors);
}

/** Of a union that nothing fits, the branch that came nearest says best what is wrong. */
function flatten(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return [issue];
  const [nearest] = issue.errors.toSorted((one, other) => one.length - other.length);
  return (nearest ?? []).flatMap((inner) =>
    flatten({ ...inner, path: [...issue.path, ...inner.path] }),
  );
}

const ruleCodes = new Set([
  'too_big',
  'too_small',
  'not_multiple_of',
  'custom',
  'invalid_format',
  'invalid_value',
]);

/** The shape is right, and only a value of the body is out of its bounds. */
function breaksRule(issue: z.core.$ZodIssue): boolean {
  return issue.path[0] === 'body' && ruleCodes.has(issue.code) && issue.input !== undefined;
}

/** A body of a megabyte can hold a hundred thousand slips. */
const mostHints = 10;

function toProblems(issue: z.core.$ZodIssue): FieldProblem[] {
  if (issue.code === 'unrecognized_keys') {
    // The message is our own list of the names that are known there.
    const known = issue.message.split(' ').filter((name) => name !== '');
    return issue.keys.map((name, index) =>
      unknownField(pathOf([...issue.path, name]), index < mostHints ? known : []),
    );
  }
  return [{ path: pathOf(issue.path), message: messageOf(issue), rule: ruleOf(issue) }];
}

function ruleOf(issue: z.core.$ZodIssue): string {
  const given: unknown = issue.code === 'custom' ? issue.params?.['rule'] : undefined;
  if (typeof given === 'string') return given;
  if (issue.code === 'invalid_format') return `format_${issue.format}`;
  return isMissing(issue) ? 'required' : issue.code;
}

function messageOf(issue: z.core.$ZodIssue): string {
  return isMissing(issue) ? 'is required' : issue.message;
}

function isMissing(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && issue.input === undefined;
}

function unknownField(path: string, known: readonly string[]): FieldProblem {
  const [place, name = ''] = /^(query\.)?(.*)$/s.exec(trimmed(path))?.slice(1) ?? [];
  const what = place === undefined ? 'field' : 'query parameter';
  const meant = likelyName(name.slice(name.lastIndexOf('.') + 1), known);
  const message = `Unknown ${what} \`${name}\`${meant === undefined ? '' : `; did you mean \`${meant}\`?`}`;
  return { path: trimmed(path), message, rule: 'unknown_field' };
}

/** In the request's own names: `media[2].url`; of the query and the path with their part in front. */
function pathOf(path: readonly PropertyKey[]): string {
  return trimmed(
    path
      .map((step) => (typeof step === 'number' ? `[${step}]` : `.${cutName(String(step))}`))
      .join('')
      .slice(1),
  );
}

function trimmed(path: string): string {
  return path.replace(/^body\.?/, '');
}

function sentence({ path, message, rule }: FieldProblem): string {
  const text =
    path !== '' && rule === 'unknown_field' ? message : `${path || 'The body'}: ${message}`;
  return text.endsWith('?') ? text : `${text}.`;
}

function checkTexts(parts: unknown, path: string): void {
  for (const [name, value] of Object.entries(parts ?? {})) {
    if (typeof value === 'string') checkText(value, `${path}.${cutName(name)}`);
  }
}

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

/** How HTML forms send their fields. */
export const formType = 'application/x-www-form-urlencoded';

/** The fields of a form; of several under one name a list. Throws 400 as `parseBody` does. */
export function parseForm(bytes: Buffer): Readonly<Record<string, string | readonly string[]>> {
  const fields = new URLSearchParams(decode(bytes));
  const form = Object.fromEntries(
    [...new Set(fields.keys())].map((name) => {
      const [first = '', ...others] = fields.getAll(name);
      return [name, others.length === 0 ? first : [first, ...others]];
    }),
  );
  checkValue(form, '', 1);
  return form;
}

/** Refuses NUL and lone surrogates in a text that came by another way than the body. */
function checkText(text: string, path: string): void {
  if (text.includes('\0')) throw badText(path, 'holds NUL (U+0000)', 'text_nul');
  if (!text.isWellFormed()) {
    throw badText(path, 'holds half of a surrogate pair', 'text_lone_surrogate');
  }
}

/** A name that came from outside, no longer than a name is. */
function cutName(name: string): string {
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

type RawIssue = z.core.$ZodRawIssue;

/** What zod found, in plain English; a schema's own words come before these. */
function issueText(issue: RawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${withArticle(issue.expected)}, not ${nameOf(issue.input)}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.join(', ')}`;
    case 'too_big':
      return `must ${have(issue.origin)} at most ${amount(issue.maximum, issue.origin)}`;
    case 'too_small':
      return `must ${have(issue.origin)} at least ${amount(issue.minimum, issue.origin)}`;
    case 'invalid_format':
      return `must be ${formats[issue.format] ?? `a valid ${issue.format}`}`;
    case 'unrecognized_keys':
      // Not for people yet: the names that are known there, of which one may be meant.
      return Object.keys(shapeOf(issue.inst)).join(' ');
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'invalid_union':
    case 'not_multiple_of':
      return undefined;
  }
}

const formats: Readonly<Record<string, string>> = {
  guid: 'an id (a UUID)',
  datetime: 'a moment with its offset, such as 2026-12-24T18:30:00+01:00',
};

function withArticle(type: string): string {
  const name = { int: 'integer', record: 'object' }[type] ?? type;
  return /^[aeiou]/.test(name) ? `an ${name}` : `a ${name}`;
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : withArticle(typeof value);
}

function have(origin: string): string {
  return origin === 'string' || origin === 'array' ? 'have' : 'be';
}

function amount(bound: number | bigint, origin: string): string {
  const unit = { string: 'character', array: 'item' }[origin];
  if (unit === undefined) return String(bound);
  return `${bound} ${unit}${Number(bound) === 1 ? '' : 's'}`;
}

/** Of the strict object that met an unknown field. */
function shapeOf(schema: unknown): object {
  return isObjectSchema(schema) ? schema.shape : {};
}

function isObjectSchema(schema: unknown): schema is { readonly shape: object } {
  return (
    typeof schema === 'object' &&
    schema !== null &&
    'shape' in schema &&
    typeof schema.shape === 'object'
  );
}

/** Names that other calendars and networks have for our fields. */
const otherNames: Readonly<Record<string, string>> = {
  text: 'message',
  caption: 'message',
  content: 'message',
  body: 'message',
  url: 'link',
  photos: 'media',
  images: 'media',
  attachments: 'media',
  publish_at: 'scheduled_at',
  scheduled_time: 'scheduled_at',
  scheduled_publish_time: 'scheduled_at',
  due_at: 'scheduled_at',
  time_zone: 'timezone',
  account_id: 'integration_id',
  page_id: 'integration_id',
  channel_id: 'integration_id',
  page_size: 'limit',
  page_token: 'cursor',
};

/** Of the names known here the one that was probably meant. */
function likelyName(given: string, known: readonly string[]): string | undefined {
  if (given.length > longestGuessed) return undefined;
  const plain = given
    .replace(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toLowerCase()
    .replaceAll('-', '_');
  const other = otherNames[plain];
  if (other !== undefined && known.includes(other)) return other;
  const near = known
    .map((name) => ({ name, far: distance(plain, name) }))
    .toSorted((one, two) => one.far - two.far)
    .find(({ name, far }) => far <= Math.max(1, Math.floor(name.length / 4)));
  return near?.name;
}

/** Nothing of ours is as long, and comparing takes time. */
const longestGuessed = 64;
