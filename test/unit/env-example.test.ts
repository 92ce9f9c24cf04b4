import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { variableNames, variables } from '../../src/config/variables.ts';

const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
const entries = [...example.matchAll(/^(?:# )?([A-Z][A-Z_]+)=(.*)$/gm)].map(
  ([, name = '', value = '']) => [name, value] as const,
);

test('.env.example lists exactly the variables that are read, each once', () => {
  expect(entries.map(([name]) => name).toSorted()).toEqual(variableNames.toSorted());
});

test('.env.example sets nothing by itself', () => {
  expect(example.split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
});

test('.env.example explains each variable or group of them', () => {
  const unexplained = example.split('\n\n').filter((block) => /^# [A-Z_]+=/.test(block));
  expect(unexplained).toEqual([]);
});

test('.env.example gives values that would be accepted', () => {
  const given = Object.fromEntries(entries.filter(([, value]) => value !== ''));
  expect(variables.safeParse(given).error?.issues ?? []).toEqual([]);
});

test('.env.example gives the defaults of all numbers', () => {
  const defaults: Record<string, unknown> = variables.parse({});
  const numbers = Object.entries(defaults).filter(([, value]) => typeof value === 'number');
  expect(numbers.length).toBe(15);
  expect(entries).toEqual(
    expect.arrayContaining(numbers.map(([name, value]) => [name, String(value)])),
  );
});

test('.env.example tells how to make the secrets', () => {
  expect(example).toContain('openssl rand -base64 32');
  expect(example).toContain("require('node:crypto').randomBytes(32).toString('base64')");
});
