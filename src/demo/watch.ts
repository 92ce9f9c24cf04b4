import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient } from '../cli/api.ts';
import { clip, type Output } from '../cli/terminal.ts';
import { type PostView, postView } from '../story/views.ts';

export interface Watched {
  readonly post: PostView;
  readonly expected: string;
  readonly standing: Standing;
}

export interface Watch {
  readonly api: ApiClient;
  readonly tenantIds: readonly string[];
  /** By reference. */
  readonly expected: ReadonlyMap<string, string>;
  readonly screen: Screen;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

const everyMs = 250;

/** Tells every change of every post, until each is where it should be, cannot get there any more, or time is up. */
export async function watchPosts(watch: Watch): Promise<readonly Watched[]> {
  const { screen, signal } = watch;
  const startedAt = performance.now();
  const seen = new Map<string, string>();
  for (;;) {
    const posts = await readPosts(watch);
    for (const { post } of posts) tellChange(post, seen, screen);
    const elapsedMs = performance.now() - startedAt;
    const underWay = posts.filter(({ standing }) => standing === 'under_way').length;
    if (underWay === 0 || elapsedMs > watch.deadlineMs || signal.aborted) {
      screen.draw([]);
      return posts;
    }
    screen.draw(progress(posts, elapsedMs));
    await delay(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

async function readPosts({ api, tenantIds, expected }: Watch): Promise<Watched[]> {
  const posts: PostView[] = [];
  for (const tenantId of tenantIds) {
    posts.push(...(await api.list({ method: 'GET', path: '/v1/posts', tenantId }, postView)));
  }
  return posts
    .map((post) => {
      const where = expected.get(post.reference ?? '') ?? '';
      return { post, expected: where, standing: standingOf(post, where) };
    })
    .toSorted((one, other) => (one.post.reference ?? '').localeCompare(other.post.reference ?? ''));
}

function tellChange(post: PostView, seen: Map<string, string>, screen: Screen): void {
  const before = seen.get(post.id);
  if (before === post.status) return;
  seen.set(post.id, post.status);
  // What happens between being queued and being there takes milliseconds and is nobody's news.
  if (before === undefined && post.status === 'approved') return;
  if (post.status === 'queued' || post.status === 'publishing') return;
  const time = new Date().toISOString().slice(11, 19);
  const detail = post.publish_url ?? post.error?.message ?? post.waiting?.text ?? '';
  screen.say(
    `${time}  ${(post.reference ?? post.id).padEnd(10)}  ${post.status.padEnd(9)}  ${detail}`,
  );
}

const barWidth = 40;

function progress(posts: readonly Watched[], elapsedMs: number): string[] {
  const there = posts.filter(({ standing }) => standing === 'there').length;
  const filled = Math.round((there / Math.max(1, posts.length)) * barWidth);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
  const counts = Map.groupBy(posts, ({ post }) => post.status);
  const text = Array.from(counts, ([status, of]) => `${of.length} ${status}`).join(' · ');
  return [
    '',
    `${bar}  ${there} of ${posts.length} where they should be, ${(elapsedMs / 1000).toFixed(1)} s`,
    text,
  ];
}

/** Where a post of the demo stands against the column `expect` of its row. */
type Standing = 'there' | 'under_way' | 'elsewhere';

const settled = new Set([
  'published',
  'scheduled',
  'drafted',
  'failed',
  'missed',
  'cancelled',
  'unknown',
]);
const withExternalId = new Set(['published', 'scheduled', 'drafted']);

function standingOf(post: PostView, expected: string): Standing {
  if (post.status === expected) return isComplete(post) ? 'there' : 'under_way';
  return settled.has(post.status) ? 'elsewhere' : 'under_way';
}

/** The status alone is not enough: what went out has its id and address, what is held says for what. */
function isComplete(post: PostView): boolean {
  if (withExternalId.has(post.status)) return Boolean(post.external_id && post.publish_url);
  if (post.status === 'approved') return Boolean(post.waiting);
  return true;
}

/** Lines that stay, and below them, on a terminal, lines that are redrawn in place. */
export interface Screen {
  say(line: string): void;
  /** Replaces what was drawn before; elsewhere than on a terminal nothing is drawn. */
  draw(lines: readonly string[]): void;
}

export function createScreen(output: Output): Screen {
  let drawn: readonly string[] = [];
  const erase = (): string => (drawn.length === 0 ? '' : `\u001B[${drawn.length}A\u001B[J`);
  const paint = (lines: readonly string[]): string =>
    lines.map((line) => `${clip(line, (output.columns ?? 80) - 1)}\n`).join('');
  return {
    say(line) {
      output.write(`${erase()}${line}\n${paint(drawn)}`);
    },
    draw(lines) {
      if (output.isTTY !== true) return;
      output.write(`${erase()}${paint(lines)}`);
      drawn = lines;
    },
  };
}
