import type { Command } from 'commander';
import { z } from 'zod';
import type { Io } from './io.ts';
import { openSession, type Session } from './session.ts';
import { type Style, styleFor } from './style.ts';
import { type Column, renderTable } from './table.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the action of a command is given. */
export interface Run {
  readonly io: Io;
  readonly env: Environment;
  readonly style: Style;
  /** Whether a script reads the output. */
  readonly isJson: boolean;
  readonly session: Session;
  /** For scripts the value as JSON, for people the text. */
  readonly answer: (value: unknown, text: () => string) => void;
  readonly table: <Row>(
    columns: readonly Column<Row>[],
    rows: readonly Row[],
    none: string,
  ) => void;
  /** The command did its work, and what it found is not good: the exit code says so. */
  readonly fail: () => void;
}

export type Launch = (command: Command, work: (run: Run) => Promise<void>) => Promise<void>;

const globalOptions = z.object({ json: z.boolean().default(false) });

/** Opens what the command needs, runs it, and closes everything again whatever happened. */
export function launcher(io: Io, env: Environment, setExitCode: (code: number) => void): Launch {
  return async (command, work) => {
    const { json } = globalOptions.parse(command.optsWithGlobals());
    const style = styleFor(io.stdout, env);
    const print = (text: string): void => {
      io.stdout.write(text);
    };
    const session = openSession(env);
    try {
      await work({
        io,
        env,
        style,
        isJson: json,
        session,
        answer: (value, text) => print(json ? `${JSON.stringify(value, null, 2)}\n` : text()),
        table: (columns, rows, none) => {
          if (json) return print(`${JSON.stringify(rows, null, 2)}\n`);
          print(rows.length === 0 ? `${none}\n` : renderTable(columns, rows, io.stdout, style));
        },
        fail: () => setExitCode(1),
      });
    } finally {
      await session.close();
    }
  };
}
