import { parseArgs } from 'node:util';
import { startPostgres } from '../support/postgres-server.ts';
import { startRedis } from '../support/redis-server.ts';
import { openRunFolder } from '../support/run-folder.ts';
import { type Stats, startTarget } from './children.ts';
import { measureClaims } from './claims.ts';
import { type Load, type Place, runBare, runPipeline } from './contest.ts';
import { print, printTable } from './print.ts';

/** `npm run bench [-- throughput|publishers|lateness|claims …] [--posts N] [--queue redis|postgres]`: see test/bench/README.md. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { posts: { type: 'string' }, queue: { type: 'string' } },
});
const wanted = new Set(positionals);
const posts = values.posts === undefined ? null : Number(values.posts);
const isWanted = (part: string): boolean => wanted.size === 0 || wanted.has(part);

const throughput: Load = { jobs: posts ?? 20_000, concurrency: 200, answerMs: 0, dueInMs: 0 };
/** Few at once, and slow answers: one publisher is at its limit, and two cores are not even with three. */
const publishers: Load = { jobs: posts ?? 5_000, concurrency: 20, answerMs: 200, dueInMs: 0 };
const lateness: Load = {
  jobs: posts ?? 10_000,
  concurrency: 1_000,
  answerMs: 200,
  dueInMs: 6_000,
  pages: 200,
};
/** What each table compares with bare BullMQ. */
const ways = [
  { who: 'one step', steps: 'one' },
  { who: 'two steps', steps: 'two' },
  { who: 'prepared ahead', steps: 'ahead' },
] as const;

const { DATABASE_URL: given } = process.env;
if (given !== undefined) process.env['TEST_DATABASE_URL'] ??= given;

const folder = await openRunFolder('onDisk');
const [postgres, redis, target] = await Promise.all([
  startPostgres(folder),
  startRedis(folder),
  startTarget(),
]);
try {
  const kinds = redis === undefined ? (['postgres'] as const) : (['redis', 'postgres'] as const);
  if (redis === undefined) print('no redis-server on this machine: only the PostgreSQL queue');
  const places = kinds
    .filter((kind) => values.queue === undefined || values.queue === kind)
    .map(
      (kind): Place => ({
        kind,
        serverUrl: postgres.serverUrl,
        redisUrl: redis?.url ?? '',
        target,
      }),
    );
  if (isWanted('throughput')) await compareThroughput(places);
  if (isWanted('publishers')) await comparePublishers(places);
  if (isWanted('lateness')) await compareLateness(places);
  if (isWanted('claims')) await measureClaims(postgres.serverUrl);
} finally {
  await target.close();
  await redis?.stop();
  await postgres.stop();
  await folder.remove();
}

async function compareThroughput(places: readonly Place[]): Promise<void> {
  const { jobs, concurrency } = throughput;
  print(`\n${jobs} posts of 100 Pages, due already, concurrency ${concurrency}, answers at once`);
  const rows: string[][] = [];
  for (const place of places) {
    const bare = await runBare(place, throughput);
    const bareRate = rate(jobs, bare.firstAt, bare.lastAt);
    rows.push([place.kind, 'bare BullMQ', bareRate.toFixed(0), '1.00']);
    for (const { who, steps } of ways) {
      const whole = await runPipeline(place, { ...throughput, steps });
      const wholeRate = rate(jobs, whole.firstAt, whole.settledAt);
      rows.push([place.kind, who, wholeRate.toFixed(0), (wholeRate / bareRate).toFixed(2)]);
    }
  }
  printTable(['queue', 'who', 'posts/s', 'ratio'], rows);
}

async function comparePublishers(places: readonly Place[]): Promise<void> {
  const { jobs, concurrency, answerMs } = publishers;
  print(
    `\n${jobs} posts due already, answers after ${answerMs} ms, concurrency ${concurrency} each`,
  );
  const rows: string[][] = [];
  for (const place of places) {
    let one: number | undefined;
    for (const count of [1, 2, 3]) {
      const { firstAt, settledAt } = await runPipeline(place, { ...publishers, publishers: count });
      const ratePerS = rate(jobs, firstAt, settledAt);
      one ??= ratePerS;
      rows.push([place.kind, String(count), ratePerS.toFixed(0), (ratePerS / one).toFixed(2)]);
    }
  }
  printTable(['queue', 'publishers', 'posts/s', 'ratio'], rows);
}

async function compareLateness(places: readonly Place[]): Promise<void> {
  const { jobs, concurrency, answerMs } = lateness;
  print(
    `\n${jobs} posts of 200 Pages due in the same second, answers after ${answerMs} ms, concurrency ${concurrency}`,
  );
  const rows: string[][] = [];
  for (const place of places) {
    const bare = await runBare(place, lateness);
    rows.push(latenessRow(place, 'bare BullMQ', bare, bare));
    for (const { who, steps } of ways) {
      rows.push(latenessRow(place, who, await runPipeline(place, { ...lateness, steps }), bare));
    }
  }
  printTable(['queue', 'who', 'earliest ms', 'p50 ms', 'p99 ms', 'max ms', 'ratio of p99'], rows);
}

function latenessRow({ kind }: Place, who: string, stats: Stats, bare: Stats): string[] {
  const times = [stats.earliest, stats.p50, stats.p99, stats.max].map(String);
  return [kind, who, ...times, ((stats.p99 ?? 0) / (bare.p99 ?? 1)).toFixed(2)];
}

function rate(jobs: number, firstAt: number | null, lastAt: number | null): number {
  return (jobs * 1000) / Math.max(1, (lastAt ?? 0) - (firstAt ?? 0));
}
