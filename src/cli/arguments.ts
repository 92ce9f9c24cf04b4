import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { Secret } from '../secret.ts';
import type { Environment } from './command.ts';
import { CommandError } from './failure.ts';
import type { Io } from './terminal.ts';

/** For options that count something; commander names the option in front of the message. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number, 0 or more.');
  return Number(text);
}

const options = z.object({ scheduledAt: z.string().optional(), at: z.string().optional() });

/** The option in the word of the API; `--at` is kept for whoever has it in a script. */
export function withDueTime(command: Command, description: string): Command {
  return command
    .option('--scheduled-at <time>', `${description}, such as 2026-12-24T18:00:00+01:00`)
    .addOption(new Option('--at <time>').hideHelp());
}

export function dueTimeOf(given: unknown): string | undefined {
  const { scheduledAt, at } = options.parse(given);
  if (scheduledAt !== undefined && at !== undefined) {
    throw new CommandError('usage', 'Give --scheduled-at or --at, not both: they are the same.');
  }
  return scheduledAt ?? at;
}

export interface TokenSource {
  /** What people call it. */
  readonly what: 'access token' | 'app secret';
  readonly tokenFile?: string | undefined;
  readonly tokenEnv?: string | undefined;
}

/** Never from an argument: the list of processes shows those to everybody on the machine. */
export async function readToken(source: TokenSource, io: Io, env: Environment): Promise<Secret> {
  const token = (await readSource(source, io, env)).trim();
  if (token === '') {
    const [file, variable] = optionsFor(source);
    throw new CommandError(
      'token_missing',
      `No ${source.what} came: pipe it to the command, or use ${file} or ${variable}.`,
    );
  }
  return new Secret(token);
}

async function readSource(source: TokenSource, io: Io, env: Environment): Promise<string> {
  if (source.tokenFile !== undefined && source.tokenEnv !== undefined) {
    throw new CommandError('token_twice', `Give ${optionsFor(source).join(' or ')}, not both.`);
  }
  if (source.tokenEnv !== undefined) return env[source.tokenEnv] ?? '';
  if (source.tokenFile !== undefined) return readTokenFile(source.tokenFile, source);
  return io.stdin.isTTY === true ? prompt(io, source) : readAll(io);
}

function optionsFor({ what }: TokenSource): readonly [string, string] {
  const name = what === 'app secret' ? 'secret' : 'token';
  return [`--${name}-file`, `--${name}-env`];
}

async function readTokenFile(path: string, { what }: TokenSource): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    const file = what === 'app secret' ? 'secret' : 'token';
    throw new CommandError('token_file', `The ${file} file ${path} cannot be read (${reason}).`);
  }
}

async function readAll({ stdin }: Io): Promise<string> {
  let text = '';
  for await (const chunk of stdin) text += chunk.toString();
  return text;
}

/** What is typed or pasted goes to an output that shows nothing. */
async function prompt({ stdin, stderr }: Io, { what }: TokenSource): Promise<string> {
  stderr.write(`The ${what} (not shown): `);
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    stderr.write('\n');
  }
}
