import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { noPostText, noTenantsText } from '../../../src/cli/find.ts';

const id = '01a1f773-042e-74ed-8aa8-b701a7876cca';
const database = { kind: 'embedded' } as const;
let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'elsewhere-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

it('leads whoever has seen the demo to its database', () => {
  const demoDir = join(dataDir, 'demo');
  mkdirSync(demoDir);
  expect(noPostText(id, { database, dataDir })).toBe(
    `There is no post ${id}.\nThe demo's are in a database of its own: put DATA_DIR=${demoDir} before the command.`,
  );
  expect(noTenantsText({ database, dataDir })).toContain(`DATA_DIR=${demoDir}`);
});

it('speaks of no demo that never ran, nor beside a server', () => {
  expect(noPostText(id, { database, dataDir })).toBe(`There is no post ${id}.`);
  mkdirSync(join(dataDir, 'demo'));
  expect(noPostText(id, { database: { kind: 'url' }, dataDir })).toBe(`There is no post ${id}.`);
});
