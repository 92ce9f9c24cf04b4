import type { Sql } from '../../db/client.ts';
import { timed } from '../../story/story.ts';
import { tellPost } from '../../story/tell.ts';
import type { BoardPost } from './store.ts';

const mostLines = 200;
const longestLine = 500;

/** What happened to a post, a line a moment, the newest last; without its text. */
export async function logOfPost(sql: Sql, post: BoardPost): Promise<string[]> {
  const { story, outlook } = await tellPost(sql, post);
  const lines = timed(story).map(({ time, gap, what, text }) => `${time} ${gap} ${what}: ${text}`);
  const left = Math.max(0, lines.length - mostLines);
  return [
    ...(left === 0 ? [] : [`${left} earlier moments are on the post's own page.`]),
    ...lines.slice(left),
    `The post is ${post.status} now. ${outlook.join(' ')}`,
  ].map((line) => line.slice(0, longestLine));
}
