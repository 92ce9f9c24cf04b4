import { Client } from 'pg';
import { print, printTable } from '../bench/print.ts';
import type { QueueBackend } from '../support/redis.ts';
import { type Arena, openArena } from './arena.ts';
import { answers, type Call, type Cell, fates, impossible, type Steps } from './cells.ts';
import type { Ground } from './ground.ts';
import { runMatrix } from './matrix.ts';
import type { Verdict } from './verdict.ts';

/** Runs and prints the whole matrix over one queue; resolves with how many cells broke the promise. */
export async function proveMatrix(
  ground: Ground,
  backend: QueueBackend,
  steps: Steps,
): Promise<number> {
  const startedAt = performance.now();
  const verdicts: Verdict<Cell>[] = [];
  for (const fate of fates) {
    const arena = await openArena(ground, backend, { FACEBOOK_STEPS: steps });
    try {
      const holdQueue = () => (backend === 'redis' ? ground.holdRedis() : holdTable(arena));
      verdicts.push(...(await runMatrix(arena, { fate, steps, holdQueue })));
    } finally {
      await arena.close();
    }
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  const what = `${backend} queue, ${steps === 'two' ? 'two steps' : 'one step'}`;
  print(`\nFault matrix, ${what}: ${verdicts.length} cells in ${seconds} s`);
  print('lives · is killed before the commit · is killed after it');
  printTable(
    ['call', 'effect', 'answer', 'cells', 'exactly one', 'asked', 'broken', 'left hidden'],
    [...rowsOf(verdicts)],
  );
  for (const { what: cell, why } of impossible) print(`impossible: ${cell}: ${why}`);
  return printBroken(verdicts);
}

/** Resolves with how many there are. */
export function printBroken(verdicts: readonly Verdict<Omit<Cell, 'answer' | 'fate'>>[]): number {
  const broken = verdicts.filter(({ outcome }) => outcome === 'broken');
  for (const { cell, problem } of broken) print(`BROKEN ${cell.name}: ${problem}`);
  return broken.length;
}

const calls: readonly Call[] = ['create', 'reveal', 'publish'];

function rowsOf(verdicts: readonly Verdict<Cell>[]): readonly (readonly string[])[] {
  return calls.flatMap((call) =>
    [true, false].flatMap((happened) =>
      answers.flatMap((answer) => {
        const of = verdicts.filter(
          ({ cell }) => cell.call === call && cell.happened === happened && cell.answer === answer,
        );
        if (of.length === 0) return [];
        const said = !happened && answer === '200' ? '200 without an id' : answer;
        return [[call, happened ? 'happened' : 'did not', said, ...countsOf(of)]];
      }),
    ),
  );
}

function countsOf(of: readonly Verdict<Cell>[]): readonly string[] {
  const each = (count: (those: readonly Verdict<Cell>[]) => number): string =>
    fates.map((fate) => count(of.filter(({ cell }) => cell.fate === fate))).join(' · ');
  const withOutcome = (wanted: Verdict<Cell>['outcome']): string =>
    each((those) => those.filter(({ outcome }) => outcome === wanted).length);
  return [
    each((those) => those.length),
    withOutcome('exactly one'),
    withOutcome('a person is asked'),
    withOutcome('broken'),
    each((those) => those.reduce((sum, { orphans }) => sum + orphans, 0)),
  ];
}

/** No worker can say that a job is done while its table is locked. */
async function holdTable({ databaseUrl }: Arena): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('BEGIN');
  await client.query('LOCK TABLE social_publisher_queue.job IN EXCLUSIVE MODE');
  return () => client.end();
}
