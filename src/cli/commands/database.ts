import type { Command } from 'commander';
import { type CalendarGrant, grantCalendar } from '../../db/grant-calendar.ts';
import { draftMigration, migrate } from '../../db/migrate.ts';
import type { Launch } from '../command.ts';

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
