import type { Output } from './io.ts';
import type { Paint, Style } from './style.ts';
import { clip, padEnd, widthOf } from './width.ts';

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
