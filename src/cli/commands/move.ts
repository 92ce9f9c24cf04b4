import type { Command } from 'commander';
import { z } from 'zod';
import { httpUrl } from '../../config/variables.ts';
import { savePublicUrl } from '../../fence/store.ts';
import type { Launch, Run } from '../command.ts';
import { CommandError } from '../failure.ts';

const moveOptions = z.object({ publicUrl: z.string() });

export function moveCommand(program: Command, launch: Launch): void {
  program
    .command('move')
    .requiredOption('--public-url <url>', 'the new PUBLIC_URL, as the processes will have it')
    .description('let the fleet get a new PUBLIC_URL without being fenced, while it runs')
    .action((options: unknown, command: Command) =>
      launch(command, (run) => move(run, moveOptions.parse(options).publicUrl)),
    );
}

async function move({ session, answer }: Run, given: string): Promise<void> {
  const url = httpUrl().safeParse(given);
  if (!url.success) {
    throw new CommandError(
      'invalid',
      '--public-url must be an address such as https://publisher.example.',
    );
  }
  if (!(await savePublicUrl(await session.database(), url.data))) {
    throw new CommandError(
      'fenced',
      'It is fenced: `unfence` decides which place is the right one.',
    );
  }
  answer({ public_url: url.data }, () =>
    [
      `This installation is at ${url.data} from now on.`,
      'Set PUBLIC_URL for every process and restart them, one after the other if you like: those that run go on.',
      '',
    ].join('\n'),
  );
}
