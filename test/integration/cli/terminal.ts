import { Readable } from 'node:stream';
import { z } from 'zod';
import { runCli } from '../../../src/cli/program.ts';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What `--json` printed, to compare with `toEqual`. */
  json(): unknown;
  /** What `--json` printed, read as the test expects it. */
  read<T>(schema: z.ZodType<T>): T;
}

export type Terminal = (line: readonly string[], more?: Partial<Given>) => Promise<Finished>;

interface Given {
  readonly stdin: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs command lines in this process, with streams of its own and nothing of the real environment. */
export function openTerminal(env: Readonly<Record<string, string>>): Terminal {
  return async (line, more = {}) => {
    const written = { stdout: '', stderr: '' };
    const output = (name: 'stdout' | 'stderr') => ({
      write: (text: string) => {
        written[name] += text;
      },
    });
    const io = {
      stdin: Readable.from([more.stdin ?? '']),
      stdout: output('stdout'),
      stderr: output('stderr'),
    };
    const code = await runCli(line, io, { ...env, ...more.env });
    const json = (): unknown => JSON.parse(written.stdout);
    return { code, ...written, json, read: (schema) => schema.parse(json()) };
  };
}
