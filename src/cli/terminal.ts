/** The streams of a command, so that a test can hold them in its hands. */
export interface Io {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
}

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export type Paint = (text: string) => string;

export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
}

/** Colours on a terminal only, and never with NO_COLOR (https://no-color.org). */
export function styleFor(output: Output, env: Readonly<Record<string, string | undefined>>): Style {
  const isOn = output.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const paint =
    (code: number): Paint =>
    (text) =>
      isOn ? `\u001B[${code}m${text}\u001B[0m` : text;
  return { bold: paint(1), dim: paint(2), red: paint(31), green: paint(32), yellow: paint(33) };
}

const segments = new Intl.Segmenter();
const wide =
  /\p{Emoji_Presentation}|\uFE0F|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|[\u{20000}-\u{3FFFD}]/u;
const zeroWidth = /^[\p{Mark}\p{Cf}]+$/u;

/**
 * How many cells of a terminal the text takes, as far as that can be known.
 * @internal for tests
 */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of segments.segment(text)) width += segmentWidth(segment);
  return width;
}

/** At most `width` cells of it; what was cut shows as `…`. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of segments.segment(text)) {
    const next = used + segmentWidth(segment);
    if (next > width - 1) break;
    kept += segment;
    used = next;
  }
  return `${kept}…`;
}

/** @internal for tests */
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

function segmentWidth(segment: string): number {
  if (zeroWidth.test(segment)) return 0;
  return wide.test(segment) ? 2 : 1;
}

export interface Column<Row> {
  readonly title: string;
  text(row: Row): string;
  paint?(row: Row): Paint | undefined;
  /** Gives way first when the terminal is narrow. */
  readonly flexible?: boolean;
}

const gap = '  ';
const narrowest = 12;

/** Rows under their titles. A terminal's width is kept by cutting the flexible columns; elsewhere nothing is cut. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  output: Output,
  style: Style,
): string {
  const cells = rows.map((row) => columns.map((column) => oneLine(column.text(row))));
  const widths = columns.map((column, index) =>
    Math.max(widthOf(column.title), ...cells.map((line) => widthOf(line[index] ?? ''))),
  );
  fit(widths, columns, output);
  const line = (texts: readonly string[], paints: readonly (Paint | undefined)[]): string =>
    texts
      .map((text, index) => {
        const width = widths[index] ?? 0;
        const cell = padEnd(clip(text, width), index === texts.length - 1 ? 0 : width);
        return paints[index]?.(cell) ?? cell;
      })
      .join(gap)
      .trimEnd();
  const title = line(
    columns.map((column) => column.title),
    columns.map(() => style.dim),
  );
  const body = rows.map((row, index) =>
    line(
      cells[index] ?? [],
      columns.map((column) => column.paint?.(row)),
    ),
  );
  return `${[title, ...body].join('\n')}\n`;
}

function fit<Row>(widths: number[], columns: readonly Column<Row>[], output: Output): void {
  if (output.isTTY !== true || output.columns === undefined) return;
  const spare = () =>
    (output.columns ?? 0) - widths.reduce((sum, width) => sum + width + gap.length, -gap.length);
  for (const [index, column] of columns.entries()) {
    const width = widths[index] ?? 0;
    const missing = -spare();
    if (column.flexible === true && missing > 0) {
      widths[index] = Math.max(Math.min(width, narrowest), width - missing);
    }
  }
}

/** What a tenant wrote is shown, not obeyed: control characters could redraw the operator's terminal. */
export function oneLine(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replaceAll(/[\u202A-\u202E\u2066-\u2069]/g, '');
}
