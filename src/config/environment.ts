import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { distance } from 'fastest-levenshtein';
import { ConfigError } from '../errors.ts';
import { variableNames } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type ReadFile = (path: string) => string;

interface Resolved {
  /** Our variables that are set, by their plain names. */
  readonly values: Readonly<Record<string, string>>;
  readonly problems: readonly string[];
}

/**
 * Our variables out of the environment, those given as `NAME_FILE` read from their files. An empty
 * string counts as unset: compose files and shells pass on a variable that nobody set that way.
 */
export function resolveVariables(env: Environment, readFile: ReadFile): Resolved {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of variableNames) {
    const plain = env[name] ?? '';
    const path = env[`${name}_FILE`] ?? '';
    const value = path === '' ? plain : readVariable(path, readFile);
    if (path !== '' && plain !== '') {
      problems.push(`${name} and ${name}_FILE are both set: leave one`);
    } else if (typeof value !== 'string') {
      problems.push(`${name}_FILE ${value.problem}`);
    } else if (value !== '') {
      values[name] = value;
    }
  }
  return { values, problems };
}

/** Whether the variable is given in either of its forms. */
export function isGiven(env: Environment, name: string): boolean {
  return Boolean(env[name]) || Boolean(env[`${name}_FILE`]);
}

function readVariable(path: string, readFile: ReadFile): string | { problem: string } {
  try {
    const content = readFile(path).replace(/\r?\n$/, '');
    return content === '' ? { problem: 'names a file that is empty' } : content;
  } catch (error) {
    return { problem: `names a file that cannot be read (${systemCodeOf(error)})` };
  }
}

/** The code alone: the message of such an error holds the path, which is a value. */
function systemCodeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'no system code';
}

export interface Slip {
  /** As it stands in the environment. */
  readonly name: string;
  readonly meant: string;
}

/**
 * Names that are probably slips of ours. Only names with an underscore are judged: the environment
 * is shared, and short words such as HOSTNAME are somebody else's.
 */
export function findLikelyTypos(env: Environment): Slip[] {
  const known = new Set(variableNames.flatMap((name) => [name, `${name}_FILE`]));
  return Object.keys(env).flatMap((name) => {
    if (known.has(name) || !name.includes('_')) return [];
    const meant = variableNames.find((ours) => isLikelyTypo(name.replace(/_FILE$/, ''), ours));
    return meant === undefined ? [] : [{ name, meant }];
  });
}

function isLikelyTypo(name: string, ours: string): boolean {
  if (!name.includes('_')) return false;
  return ours.startsWith(`${name}_`) || (name.length >= 8 && distance(name, ours) <= 2);
}

/**
 * The environment, completed by the file `.env` in the folder that the program is started in, where `.data` is as
 * well. What the environment sets wins, also when it is empty. Throws `ConfigError` when the file cannot be read.
 */
export function withDotenv(env: Environment, folder = process.cwd()): Environment {
  const path = join(folder, '.env');
  try {
    return { ...parseEnv(readFileSync(path, 'utf8')), ...env };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    if (code === 'ENOENT') return env;
    throw new ConfigError([
      `${path} cannot be read (${code}): let the account that runs this read it, or remove it`,
    ]);
  }
}
