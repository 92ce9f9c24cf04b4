import { type Command, Option } from 'commander';
import { z } from 'zod';
import { type CalendarGrant, grantCalendar } from '../../db/grant-calendar.ts';
import { draftMigration, migrate } from '../../db/migrate.ts';
import { plural } from '../../story/views.ts';
import type { Launch, Run } from '../command.ts';
import { CommandError } from '../failure.ts';
import { type Backend, backends, countInFlight, readBackend, saveBackend } from '../store.ts';

export function databaseCommand(program: Command, launch: Launch): void {
  const db = program.command('db').description('migrations, and the database as an API');

  db.command('migrate')
    .description('bring the database up to date; safe to run at any time, by any number at once')
    .action((_options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const { applied } = await migrate(await session.databaseUrl());
        answer({ applied }, () =>
          applied.length === 0
            ? 'The database is up to date.\n'
            : `Applied ${applied.join(', ')}.\n`,
        );
      }),
    );

  db.command('diff')
    .description(
      'print the SQL of a new migration: what prisma/schema.prisma has and the migrations lack',
    )
    .action((_options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const sql = await draftMigration(await session.databaseUrl());
        answer({ sql }, () => (sql === '' ? '-- Nothing to migrate.\n' : sql));
      }),
    );

  db.command('grant-calendar')
    .argument('<role>', 'a role of the database that the calendar logs in with')
    .description('let a role write posts by SQL: exactly the columns of an author')
    .action((role: string, _options: unknown, command: Command) =>
      launch(command, async ({ session, answer }) => {
        const outcome = await grantCalendar(await session.database(), role);
        const { taken, takenFromPublic, left } = outcome;
        answer({ role, granted: true, taken, taken_from_public: takenFromPublic, left }, () =>
          grantText(role, outcome),
        );
      }),
    );
}

function grantText(role: string, { taken, takenFromPublic, left }: CalendarGrant): string {
  return [
    `The role "${role}" may write posts: it has the rights of an author, of all tenants.\n`,
    section('Taken away, as an author does not need it:', taken),
    section(
      "Taken from every role (PUBLIC), as nothing in our schemas is everybody's:",
      takenFromPublic,
    ),
    section(
      'WARNING: it can do more than an author, and this command cannot take that away:',
      left,
    ),
  ].join('');
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

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
