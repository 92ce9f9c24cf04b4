import type { Services } from '../services.ts';
import { readStuck, type StuckPost } from './store.ts';

/** A post is told of once in this time, however long it is stuck. */
const tellEveryMs = 60_000;
const lookEveryMs = 5_000;
/** More lines than these a look would only hide the rest of the log. */
const longestList = 20;

export interface RunningWatch {
  close(): Promise<void>;
}

/**
 * Looks for due posts that do not start, and tells the log. On a timer of its own: what it watches (planner, scheduler,
 * queue, workers) cannot be what tells.
 */
export function startWatch(services: Pick<Services, 'db' | 'config' | 'log'>): RunningWatch {
  const toldAtMs = new Map<string, number>();
  let looking: Promise<void> = Promise.resolve();
  const look = (): void => {
    looking = looking.then(() => tellStuck(services, toldAtMs));
  };
  const timer = setInterval(look, Math.min(lookEveryMs, services.config.stuckAfterMs));
  return {
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}

/**
 * `toldAtMs` remembers which posts were told of, and when. An outage of the database is somebody else's to tell.
 * @internal for tests, which look when they want to
 */
export async function tellStuck(
  { db, config, log }: Pick<Services, 'db' | 'config' | 'log'>,
  toldAtMs: Map<string, number>,
): Promise<void> {
  const now = performance.now();
  for (const [id, atMs] of toldAtMs) if (now - atMs >= tellEveryMs) toldAtMs.delete(id);
  const stuck = await readStuck(db, config.stuckAfterMs, 1_000).catch(() => []);
  const news = stuck.filter((post) => !toldAtMs.has(post.id));
  for (const post of news) toldAtMs.set(post.id, now);
  for (const post of news.slice(0, longestList)) log.error(fieldsOf(post), 'due post not started');
  const more = news.length - longestList;
  if (more > 0) log.error({ posts: more }, 'more due posts not started');
}

function fieldsOf({ id, provider, since, stuckS }: StuckPost): object {
  return { postId: id, provider, since, stuckS: Math.round(stuckS) };
}
