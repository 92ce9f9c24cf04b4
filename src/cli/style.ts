import type { Output } from './io.ts';

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
