import { distance } from 'fastest-levenshtein';
import type { z } from 'zod';

type RawIssue = z.core.$ZodRawIssue;

/** What zod found, in plain English; a schema's own words come before these. */
export function issueText(issue: RawIssue): string | undefined {
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
export function likelyName(given: string, known: readonly string[]): string | undefined {
  if (given.length > longestName) return undefined;
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
const longestName = 64;
