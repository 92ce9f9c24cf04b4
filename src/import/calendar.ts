import { DateTime, IANAZone } from 'luxon';
import { type CalendarProblem, readTable, type TableRow } from './table.ts';

/** The columns of a calendar file, in the order in which docs/calendar-csv.md explains them. */
const calendarColumns = [
  'tenant',
  'page',
  'message',
  'link',
  'append_link',
  'media',
  'alt_text',
  'publish_mode',
  'scheduled_at',
  'scheduled_local',
  'timezone',
  'status',
  'reference',
] as const;
type CalendarColumn = (typeof calendarColumns)[number];

const requiredColumns: readonly CalendarColumn[] = ['tenant', 'page'];

/** Read and never judged, so that a file can carry what only its owner needs (the demo's, for one). */
const ignoredColumns: ReadonlySet<string> = new Set(['expect', 'note']);

function isCalendarColumn(name: string): name is CalendarColumn {
  return calendarColumns.some((column) => column === name);
}

export interface CalendarRow {
  readonly line: number;
  /** Name, reference or id. */
  readonly tenant: string;
  /** External account id, name, or id of the integration. */
  readonly page: string;
  /** What `POST /v1/posts` takes, but for `integration_id`: judged by the same schema and rules. */
  readonly post: RowPost;
}

export interface RowPost {
  readonly message?: string;
  readonly link?: string;
  readonly append_link?: boolean | string;
  readonly media?: readonly CellMedia[];
  readonly publish_mode?: string;
  readonly scheduled_at?: string;
  readonly scheduled_local?: string;
  readonly timezone?: string;
  readonly status?: string;
  readonly reference?: string;
}

export interface Calendar {
  readonly rows: readonly CalendarRow[];
  /** Rows with problems, as far as they could be read: what else is wrong with them can be told at once. */
  readonly broken: readonly CalendarRow[];
  readonly problems: readonly CalendarProblem[];
}

export interface ReadOptions {
  /** What relative times count from. */
  readonly now: Date;
  /** Address of the folder that relative file names in `media` belong to. */
  readonly mediaBase?: string;
}

type Cells = Readonly<Record<CalendarColumn, string>>;

/** Reads a calendar file; what is wrong with one row never hides another. */
export function readCalendar(bytes: Uint8Array, options: ReadOptions): Calendar {
  const table = readTable(bytes);
  const headerProblems = table.header.length === 0 ? [] : checkHeader(table.header);
  if (table.header.length === 0 || headerProblems.length > 0) {
    return { rows: [], broken: [], problems: [...headerProblems, ...table.problems] };
  }
  const rows: CalendarRow[] = [];
  const broken: CalendarRow[] = [];
  const problems = [...table.problems];
  for (const row of table.rows) {
    const read = readRow(row, table.header, options);
    problems.push(...read.problems);
    if (read.row !== undefined) (read.problems.length === 0 ? rows : broken).push(read.row);
  }
  return refuseRepeatedReferences({ rows, broken, problems });
}

function checkHeader(header: readonly string[]): CalendarProblem[] {
  const known = calendarColumns.join(', ');
  const unknown = header.filter((name) => !isCalendarColumn(name) && !ignoredColumns.has(name));
  const repeated = header.filter((name, index) => header.indexOf(name) !== index);
  const missing = requiredColumns.filter((name) => !header.includes(name));
  return [
    ...unknown.map((name) =>
      inHeader(name, 'unknown_column', `There is no column "${name}"; the columns are ${known}.`),
    ),
    ...repeated.map((name) =>
      inHeader(name, 'repeated_column', `The column "${name}" stands twice.`),
    ),
    ...missing.map((name) => inHeader(name, 'missing_column', `The column "${name}" is missing.`)),
  ];
}

function inHeader(column: string, rule: string, message: string): CalendarProblem {
  return { line: 1, column, rule, message };
}

function readRow(
  { line, cells }: TableRow,
  header: readonly string[],
  options: ReadOptions,
): { row?: CalendarRow; problems: CalendarProblem[] } {
  if (cells.length !== header.length) {
    const message = `The row has ${cells.length} cells, the header ${header.length}: quote cells that hold the separator.`;
    return { problems: [{ line, column: '', rule: 'column_count', message }] };
  }
  const problems = findNul(line, header, cells);
  const named = nameCells(header, cells);
  for (const column of requiredColumns) {
    if (named[column] === '') {
      problems.push({ line, column, rule: 'required', message: `"${column}" is empty.` });
    }
  }
  const { media, problems: ofMedia } = readMedia(named.media, named.alt_text, options.mediaBase);
  problems.push(...ofMedia.map((problem) => ({ line, ...problem })));
  const post = readPost(named, media, options.now);
  return { row: { line, tenant: named.tenant, page: named.page, post }, problems };
}

function findNul(line: number, header: readonly string[], cells: readonly string[]) {
  return cells.flatMap((cell, index): CalendarProblem[] => {
    if (!cell.includes('\0')) return [];
    const message = 'The cell holds a NUL character, which no post can carry.';
    return [{ line, column: header[index] ?? '', rule: 'no_nul', message }];
  });
}

function nameCells(header: readonly string[], cells: readonly string[]): Cells {
  const cell = (name: CalendarColumn): string =>
    (cells[header.indexOf(name)] ?? '').replaceAll('\0', '');
  return {
    tenant: cell('tenant').trim(),
    page: cell('page').trim(),
    // Its line breaks and spaces are the author's.
    message: cell('message'),
    link: cell('link').trim(),
    append_link: cell('append_link').trim().toLowerCase(),
    media: cell('media').trim(),
    alt_text: cell('alt_text').trim(),
    publish_mode: cell('publish_mode').trim(),
    scheduled_at: cell('scheduled_at').trim(),
    scheduled_local: cell('scheduled_local').trim(),
    timezone: cell('timezone').trim(),
    status: cell('status').trim(),
    reference: cell('reference').trim(),
  };
}

function readPost(cells: Cells, media: readonly CellMedia[], now: Date): RowPost {
  const {
    message,
    link,
    append_link,
    publish_mode,
    scheduled_at,
    scheduled_local,
    timezone,
    status,
    reference,
  } = cells;
  return {
    ...(message === '' ? {} : { message }),
    ...(link === '' ? {} : { link }),
    ...(append_link === '' ? {} : { append_link: readFlag(append_link) }),
    ...(media.length === 0 ? {} : { media }),
    ...(publish_mode === '' ? {} : { publish_mode }),
    ...(scheduled_at === '' ? {} : { scheduled_at: resolveInstant(scheduled_at, now) }),
    ...(scheduled_local === ''
      ? {}
      : { scheduled_local: resolveWallTime(scheduled_local, timezone, now) }),
    ...(timezone === '' ? {} : { timezone }),
    ...(status === '' ? {} : { status }),
    ...(reference === '' ? {} : { reference }),
  };
}

/** Anything else is left to the rules of the API. */
function readFlag(cell: string): boolean | string {
  return cell === 'true' || (cell === 'false' ? false : cell);
}

/** The reference is what makes a second import harmless, so one of them can only mean one row. */
function refuseRepeatedReferences({ rows, broken, problems }: Calendar): Calendar {
  const first = new Map<string, number>();
  const repeated: CalendarProblem[] = [];
  for (const { line, tenant, post } of [...rows, ...broken].toSorted(byLine)) {
    if (post.reference === undefined) continue;
    const key = JSON.stringify([tenant, post.reference]);
    const earlier = first.get(key);
    first.set(key, earlier ?? line);
    if (earlier === undefined) continue;
    const message = `The reference "${post.reference}" stands in line ${earlier} already.`;
    repeated.push({ line, column: 'reference', rule: 'reference_unique', message });
  }
  const isRepeated = ({ line }: CalendarRow) => repeated.some((problem) => problem.line === line);
  return {
    rows: rows.filter((row) => !isRepeated(row)),
    broken: [...broken, ...rows.filter(isRepeated)],
    problems: [...problems, ...repeated],
  };
}

function byLine(one: CalendarRow, other: CalendarRow): number {
  return one.line - other.line;
}

interface CellMedia {
  readonly type: 'image' | 'video';
  readonly url: string;
  readonly alt_text?: string;
}

export interface MediaReading {
  /** Also of names that belong to no folder: their number and kind can still be judged. */
  readonly media: CellMedia[];
  readonly problems: { column: 'media' | 'alt_text'; rule: string; message: string }[];
}

/** For names without one; nothing is ever fetched from it. */
const standInBase = 'https://media.invalid/';

/** Addresses hold neither spaces nor bars, so either separates them; texts only bars. */
function readMedia(media: string, altText: string, base: string | undefined): MediaReading {
  const names = media.split(/[\s|]+/).filter((name) => name !== '');
  const texts = altText === '' ? [] : altText.split('|').map((text) => text.trim());
  const problems: MediaReading['problems'] = [];
  if (texts.length > names.length) {
    const message = `There are ${texts.length} alt texts for ${names.length} media: give one for each, separated by "|", none or fewer.`;
    problems.push({ column: 'alt_text', rule: 'alt_text_count', message });
  }
  const relative = names.find((name) => !isAbsolute(name));
  if (relative !== undefined && base === undefined) {
    const message = `"${shorten(relative)}" is no address: write https://…, or say with --media-base where the files lie.`;
    problems.push({ column: 'media', rule: 'media_base_required', message });
  }
  const read = names.map((name, index) => asMedium(name, texts[index] ?? '', base ?? standInBase));
  return { media: read, problems };
}

function asMedium(name: string, altText: string, base: string): CellMedia {
  const url = isAbsolute(name) ? name : new URL(name, withSlash(base)).href;
  const type = /\.(?:mp4|mov|m4v|webm)(?:[?#]|$)/i.test(url) ? 'video' : 'image';
  return { type, url, ...(altText === '' ? {} : { alt_text: altText }) };
}

/** Whether the scheme is one that Meta takes is for the rules to say. */
function isAbsolute(name: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(name);
}

function withSlash(base: string): string {
  return base.endsWith('/') ? base : `${base}/`;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `+15m` and the like count from the import; anything else is left to the rules of the API. */
function resolveInstant(cell: string, now: Date): string {
  const [, count = '', unit = ''] = /^\+(\d{1,6})([smhd])$/.exec(cell) ?? [];
  if (unit === '') return cell;
  return new Date(now.getTime() + Number(count) * (unitMs[unit] ?? 0)).toISOString();
}

/** `+3d 18:30` is that wall time on the third day from today, today being what it is in the zone. */
function resolveWallTime(cell: string, timezone: string, now: Date): string {
  const [, days = '', time = ''] = /^\+(\d{1,4})d[ T](\d{2}:\d{2}(?::\d{2})?)$/.exec(cell) ?? [];
  if (time === '') return cell.replace(' ', 'T');
  if (!IANAZone.isValidZone(timezone)) return cell;
  const day = DateTime.fromJSDate(now, { zone: timezone }).plus({ days: Number(days) });
  return `${day.toISODate()}T${time}`;
}
