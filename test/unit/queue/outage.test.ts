import pino from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { Outage } from '../../../src/queue/outage.ts';

let lines: string[];
let away: boolean;
let outage: Outage;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  away = false;
  const write = (line: string) => {
    const { level, msg } = z.object({ level: z.int(), msg: z.string() }).parse(JSON.parse(line));
    lines.push(`${level} ${msg}`);
  };
  const ping = async () => {
    if (away) throw new Error('away');
  };
  outage = new Outage(ping, pino({}, { write }));
});
afterEach(() => {
  outage.stop();
  vi.useRealTimers();
});

test('an outage of many errors is logged once when it begins and once when it ends', async () => {
  away = true;
  for (let n = 0; n < 50; n += 1) {
    outage.report(new Error('ECONNREFUSED'));
    await vi.advanceTimersByTimeAsync(200);
  }
  expect(lines).toEqual(['50 queue is away; jobs wait until it is back']);
  away = false;
  await vi.advanceTimersByTimeAsync(1000);
  expect(lines).toEqual(['50 queue is away; jobs wait until it is back', '30 queue is back']);
});

test('the next outage is logged again', async () => {
  for (let n = 0; n < 2; n += 1) {
    away = true;
    outage.report(new Error('ECONNREFUSED'));
    await vi.advanceTimersByTimeAsync(10);
    away = false;
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(lines).toEqual([
    '50 queue is away; jobs wait until it is back',
    '30 queue is back',
    '50 queue is away; jobs wait until it is back',
    '30 queue is back',
  ]);
});

test('what dead connections report after the outage has ended is no news', async () => {
  away = true;
  outage.report(new Error('ECONNREFUSED'));
  await vi.advanceTimersByTimeAsync(10);
  away = false;
  await vi.advanceTimersByTimeAsync(1000);
  outage.report(new Error('Connection terminated unexpectedly'));
  await vi.advanceTimersByTimeAsync(1000);
  expect(lines).toEqual(['50 queue is away; jobs wait until it is back', '30 queue is back']);
});

test('an error of a backend that answers is logged as it is', async () => {
  outage.report(new Error('could not renew lock for job a-1'));
  await vi.advanceTimersByTimeAsync(0);
  expect(lines).toEqual(['40 queue error']);
});

test('the many errors of one moment make one line, and those left out are counted', async () => {
  const fields: unknown[] = [];
  const write = (line: string) =>
    void fields.push(z.object({ unlogged: z.int() }).parse(JSON.parse(line)));
  outage = new Outage(async () => {}, pino({}, { write }));
  for (const after of [0, 10, 10, 10_000]) {
    await vi.advanceTimersByTimeAsync(after);
    outage.report(new Error('Missing key for job a-1. moveToFinished'));
    await vi.advanceTimersByTimeAsync(0);
  }
  expect(fields).toEqual([{ unlogged: 0 }, { unlogged: 2 }]);
});

test('nothing is logged after the queues were closed', async () => {
  away = true;
  outage.report(new Error('ECONNREFUSED'));
  await vi.advanceTimersByTimeAsync(10);
  outage.stop();
  away = false;
  await vi.advanceTimersByTimeAsync(5000);
  outage.report(new Error('late'));
  await vi.advanceTimersByTimeAsync(5000);
  expect(lines).toEqual(['50 queue is away; jobs wait until it is back']);
});
