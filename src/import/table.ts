import type { CalendarProblem } from './problem.ts';
import { splitRecords, type TableRow } from './records.ts';
import { decodeText } from './text.ts';

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
