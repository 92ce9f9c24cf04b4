import { CsvError, parse } from 'csv-parse/sync';

export interface Table {
  /** Lower case, trimmed. Empty when the file cannot be read at all; `problems` then says why. */
  readonly header: readonly string[];
  readonly rows: readonly TableRow[];
  readonly problems: readonly CalendarProblem[];
}

/** The file as lines and cells; what a cell means is not this module's business. */
export function readTable(bytes: Uint8Array): Table {
  const decoded = decodeText(bytes);
  if (decoded === undefined) {
    return unreadable('utf8', 'The file is UTF-16: save it as "CSV UTF-8" and import that.');
  }
  const split = splitRecords(decoded.text);
  const [header, ...rows] = split.rows;
  if (header === undefined && split.problems.length === 0) {
    return unreadable('empty_file', 'The file is empty.');
  }
  const bad = new Set(rows.filter((row) => isTouched(decoded.badLines, row)));
  return {
    header: (header?.cells ?? []).map((name) => name.trim().toLowerCase()),
    rows: rows.filter((row) => !bad.has(row)),
    problems: [...split.problems, ...Array.from(bad, notUtf8)],
  };
}

function unreadable(rule: string, message: string): Table {
  return { header: [], rows: [], problems: [{ line: 1, column: '', rule, message }] };
}

function isTouched(badLines: ReadonlySet<number>, row: TableRow): boolean {
  for (let line = row.line; line <= row.endLine; line += 1) {
    if (badLines.has(line)) return true;
  }
  return false;
}

function notUtf8({ line }: TableRow): CalendarProblem {
  const message = 'The row holds bytes that are not UTF-8: save the file as "CSV UTF-8".';
  return { line, column: '', rule: 'utf8', message };
}

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
function splitRecords(text: string): { rows: TableRow[]; problems: CalendarProblem[] } {
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

export interface DecodedText {
  readonly text: string;
  /** Lines, counted from 1, that hold bytes which are not UTF-8. */
  readonly badLines: ReadonlySet<number>;
}

const lineFeed = 0x0a;

/** Undefined for UTF-16, which spreadsheets like to write as "Unicode text". */
function decodeText(bytes: Uint8Array): DecodedText | undefined {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return undefined;
  // A byte order mark is dropped by the decoder itself.
  return { text: new TextDecoder().decode(bytes), badLines: findBadLines(bytes) };
}

function findBadLines(bytes: Uint8Array): Set<number> {
  const bad = new Set<number>();
  if (isUtf8(bytes)) return bad;
  let line = 1;
  for (let start = 0; start < bytes.length; line += 1) {
    const found = bytes.indexOf(lineFeed, start);
    const end = found === -1 ? bytes.length : found;
    if (!isUtf8(bytes.subarray(start, end))) bad.add(line);
    start = end + 1;
  }
  return bad;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with a calendar file, where a person who has it open in an editor will find it. */
export interface CalendarProblem {
  /** The line on which the row starts; the first line of the file is 1. */
  readonly line: number;
  /** Empty where the row or the whole file is meant. */
  readonly column: string;
  /** Stable: `scheduled_at_format`, `column_count`, … and every rule of the API. */
  readonly rule: string;
  readonly message: string;
}
