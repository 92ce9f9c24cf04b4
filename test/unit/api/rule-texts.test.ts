import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { rulePages } from '../../../src/api/pages/rule-texts.ts';
import { problemKinds } from '../../../src/api/problem-codes.ts';
import { publishersOf } from '../../../src/providers/index.ts';
import { networksAt } from '../../support/networks.ts';

const publishers = publishersOf(networksAt());
const pages = rulePages(publishers);

const src = new URL('../../../src', import.meta.url).pathname;

function read(...folders: string[]): string {
  return folders
    .flatMap((folder) =>
      readdirSync(join(src, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts'))
        .map((path) => join(folder, path)),
    )
    .filter((path) => !/^(?:db\/generated|sandbox)\/|rule-texts/.test(path))
    .map((path) => readFileSync(join(src, path), 'utf8'))
    .join('\n');
}

const sources = read('.');

/** The ways in which the program names a rule; the last word in quotes is its id. */
const namings = [
  /\brule: '(\w+)'/g,
  /\brule = '(\w+)'/g,
  /\brefuse\(\s*(?:path|'\w+'),\s*'(\w+)'/g,
  /\binHeader\(\s*[^,()]+,\s*'(\w+)'/g,
  /\bunreadable\(\s*'(\w+)'/g,
  /\brefused\('(\w+)', '/g,
  /\brejected\('\w+', [^()]*, '(\w+)'\)/g,
  /\bbad(?:Json|Text|Target)\([^;]*?'(\w+)'\);/g,
];

/** What zod finds by itself, under zod's own names. */
const ofZod = ['invalid_type', 'invalid_value', 'too_big', 'too_small', 'invalid_key', 'custom'];
const ofZodFormats = [
  'format_guid',
  'format_email',
  'format_datetime',
  'format_regex',
  'invalid_union',
];
/** Put together from the name of a column. */
const ofColumns = ['tenant_known', 'page_known'];
/** Why an account that a consent reaches cannot be used: said by its network. */
const ofCandidates = ['no_token', 'task_missing', 'scope_other_accounts', 'account_disabled'];

function namedRules(): string[] {
  const found = namings.flatMap((naming) =>
    [...sources.matchAll(naming)].map(([, rule]) => rule ?? ''),
  );
  const ofProviders = [...publishers.values()].flatMap(({ rules, errors }) => [
    ...rules.map(({ id }) => id),
    ...errors.map(({ key }) => key),
  ]);
  return [
    ...new Set([
      ...found,
      ...ofProviders,
      ...ofZod,
      ...ofZodFormats,
      ...ofColumns,
      ...ofCandidates,
    ]),
    'schedule_needs_time',
    'auto_publish_required',
  ];
}

it('every rule that the program can name has a page, and every page a rule', () => {
  const named = new Set(namedRules());
  expect(named.size).toBeGreaterThan(70);
  expect([...named].filter((rule) => !pages.has(rule))).toEqual([]);
  expect([...pages.keys()].filter((rule) => !named.has(rule))).toEqual([]);
});

it('no request is parsed by a format that no page tells of', () => {
  const parsers = read('api', 'posts').replace(/\s+/g, '');
  const formats = parsers.matchAll(/z\.(guid|uuid|email|url|iso\.\w+|cidr|base64|ipv\d)\(/g);
  expect(new Set([...formats].map(([, format]) => format))).toEqual(
    new Set(['guid', 'iso.datetime', 'email']),
  );
});

it('a rule has no id that is the code of a problem, as both have pages at one place', () => {
  const both = Object.keys(problemKinds).filter((code) => pages.has(code));
  // As keys of errors they mean the same.
  expect(both).toEqual([
    'token_rejected',
    'token_is_user_token',
    'token_of_another_app',
    'rate_limited',
    'provider_unreachable',
  ]);
});

it('a rule and an error of a network that share a name have the page of the rule', () => {
  expect(pages.get('facebook_too_many_photos')?.group).toBe('Posts on Facebook');
  for (const { rules, errors } of publishers.values()) {
    const keys = new Set(errors.map(({ key }) => key));
    expect(rules.filter(({ id }) => keys.has(id))).toEqual([]);
  }
});

it('every page says what the rule means and what to do, in whole sentences', () => {
  for (const [id, { meaning, action }] of pages) {
    expect(`${id}: ${meaning}`).toMatch(/\.$/);
    expect(`${id}: ${action}`).toMatch(/\.$/);
  }
});
