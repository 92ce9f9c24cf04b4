import { expect, test } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../src/errors.ts';
import { createLogger } from '../../src/log.ts';
import { placeOfUrl, waitingTeller } from '../../src/start.ts';

const line = z.record(z.string(), z.unknown());

function tellAt(secondsAt: readonly number[], error: unknown) {
  const lines: unknown[] = [];
  const destination = { write: (text: string) => void lines.push(line.parse(JSON.parse(text))) };
  let now = 0;
  const place = placeOfUrl('postgres://role:planted@db.example/app', 5432);
  const log = createLogger({ level: 'info', destination });
  const tell = waitingTeller(log, 'database', place, () => now * 1000);
  for (const second of secondsAt) {
    now = second;
    tell(error);
  }
  return lines;
}

const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:5432'), {
  code: 'ECONNREFUSED',
});

test('says every ten seconds what it waits for, where, and since when, without a stack', () => {
  const lines = tellAt([0, 2, 4, 9, 10, 12, 19, 21, 25, 31], refused);
  expect(lines).toHaveLength(4);
  expect(lines[0]).toMatchObject({ host: 'db.example', port: 5432, forS: 0, level: 'warn' });
  expect(lines.at(-1)).toMatchObject({
    msg: 'waiting for the database',
    forS: 31,
    code: 'ECONNREFUSED',
    reason: 'connect ECONNREFUSED 10.0.0.1:5432',
  });
  expect(JSON.stringify(lines)).not.toMatch(/stack|planted/);
});

test('takes the reason out of several addresses that were tried, and out of errors of ours', () => {
  expect(tellAt([0], new AggregateError([refused]))[0]).toMatchObject({ code: 'ECONNREFUSED' });
  const pending = new AppError('migrations_pending', 'Waiting for 2 migrations to be applied');
  expect(tellAt([0], pending)[0]).toMatchObject({ reason: pending.message });
});

test('shows the stack of what nobody foresaw', () => {
  const [told] = tellAt([0], new TypeError('x is not a function'));
  expect(
    z.looseObject({ err: z.looseObject({ stack: z.string() }) }).parse(told).err.stack,
  ).toContain('start.test');
});
