export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  print(line(head));
  print(`| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`);
  for (const row of rows) print(line(row));
}
