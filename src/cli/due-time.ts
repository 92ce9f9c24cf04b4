import { type Command, Option } from 'commander';
import { z } from 'zod';
import { CommandError } from './failure.ts';

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
