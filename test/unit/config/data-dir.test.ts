import { mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { openDataDir } from '../../../src/config/data-dir.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'data-dir-')));
  return () => rmSync(folder, { recursive: true });
});

test('makes the folder, and those above it', () => {
  const path = join(folder, 'a', 'b');
  expect(openDataDir(path)).toBe(path);
  expect(openDataDir(path)).toBe(path);
  expect(statSync(path).isDirectory()).toBe(true);
});

test('says so where a file is in the way, at its end or above it', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const text = `DATA_DIR: ${file} is a file, not a folder`;
  expect(() => openDataDir(file)).toThrow(text);
  expect(() => openDataDir(join(file, 'data'))).toThrow(text);
});

test.runIf(process.platform === 'linux')('gives up where no folder can be made at all', () => {
  expect(() => openDataDir('/proc/x/y')).toThrow(/DATA_DIR: the folder \/proc\/x cannot be made/);
});
