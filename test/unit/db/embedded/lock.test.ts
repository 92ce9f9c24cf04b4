import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { processIdentity, withLock } from '../../../../src/db/embedded/process.ts';

let file: string;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'embedded-lock-'));
  file = join(folder, 'postgres.lock');
  return () => rm(folder, { recursive: true, force: true });
});

it('lets one in at a time', async () => {
  let inside = 0;
  const seen: number[] = [];
  const visit = () =>
    withLock(file, async () => {
      inside += 1;
      await stat(file);
      seen.push(inside);
      inside -= 1;
    });
  await Promise.all([visit(), visit(), visit()]);
  expect(seen).toEqual([1, 1, 1]);
});

it('opens again after work that failed', async () => {
  await expect(withLock(file, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(withLock(file, () => Promise.resolve('in'))).resolves.toBe('in');
});

it('takes over from a process that is gone, and from a later one with its pid', async () => {
  await writeFile(file, JSON.stringify({ pid: 2 ** 22 + 1, startedAt: '1', nonce: 'x' }));
  await expect(withLock(file, () => Promise.resolve('in'))).resolves.toBe('in');
  await writeFile(file, JSON.stringify({ pid: process.pid, startedAt: 'another', nonce: 'x' }));
  await expect(withLock(file, () => Promise.resolve('in'))).resolves.toBe('in');
});

it('waits while the process that holds it lives', async () => {
  const holder = { ...processIdentity(process.ppid), nonce: 'x' };
  await writeFile(file, JSON.stringify(holder));
  const order: string[] = [];
  const entering = withLock(file, async () => {
    order.push('in');
    await stat(file);
  });
  await stat(file);
  order.push('released');
  await rm(file);
  await entering;
  expect(order).toEqual(['released', 'in']);
});
