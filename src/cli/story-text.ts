import { type Moment, timed } from '../story/story.ts';
import type { Style } from './style.ts';
import { oneLine } from './table.ts';

/** A line a moment: when, how long after the line before, whose doing, what. */
export function writeStory(moments: readonly Moment[], style: Style): string {
  return timed(moments)
    .map(
      ({ time, gap, what, text }) =>
        `${style.dim(`${time}  ${gap.padStart(8)}`)}  ${what.padEnd(7)}  ${oneLine(text)}\n`,
    )
    .join('');
}
