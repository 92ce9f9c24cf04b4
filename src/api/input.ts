import type { z } from 'zod';
import { type FieldProblem, InvalidRequestError } from '../errors.ts';
import { checkText, cutName } from './body.ts';
import { issueText, likelyName } from './issue-text.ts';

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
