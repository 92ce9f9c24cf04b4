import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { inTurn } from '../../db/connection.ts';
import { readCalendar } from '../../import/calendar.ts';
import {
  type Created,
  createRows,
  type Judged,
  judgeRows,
  type PlacedRow,
  type PostDesk,
  placeRows,
} from '../../import/import.ts';
import type { CalendarProblem } from '../../import/table.ts';
import { plural, shortTime } from '../../story/views.ts';
import type { Launch, Run } from '../command.ts';
import { CommandError } from '../failure.ts';
import { deskOver, directoryOver } from '../find.ts';
import { renderTable } from '../terminal.ts';

const importOptions = z.object({
  skipInvalid: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  mediaBase: z.url({ protocol: /^https?$/ }).optional(),
});
type ImportOptions = z.output<typeof importOptions>;

export function importCommand(program: Command, launch: Launch): void {
  program
    .command('import')
    .argument('<file>', 'a calendar as CSV; docs/calendar-csv.md lists its columns')
    .description('create posts from a file, under the same rules as the API; repeatable')
    .option('--skip-invalid', 'import the good rows although others are not')
    .option('--dry-run', 'say what would happen, import nothing')
    .option('--media-base <url>', 'where relative file names in the column media lie')
    .action((file: string, options: unknown, command: Command) =>
      launch(command, async (run) => {
        const parsed = importOptions.safeParse(options);
        if (!parsed.success) {
          throw new CommandError('media_base', '--media-base must be an address: https://…');
        }
        await importFile(run, file, parsed.data);
      }),
    );
}

interface Report {
  readonly file: string;
  /** Nothing was imported: there are problems, or it was a dry run. */
  readonly stored: boolean;
  readonly rows: readonly ReportedRow[];
  readonly problems: readonly CalendarProblem[];
  readonly warnings: readonly CalendarProblem[];
}

interface ReportedRow {
  readonly line: number;
  readonly outcome: 'imported' | 'already there' | 'good';
  readonly id: string | null;
  readonly tenant: string;
  readonly page: string;
  readonly due: string | null;
  readonly reference: string | null;
  readonly message: string;
}

async function importFile(run: Run, file: string, options: ImportOptions): Promise<void> {
  const { mediaBase } = options;
  const bytes = await readCalendarFile(file);
  const calendar = readCalendar(bytes, {
    now: new Date(),
    ...(mediaBase === undefined ? {} : { mediaBase }),
  });
  const api = await run.session.api();
  const directory = directoryOver(api);
  const { placed, astray, problems: unplaced } = await placeRows(calendar.rows, directory);
  const broken = await placeRows(calendar.broken, directory);
  const desk = deskOver(api);
  const hopeless = await judgeRows([...astray, ...broken.placed, ...broken.astray], desk);
  const earlier = [...calendar.problems, ...unplaced, ...broken.problems, ...hopeless.problems];
  const { judged, before, stores, created, late } = await inTurnOfTenants(run, placed, () =>
    importRows(run, { desk, placed, earlier }, options),
  );
  const ids = new Map(created.map(({ row, id }) => [row.line, id]));
  const rows = [
    ...judged.known.map(({ row, id }) => reported(row, 'already there', id)),
    ...judged.good.map((row) => {
      const id = ids.get(row.line);
      return id === undefined ? reported(row, 'good', null) : reported(row, 'imported', id);
    }),
  ];
  const problems = [...before, ...late].toSorted((one, other) => one.line - other.line);
  if (problems.length > 0 && !(options.skipInvalid && late.length === 0)) run.fail();
  const sorted = rows.toSorted((one, other) => one.line - other.line);
  const report = {
    file,
    stored: stores,
    rows: sorted,
    problems,
    warnings: [...judged.warnings, ...hopeless.warnings],
  };
  run.answer(report, () => writeReport(run, report, options));
}

interface Import {
  readonly judged: Judged;
  /** Found before anything is stored. */
  readonly before: readonly CalendarProblem[];
  readonly stores: boolean;
  readonly created: Created['created'];
  /** Found while storing. */
  readonly late: readonly CalendarProblem[];
}

interface Source {
  readonly desk: PostDesk;
  readonly placed: readonly PlacedRow[];
  readonly earlier: readonly CalendarProblem[];
}

async function importRows(
  run: Run,
  { desk, placed, earlier }: Source,
  options: ImportOptions,
): Promise<Import> {
  const judged = await judgeRows(placed, desk);
  const before = [...earlier, ...judged.problems];
  const stores = !options.dryRun && (before.length === 0 || options.skipInvalid);
  if (!stores) return { judged, before, stores, created: [], late: [] };
  const { created, problems } = await createRows(judged.good, desk, (done) =>
    showProgress(run, done, judged.good.length),
  );
  return { judged, before, stores, created, late: problems };
}

/** Two imports that look and store at the same moment would both find a reference free, and both use it. */
async function inTurnOfTenants<T>(
  { session, io, isJson }: Run,
  rows: readonly PlacedRow[],
  work: () => Promise<T>,
): Promise<T> {
  const names = rows.map(({ tenantId }) => `import ${tenantId}`);
  return inTurn(await session.databaseUrl(), names, work, () => {
    if (!isJson) io.stderr.write('Waiting for another import for the same tenant to end.\n');
  });
}

async function readCalendarFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw new CommandError('file_unreadable', `${file} cannot be read (${reason}).`);
  }
}

function showProgress({ io, isJson }: Run, done: number, all: number): void {
  if (io.stderr.isTTY !== true || isJson || all <= 500) return;
  io.stderr.write(`\r${done} of ${all}${done === all ? '\n' : ''}`);
}

function reported(row: PlacedRow, outcome: ReportedRow['outcome'], id: string | null): ReportedRow {
  const { line, tenant, page, post } = row;
  return {
    line,
    outcome,
    id,
    tenant,
    page,
    due: post.scheduled_at ?? post.scheduled_local ?? null,
    reference: post.reference ?? null,
    message: post.message ?? '',
  };
}

function writeReport({ io, style }: Run, report: Report, options: ImportOptions): string {
  const rows = renderTable(
    [
      { title: 'LINE', text: ({ line }) => String(line) },
      { title: 'ROW', text: ({ outcome }) => outcome },
      { title: 'TENANT', text: ({ tenant }) => tenant, flexible: true },
      { title: 'PAGE', text: ({ page }) => page, flexible: true },
      { title: 'DUE', text: ({ due }) => shortTime(due) },
      { title: 'REFERENCE', text: ({ reference }) => reference ?? '' },
      { title: 'MESSAGE', text: ({ message }) => message, flexible: true },
    ],
    report.rows,
    io.stdout,
    style,
  );
  return [
    report.rows.length === 0 ? '' : rows,
    listProblems(style.yellow('Warnings'), report.warnings),
    listProblems(style.red('Problems'), report.problems),
    `\n${summary(report, options)}\n`,
  ].join('');
}

function listProblems(title: string, found: readonly CalendarProblem[]): string {
  if (found.length === 0) return '';
  return `\n${title}\n${found.map((one) => `  ${describeProblem(one)}\n`).join('')}`;
}

function describeProblem({ line, column, rule, message }: CalendarProblem): string {
  return `line ${line}${column === '' ? '' : `, ${column}`}: ${message} [${rule}]`;
}

function summary({ rows, problems, stored }: Report, options: ImportOptions): string {
  const count = (outcome: string): number => rows.filter((row) => row.outcome === outcome).length;
  const wrongRows = new Set(problems.map(({ line }) => line)).size;
  const known = count('already there');
  const knownText =
    known === 0
      ? ''
      : ` ${rowsText(known, 'was', 'were')} there already and ${known === 1 ? 'stays as it is' : 'stay as they are'}.`;
  if (stored) {
    const left = wrongRows === 0 ? '' : ` ${rowsText(wrongRows, 'was', 'were')} left out.`;
    return `Imported ${plural(count('imported'), 'post')}.${knownText}${left}`;
  }
  const good = `${rowsText(count('good'), 'is', 'are')} good.${knownText}`;
  if (options.dryRun) return `Nothing was imported: a dry run. ${good}`;
  return `Nothing was imported: ${rowsText(wrongRows, 'has', 'have')} problems. ${good} Correct them, or use --skip-invalid.`;
}

function rowsText(count: number, one: string, several: string): string {
  return `${plural(count, 'row')} ${count === 1 ? one : several}`;
}
