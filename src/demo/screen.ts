import type { Output } from '../cli/io.ts';
import { clip } from '../cli/width.ts';

/** Lines that stay, and below them, on a terminal, lines that are redrawn in place. */
export interface Screen {
  say(line: string): void;
  /** Replaces what was drawn before; elsewhere than on a terminal nothing is drawn. */
  draw(lines: readonly string[]): void;
}

export function createScreen(output: Output): Screen {
  let drawn: readonly string[] = [];
  const erase = (): string => (drawn.length === 0 ? '' : `\u001B[${drawn.length}A\u001B[J`);
  const paint = (lines: readonly string[]): string =>
    lines.map((line) => `${clip(line, (output.columns ?? 80) - 1)}\n`).join('');
  return {
    say(line) {
      output.write(`${erase()}${line}\n${paint(drawn)}`);
    },
    draw(lines) {
      if (output.isTTY !== true) return;
      output.write(`${erase()}${paint(lines)}`);
      drawn = lines;
    },
  };
}
