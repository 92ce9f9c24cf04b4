import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Secret } from '../secret.ts';
import type { Environment } from './command.ts';
import { CommandError } from './failure.ts';
import type { Io } from './io.ts';

export interface TokenSource {
  readonly tokenFile?: string | undefined;
  readonly tokenEnv?: string | undefined;
}

/** Never from an argument: the list of processes shows those to everybody on the machine. */
export async function readToken(source: TokenSource, io: Io, env: Environment): Promise<Secret> {
  const token = (await readSource(source, io, env)).trim();
  if (token === '') {
    throw new CommandError(
      'token_missing',
      'No access token came: pipe it to the command, or use --token-file or --token-env.',
    );
  }
  return new Secret(token);
}

async function readSource(source: TokenSource, io: Io, env: Environment): Promise<string> {
  if (source.tokenFile !== undefined && source.tokenEnv !== undefined) {
    throw new CommandError('token_twice', 'Give --token-file or --token-env, not both.');
  }
  if (source.tokenEnv !== undefined) return env[source.tokenEnv] ?? '';
  if (source.tokenFile !== undefined) return readTokenFile(source.tokenFile);
  return io.stdin.isTTY === true ? prompt(io) : readAll(io);
}

async function readTokenFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CommandError('token_file', `The token file ${path} cannot be read (${reason}).`);
  }
}

async function readAll({ stdin }: Io): Promise<string> {
  let text = '';
  for await (const chunk of stdin) text += chunk.toString();
  return text;
}

/** What is typed or pasted goes to an output that shows nothing. */
async function prompt({ stdin, stderr }: Io): Promise<string> {
  stderr.write('Access token (not shown): ');
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    stderr.write('\n');
  }
}
