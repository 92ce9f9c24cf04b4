import { print, printTable } from '../bench/print.ts';
import type { QueueBackend } from '../support/redis.ts';
import type { Steps } from './cells.ts';
import type { FrozenReport } from './frozen.ts';
import type { NaiveReport } from './naive.ts';
import { pageCount, type StormReport } from './storm.ts';

export interface StormReports {
  readonly backend: QueueBackend;
  readonly steps: Steps;
  readonly undisturbed: StormReport | null;
  readonly storm: StormReport | null;
  readonly naive: readonly (readonly [name: string, report: NaiveReport])[];
}

/** Prints what became of the posts; resolves with how many promises were broken. */
export function printStorm({ backend, steps, undisturbed, storm, naive }: StormReports): number {
  const posts = storm?.posts ?? undisturbed?.posts ?? naive[0]?.[1].posts ?? 0;
  const what = `${backend} queue, ${steps === 'two' ? 'two steps' : 'one step'}`;
  print(`\nStorm, ${what}: ${posts} posts over ${pageCount} Pages, all due at once`);
  printTable(
    [
      'run',
      's to 99 %',
      's to all',
      'published',
      'exactly once',
      'twice',
      'lost',
      'hidden',
      'kills',
      'lost answers',
      'failed calls',
    ],
    [
      ...(undisturbed === null ? [] : [rowOf('undisturbed', undisturbed)]),
      ...(storm === null ? [] : [rowOf('storm', storm)]),
      ...naive.map(([name, report]) => rowOf(name, report)),
    ],
  );
  if (undisturbed !== null && storm !== null) {
    const ratio = storm.seconds / undisturbed.seconds;
    print(`the storm made it ${ratio.toFixed(1)} times as long`);
  }
  if (storm !== null) print(`meanwhile: ${storm.events.join(', ')}`);
  return [undisturbed, storm].reduce(
    (sum, report) => sum + (report === null ? 0 : check(report)),
    0,
  );
}

function rowOf(name: string, report: StormReport | NaiveReport): readonly string[] {
  return [
    name,
    Number.isNaN(report.secondsOfMost) ? '' : report.secondsOfMost.toFixed(0),
    report.seconds.toFixed(0),
    ...[
      report.published,
      report.exactlyOnce,
      report.twice,
      report.lost,
      report.hidden,
      report.kills,
    ].map(String),
    String(report.lostAnswers),
    String(report.failedCalls),
  ];
}

function check(report: StormReport): number {
  const { posts, published, exactlyOnce, twice, lost, others, found } = report;
  let broken = posts - exactlyOnce + (posts - published) + report.wronglyBound;
  if (broken > 0) {
    print(`BROKEN: ${twice} twice, ${lost} lost, ${report.wronglyBound} bound wrongly; ${others}`);
  }
  if (found !== null) {
    printTable(
      ['looked for the planted token in', 'characters', 'found'],
      found.map(({ place, characters, times }) => [place, String(characters), String(times)]),
    );
    broken += found.filter(({ times, characters }) => times > 0 || characters === 0).length;
  }
  return broken;
}

export function printFrozen(backend: QueueBackend, reports: readonly FrozenReport[]): number {
  print(`\nFrozen workers (SIGSTOP, SIGCONT once others took over), ${backend} queue`);
  printTable(
    ['stopped', 'attempts or workers stopped', 'posts', 'exactly once', 'twice', 'lost', 'else'],
    reports.map(({ what, frozen, posts, exactlyOnce, twice, lost, others }) => [
      what,
      ...[frozen, posts, exactlyOnce, twice, lost].map(String),
      others,
    ]),
  );
  const unproven = reports.filter(({ frozen }) => frozen === 0).length;
  return reports.reduce((sum, { posts, exactlyOnce }) => sum + posts - exactlyOnce, unproven);
}
