import { type Command, Option } from 'commander';
import { z } from 'zod';
import { plural } from '../../story/words.ts';
import type { Launch, Run } from '../command.ts';
import { CommandError } from '../failure.ts';
import {
  type Backend,
  backends,
  countInFlight,
  readBackend,
  saveBackend,
} from '../queue-backend/store.ts';

const backendSchema = z.enum(backends);
const options = z.object({ force: z.boolean().default(false) });

export function queueCommand(program: Command, launch: Launch): void {
  const queue = program.command('queue').description('where the queue lives');

  queue
    .command('status')
    .description('the backend that this database remembers')
    .action((_options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const db = await session.database();
        const backend = await readBackend(db);
        const inFlight = await countInFlight(db);
        const text = `${backend ?? 'not decided: the first process to start decides'}; ${plural(inFlight, 'post')} in flight\n`;
        answer({ backend, in_flight: inFlight }, () => text);
      }),
    );

  queue
    .command('switch')
    .argument('<backend>', 'redis or postgres', (text) => {
      const parsed = backendSchema.safeParse(text);
      if (parsed.success) return parsed.data;
      throw new CommandError('backend_unknown', `"${text}" is no backend: redis or postgres.`);
    })
    .description('let the queue live elsewhere: stop every process, switch, start them again')
    .addOption(new Option('--force', 'also while posts are queued or being published'))
    .action((backend: Backend, given: unknown, command: Command) =>
      launch(command, (run) => switchBackend(run, backend, options.parse(given).force)),
    );
}

async function switchBackend(
  { session, answer }: Run,
  backend: Backend,
  isForced: boolean,
): Promise<void> {
  const db = await session.database();
  const current = await readBackend(db);
  if (current === backend) {
    return answer({ backend, changed: false }, () => `The queue lives in ${backend} already.\n`);
  }
  const inFlight = await countInFlight(db);
  if (inFlight > 0 && !isForced) {
    throw new CommandError(
      'posts_in_flight',
      `${plural(inFlight, 'post')} ${inFlight === 1 ? 'is' : 'are'} queued or being published. Stop the schedulers, wait for the publishers to finish, stop every process, then switch; or use --force: nothing is lost or sent twice, as the sweeper puts jobs back for rows that need one, but those posts wait until their lease ends.`,
    );
  }
  await saveBackend(db, backend);
  const next =
    backend === 'redis'
      ? 'Set REDIS_URL for every process and start them.'
      : 'Unset REDIS_URL for every process and start them.';
  answer({ backend, changed: true }, () => `The queue lives in ${backend} from now on. ${next}\n`);
}
