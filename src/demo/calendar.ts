import { readFile } from 'node:fs/promises';
import { type CalendarRow, readCalendar } from '../import/calendar.ts';
import { readTable } from '../import/table.ts';

const fixtures = new URL('../../test/fixtures/', import.meta.url);

export const imagesDir = new URL('images/', fixtures).pathname;
const calendarFile = new URL('calendar.csv', fixtures);

export interface DemoCalendar {
  readonly rows: readonly CalendarRow[];
  /** By reference: where the row should be when the demo is over. `refused`: never imported. */
  readonly expected: ReadonlyMap<string, string>;
}

/** The calendar as people would bring it, read at this moment because its times count from the import. */
export async function readDemoCalendar(mediaBase: string, now: Date): Promise<DemoCalendar> {
  const bytes = await readFile(calendarFile);
  const { rows, problems } = readCalendar(bytes, { now, mediaBase });
  const [problem] = problems;
  if (problem !== undefined) {
    throw new Error(`test/fixtures/calendar.csv, line ${problem.line}: ${problem.message}`);
  }
  const { header, rows: cells } = readTable(bytes);
  const [reference, expect] = [header.indexOf('reference'), header.indexOf('expect')];
  const expected = new Map(
    cells.map((row) => [row.cells[reference] ?? '', row.cells[expect] ?? '']),
  );
  return { rows, expected };
}
