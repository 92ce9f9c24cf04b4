import { Client } from 'pg';
import { print, printTable } from '../bench/print.ts';
import type { QueueBackend } from '../support/redis.ts';
import { type Arena, openArena } from './arena.ts';
import { answers, fates, impossible } from './cells.ts';
import type { Ground } from './ground.ts';
import { runMatrix } from './matrix.ts';
import type { Verdict } from './verdict.ts';

/** Runs and prints the whole matrix over one queue; resolves with how many cells broke the promise. */
export async function proveMatrix(ground: Ground, backend: QueueBackend): Promise<number> {
  const startedAt = performance.now();
  const verdicts: Verdict[] = [];
  for (const fate of fates) {
    const arena = await openArena(ground, backend);
    try {
      const holdQueue = () => (backend === 'redis' ? ground.holdRedis() : holdTable(arena));
      verdicts.push(...(await runMatrix(arena, { fate, holdQueue })));
    } finally {
      await arena.close();
    }
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  print(`\nFault matrix, ${backend} queue: ${verdicts.length} cells in ${seconds} s`);
  printTable(
    ['effect', 'answer', 'worker', 'cells', 'exactly one', 'asked', 'broken'],
    [...rowsOf(verdicts)],
  );
  for (const { what, why } of impossible) print(`impossible: ${what}: ${why}`);
  const broken = verdicts.filter(({ outcome }) => outcome === 'broken');
  for (const { cell, problem } of broken) print(`BROKEN ${cell.name}: ${problem}`);
  return broken.length;
}

function rowsOf(verdicts: readonly Verdict[]): readonly (readonly string[])[] {
  return [true, false].flatMap((happened) =>
    answers.flatMap((answer) =>
      fates.flatMap((fate) => {
        const of = verdicts.filter(
          ({ cell }) => cell.happened === happened && cell.answer === answer && cell.fate === fate,
        );
        if (of.length === 0) return [];
        const count = (outcome: Verdict['outcome']): string =>
          String(of.filter((verdict) => verdict.outcome === outcome).length);
        return [
          [
            happened ? 'happened' : 'did not',
            !happened && answer === '200' ? '200 without an id' : answer,
            fate,
            String(of.length),
            count('exactly one'),
            count('a person is asked'),
            count('broken'),
          ],
        ];
      }),
    ),
  );
}

/** No worker can say that a job is done while its table is locked. */
async function holdTable({ databaseUrl }: Arena): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('BEGIN');
  await client.query('LOCK TABLE social_publisher_queue.job IN EXCLUSIVE MODE');
  return () => client.end();
}
