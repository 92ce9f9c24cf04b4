import { describe, expect, it } from 'vitest';
import {
  type Column,
  clip,
  oneLine,
  padEnd,
  renderTable,
  styleFor,
  widthOf,
} from '../../../src/cli/terminal.ts';
import { shortDuration, shortTime } from '../../../src/story/views.ts';

const paper = { write: () => undefined };
const terminal = (columns: number) => ({ write: () => undefined, isTTY: true, columns });

describe('the width of text', () => {
  it('counts what is seen: two cells for CJK and emoji, none for marks and joiners', () => {
    expect(widthOf('abc')).toBe(3);
    expect(widthOf('日本')).toBe(4);
    expect(widthOf('한국')).toBe(4);
    expect(widthOf('👩‍👩‍👧‍👦')).toBe(2);
    expect(widthOf('e\u0301')).toBe(1);
    expect(widthOf('שלום')).toBe(4);
  });

  it('cuts between whole characters and says that it did', () => {
    expect(clip('abcdef', 4)).toBe('abc…');
    expect(clip('日本語', 4)).toBe('日…');
    expect(clip('abc', 3)).toBe('abc');
  });

  it('pads by cells', () => {
    expect(padEnd('日', 4)).toBe('日  ');
  });
});

describe('a table', () => {
  const columns: readonly Column<{ id: string; text: string }>[] = [
    { title: 'ID', text: ({ id }) => id },
    { title: 'TEXT', text: ({ text }) => text, flexible: true },
  ];
  const rows = [
    { id: '1', text: 'short' },
    { id: '22', text: 'a text that is longer than the terminal is wide' },
  ];

  it('cuts nothing where a program reads it', () => {
    expect(renderTable(columns, rows, paper, styleFor(paper, {}))).toBe(
      'ID  TEXT\n1   short\n22  a text that is longer than the terminal is wide\n',
    );
  });

  it('keeps to the width of a terminal', () => {
    const narrow = terminal(24);
    const plain = styleFor(narrow, { NO_COLOR: '1' });
    expect(renderTable(columns, rows, narrow, plain)).toBe(
      'ID  TEXT\n1   short\n22  a text that is long…\n',
    );
  });

  it('shows no control characters and no marks that reorder what follows', () => {
    expect(oneLine('a\u001B[31mb\nc\u202Ed')).toBe('a [31mb cd');
  });
});

describe('colours', () => {
  it('are for terminals, and not with NO_COLOR or a dumb one', () => {
    expect(styleFor(terminal(80), {}).red('x')).toBe('\u001B[31mx\u001B[0m');
    expect(styleFor(paper, {}).red('x')).toBe('x');
    expect(styleFor(terminal(80), { NO_COLOR: '1' }).red('x')).toBe('x');
    expect(styleFor(terminal(80), { TERM: 'dumb' }).red('x')).toBe('x');
  });
});

describe('times', () => {
  it('are short enough to compare by eye', () => {
    expect(shortTime('2026-12-24T17:30:00.123Z')).toBe('2026-12-24 17:30:00Z');
    expect(shortTime(null)).toBe('');
    expect(shortDuration(412)).toBe('0.4 s');
    expect(shortDuration(600_000)).toBe('10 min');
    expect(shortDuration(7_200_000)).toBe('2.0 h');
  });
});
