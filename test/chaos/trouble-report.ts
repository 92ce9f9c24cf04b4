import { z } from 'zod';
import { print, printTable } from '../bench/print.ts';
import type { Arena } from './arena.ts';
import { statuses, type Tally, tally, wronglyBound } from './tally.ts';

/** No post may be later than this after the end, or after its own time. */
const graceMs = 120_000;

/** What befell all Pages, as it went. */
export interface Endured {
  readonly what: string;
  readonly lastsMs: number;
  readonly pages: number;
  /** Every post by its message. */
  readonly due: ReadonlyMap<string, Date>;
  readonly endedAt: number;
  /** Of the Page that was called most while it lasted. */
  readonly mostCalls: number;
  /** Messages to the operator, over all processes: those wanted, and those that there were. */
  readonly errorLines: number;
  readonly lines: readonly string[];
}

interface TroubleReport extends Tally {
  readonly published: number;
  readonly wronglyBound: number;
  /** Posts that lost a try to it, and the errors of theirs. */
  readonly tried: number;
  readonly triedFor: string | null;
  /** Of every post that is out: how long after the end, or after its own time if that was later. */
  readonly lateMs: readonly number[];
}

/** Prints what became of the posts; resolves with how many promises were broken. */
export async function proveEndured(name: string, arena: Arena, endured: Endured): Promise<number> {
  const report = await reportOf(arena, endured);
  printEndured(name, endured, report);
  const { posts, exactlyOnce, published, tried, lateMs } = report;
  const late = lateMs.filter((ms) => ms > graceMs).length;
  const broken = posts - exactlyOnce + (posts - published) + report.wronglyBound + tried + late;
  if (tried > 0) print(`BROKEN: tries were lost to ${report.triedFor}`);
  const { lines, errorLines } = endured;
  if (lines.length === errorLines) return broken;
  print(`BROKEN: ${errorLines} messages expected`);
  for (const line of lines.slice(0, 20)) print(line);
  return broken + 1;
}

const liveSchema = z.looseObject({ message: z.string(), live_at: z.string() });

async function reportOf({ db, meta }: Arena, { due, endedAt }: Endured): Promise<TroubleReport> {
  const live = (await meta.posts()).map((post) => liveSchema.parse(post));
  const lateMs = live.map(({ message, live_at }) => {
    const dueAt = due.get(message)?.getTime() ?? 0;
    return Date.parse(live_at) - Math.max(dueAt, endedAt);
  });
  const [row] = await db.query<{ tried: number; why: string | null }>({
    text: `SELECT count(DISTINCT p.id)::int AS tried, string_agg(DISTINCT a.error ->> 'key', ', ') AS why
           FROM social_publisher.social_posts p JOIN social_publisher.publish_attempts a ON a.post_id = p.id
           WHERE p.tries > 0`,
  });
  return {
    ...(await tally(meta, [...due.keys()])),
    published: (await statuses(db)).get('published') ?? 0,
    wronglyBound: await wronglyBound(db, meta),
    tried: row?.tried ?? 0,
    triedFor: row?.why ?? null,
    lateMs: lateMs.toSorted((a, b) => a - b),
  };
}

function printEndured(name: string, endured: Endured, report: TroubleReport): void {
  const { what, lastsMs, pages, mostCalls, lines } = endured;
  const { posts, published, exactlyOnce, twice, lost, hidden, tried, lateMs } = report;
  print(`\n${name}: ${what} for ${lastsMs / 60_000} minutes, ${pages} Pages`);
  const cells = {
    posts,
    published,
    'exactly once': exactlyOnce,
    twice,
    lost,
    hidden,
    'lost a try': tried,
    's late at most': seconds(lateMs.at(-1)),
    's late, 99 %': seconds(lateMs[Math.floor(lateMs.length * 0.99)]),
    'most calls of a Page': mostCalls,
    messages: lines.length,
  };
  printTable(Object.keys(cells), [Object.values(cells).map(String)]);
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '' : (ms / 1000).toFixed(1);
}
