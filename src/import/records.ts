import { CsvError, parse } from 'csv-parse/sync';
import type { CalendarProblem } from './problem.ts';

export interface TableRow {
  /** Where it starts; quoted line breaks make a row longer than a line. */
  readonly line: number;
  /** Its last line, the same as `line` for most. */
  readonly endLine: number;
  readonly cells: readonly string[];
}

/** A file with more broken quotes than this is not a calendar: reading on would only bury the first problem. */
const maxBrokenQuotes = 100;

const newLine = 0x0a;
const carriageReturn = 0x0d;

/**
 * Splits text into rows. A row whose quotes are broken is reported, and reading goes on at the next
 * line, so that one slip does not hide the rest of the file.
 */
export function splitRecords(text: string): { rows: TableRow[]; problems: CalendarProblem[] } {
  const rows: TableRow[] = [];
  const problems: CalendarProblem[] = [];
  const delimiter = findDelimiter(text);
  let rest = Buffer.from(text);
  let line = 1;
  while (rest.length > 0) {
    const read = readUntilBroken(rest, delimiter, line);
    rows.push(...read.rows);
    if (read.broken === undefined) break;
    problems.push(read.broken.problem);
    if (problems.length >= maxBrokenQuotes) break;
    const end = rest.indexOf(newLine, read.broken.offset);
    line = read.broken.problem.line + 1;
    rest = end === -1 ? Buffer.alloc(0) : rest.subarray(end + 1);
  }
  return { rows, problems };
}

/** Spreadsheets in half of the world write semicolons; the header tells which it is. */
function findDelimiter(text: string): string {
  const header = text.slice(0, 4096).split(/[\r\n]/, 1)[0] ?? '';
  const counted = [',', ';', '\t'].map((mark) => ({ mark, count: header.split(mark).length }));
  return counted.reduce((best, next) => (next.count > best.count ? next : best)).mark;
}

interface ReadSoFar {
  readonly rows: TableRow[];
  readonly broken?: { readonly offset: number; readonly problem: CalendarProblem };
}

function readUntilBroken(bytes: Buffer, delimiter: string, firstLine: number): ReadSoFar {
  const rows: TableRow[] = [];
  const place = placeKeeper(bytes, firstLine);
  try {
    parse(bytes, {
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      on_record: (cells: string[], context) => {
        const line = place.startOfRow();
        place.moveTo(context.bytes);
        if (cells.some((cell) => cell.trim() !== '')) {
          rows.push({ line, endLine: Math.max(line, place.line() - 1), cells });
        }
        return null;
      },
    });
    return { rows };
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = place.startOfRow();
    return { rows, broken: { offset: place.offset(), problem: brokenQuote(error, line) } };
  }
}

/** Counts lines itself: csv-parse counts a quoted CR LF as two. */
function placeKeeper(bytes: Buffer, firstLine: number) {
  let offset = 0;
  let line = firstLine;
  const moveTo = (end: number): void => {
    line += countNewLines(bytes.subarray(offset, end));
    offset = end;
  };
  return {
    moveTo,
    startOfRow(): number {
      let start = offset;
      while (bytes[start] === newLine || bytes[start] === carriageReturn) start += 1;
      moveTo(start);
      return line;
    },
    line: () => line,
    offset: () => offset,
  };
}

function countNewLines(bytes: Buffer): number {
  return bytes.reduce((count, byte) => (byte === newLine ? count + 1 : count), 0);
}

function brokenQuote(error: CsvError, line: number): CalendarProblem {
  const message =
    error.code === 'CSV_QUOTE_NOT_CLOSED'
      ? 'A quote is opened in this row and never closed.'
      : 'The quotes of this row do not fit: a cell with quotes, commas or line breaks stands in quotes as a whole, and a quote inside is written twice.';
  return { line, column: '', rule: 'quotes', message };
}
